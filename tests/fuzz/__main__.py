"""Fuzzing with atheris: python -m tests.fuzz SECONDS, shared by all targets; a crash ends it."""

import subprocess
import sys
import tempfile
from pathlib import Path

import atheris


def main() -> None:
    """Run every target in a process of its own, or one that is named."""
    if len(sys.argv) > 1 and sys.argv[1] == "--target":
        _fuzz(sys.argv[2], sys.argv[3:])
        return
    from tests.fuzz.targets import seeds

    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    for target, content in seeds().items():
        with tempfile.TemporaryDirectory() as corpus:
            (Path(corpus) / "seed").write_bytes(content)
            share = f"-max_total_time={max(seconds // len(seeds()), 1)}"
            words = ["-m", "tests.fuzz", "--target", target.__name__, share, corpus]
            subprocess.run([sys.executable, *words], check=True)


def _fuzz(name: str, options: list[str]) -> None:
    with atheris.instrument_imports(include=["harness"]):
        from tests.fuzz import targets

    atheris.Setup(["tests.fuzz", *options], getattr(targets, name))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
