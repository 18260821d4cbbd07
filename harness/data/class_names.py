"""Names of classes: official tables in the order of their labels."""

from pathlib import Path

_TABLES = Path(__file__).with_suffix("")


def official(name: str) -> tuple[str, ...]:
    """Return the official class names of a data set, by label."""
    return tuple((_TABLES / f"{name}.txt").read_text(encoding="utf-8").splitlines())
