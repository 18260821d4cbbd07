# /// script
# dependencies = ["nox[uv]>=2025.5"]
# ///
"""Sessions; arguments after -- go to the command: nox -s reproduce_table_b -- --seeds 1."""

from collections.abc import Callable
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

EXPERIMENTS = sorted(
    path.stem
    for path in Path("experiments").glob("*.py")
    if "\nEXPERIMENT = " in path.read_text(encoding="utf-8")
)
TABLES = [name for name in EXPERIMENTS if name.startswith("table_")]
COMPARISONS = [name for name in EXPERIMENTS if not name.startswith("table_")]
SOURCES = ("harness", "experiments", "benchmarks", "tests", "noxfile.py")


def install(session: nox.Session, *groups: str) -> None:
    """Install the harness and the given dependency groups, in the locked versions."""
    options = [word for group in groups for word in ("--group", group)]
    session.install("--constraints", "requirements.lock", "--editable", ".", *options)


def run(session: nox.Session, *words: str) -> None:
    """Run a module and cache bytecode, since every trial's process imports torch."""
    session.run("python", "-m", *words, env={"PYTHONDONTWRITEBYTECODE": ""})


def harness(session: nox.Session, *arguments: str) -> None:
    """Run the command line."""
    run(session, "harness", *arguments)


def benchmark(session: nox.Session, *arguments: str) -> None:
    """Run a benchmark."""
    run(session, "benchmarks", *arguments)


def title(table: str) -> str:
    """Return the title of a table, read from its file without importing it."""
    text = Path("experiments", f"{table}.py").read_text(encoding="utf-8")
    return text.partition('title="')[2].partition('"')[0]


def table_session(table: str) -> Callable[[nox.Session], None]:
    """Return the session that runs one table."""

    def reproduce(session: nox.Session) -> None:
        install(session)
        harness(session, "run", table, *session.posargs)

    reproduce.__doc__ = f"Run {table.replace('_', ' ')} at desk scale: {title(table)}."
    return reproduce


for name in EXPERIMENTS:
    nox.session(table_session(name), name=f"reproduce_{name}", default=False)


@nox.session(default=False)
def reproduce_ablations(session: nox.Session) -> None:
    """Run all ablation tables at desk scale; a trial shared by several tables runs once."""
    install(session)
    harness(session, "run", *TABLES, *session.posargs)


@nox.session(default=False)
def reproduce_comparisons(session: nox.Session) -> None:
    """Run all comparisons at desk scale; a trial shared by several tables runs once."""
    install(session)
    harness(session, "run", *COMPARISONS, *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; -- -m "not slow" skips the slow ones."""
    install(session, "test")
    run(session, "pytest", "-m", "not chaos and not gpu", *session.posargs)


@nox.session(default=False)
def chaos(session: nox.Session) -> None:
    """Kill drivers, workers, nodes and servers, and compare with an uninterrupted run."""
    install(session, "test")
    run(session, "pytest", "-n", "0", "-m", "chaos", *session.posargs)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Fuzz the readers of foreign files with atheris; -- SECONDS for all of them, else 600."""
    install(session, "test", "fuzz")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session(default=False)
def gpu(session: nox.Session) -> None:
    """Compare a GPU with a CPU and ranks with one, and measure; skipped without a GPU."""
    install(session, "test")
    # A card brings warnings of its own, and none of them should hide the rest.
    words = ("-n", "0", "-W", "default", "-m", "gpu", "tests/gpu")
    run(session, "pytest", *words, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and the imports between rooms."""
    session.install("--constraints", "requirements.lock", "--group", "lint")
    session.run("ruff", "check", *SOURCES)
    session.run("ruff", "format", "--check", *SOURCES)
    # import-linter reads the sources without importing them, so the harness is not installed here.
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Type-check with strict mypy."""
    install(session, "test", "types")
    session.run("mypy", "harness", "experiments", "benchmarks")


@nox.session(default=False)
def report(session: nox.Session) -> None:
    """Rebuild the published tables, figures and index page from the published records."""
    install(session)
    harness(session, "report", "--results", "results", *session.posargs)


@nox.session(default=False)
def figures(session: nox.Session) -> None:
    """Redraw the published figures and fail if any file would change by a byte."""
    install(session)
    harness(session, "figures", "--check", "--results", "results", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Benchmark the DSA operator, and a network with DSA against one without."""
    install(session)
    benchmark(session, "dsa", *session.posargs)


@nox.session(default=False)
def bench_data(session: nox.Session) -> None:
    """Benchmark video reading against other decoders and pipelines, on generated videos."""
    install(session)
    benchmark(session, "reading", *session.posargs)


@nox.session(default=False)
def bench_records(session: nox.Session) -> None:
    """Benchmark reading results folders of 100, 1,000 and 10,000 records."""
    install(session)
    benchmark(session, "records", *session.posargs)


@nox.session(default=False)
def bench_scale(session: nox.Session) -> None:
    """Benchmark the start of a trial over data sets of 2,400, 24,000 and 240,000 videos."""
    install(session)
    benchmark(session, "scale", *session.posargs)


@nox.session(default=False)
def bench_schedule(session: nox.Session) -> None:
    """Benchmark scheduling of idle trials against bare Ray Tune, and the cost of logging."""
    install(session)
    benchmark(session, "scheduling", *session.posargs)


@nox.session(default=False)
def bench_train(session: nox.Session) -> None:
    """Benchmark training steps of TSN, DSA and V4D; use -- --device cuda on a GPU."""
    install(session)
    benchmark(session, "training", *session.posargs)


@nox.session(default=False)
def ui(session: nox.Session) -> None:
    """Serve the runs of every table in MLflow."""
    install(session)
    harness(session, "ui", *session.posargs)
