# /// script
# dependencies = ["nox[uv]>=2025.5"]
# ///
"""Sessions; what follows -- goes to the command, as in nox -s reproduce_table_b -- --seeds 1."""

from collections.abc import Callable
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

TABLES = sorted(path.stem for path in Path("experiments").glob("table_*.py"))
SOURCES = ("harness", "experiments", "benchmarks", "tests", "noxfile.py")


def install(session: nox.Session, *groups: str) -> None:
    """Install the harness with the locked versions, and dependency groups."""
    chosen = [word for group in groups for word in ("--group", group)]
    session.install("--constraints", "requirements.lock", "--editable", ".", *chosen)


def harness(session: nox.Session, *words: str) -> None:
    """Run the command line, with compiled modules kept: every trial's process imports torch."""
    session.run("python", "-m", "harness", *words, env={"PYTHONDONTWRITEBYTECODE": ""})


def benchmark(session: nox.Session, *words: str) -> None:
    """Run a benchmark, with compiled modules kept."""
    session.run("python", "-m", "benchmarks", *words, env={"PYTHONDONTWRITEBYTECODE": ""})


def title(table: str) -> str:
    """Read the title of a table from its file, without importing it."""
    text = Path("experiments", f"{table}.py").read_text(encoding="utf-8")
    return text.partition('title="')[2].partition('"')[0]


def reproduction(table: str) -> Callable[[nox.Session], None]:
    """Make the session of one table."""

    def reproduce(session: nox.Session) -> None:
        install(session)
        harness(session, "run", table, *session.posargs)

    reproduce.__doc__ = f"Run {table.replace('_', ' ')} at desk scale: {title(table)}."
    return reproduce


for name in TABLES:
    nox.session(reproduction(name), name=f"reproduce_{name}", default=False)


@nox.session(default=False)
def reproduce_ablations(session: nox.Session) -> None:
    """Run every ablation table at desk scale; what tables share runs once."""
    install(session)
    harness(session, "run", *TABLES, *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; -- -m "not slow" leaves out the slow ones."""
    install(session, "test")
    session.run("pytest", "-m", "not chaos", *session.posargs)


@nox.session(default=False)
def chaos(session: nox.Session) -> None:
    """Kill drivers, workers, nodes and servers, and compare with an undisturbed run."""
    install(session, "test")
    session.run("pytest", "-n", "0", "-m", "chaos", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("--constraints", "requirements.lock", "--group", "lint")
    session.run("ruff", "check", *SOURCES)
    session.run("ruff", "format", "--check", *SOURCES)


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    install(session, "test", "types")
    session.run("mypy", "harness", "experiments", "benchmarks")


@nox.session(default=False)
def report(session: nox.Session) -> None:
    """Write the published tables, figures and their page again from the published records."""
    install(session)
    harness(session, "report", "--results", "results", *session.posargs)


@nox.session(default=False)
def figures(session: nox.Session) -> None:
    """Draw every published figure again, and fail if a byte of one would move."""
    install(session)
    harness(session, "figures", "--check", "--results", "results", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the DSA operator, and what DSA costs a whole network."""
    install(session)
    benchmark(session, "dsa", *session.posargs)


@nox.session(default=False)
def bench_data(session: nox.Session) -> None:
    """Measure reading of videos against other ways, on videos that it makes."""
    install(session)
    benchmark(session, "reading", *session.posargs)


@nox.session(default=False)
def bench_schedule(session: nox.Session) -> None:
    """Measure a run of idle trials beside bare Ray Tune, and what logging costs."""
    install(session)
    benchmark(session, "scheduling", *session.posargs)


@nox.session(default=False)
def bench_train(session: nox.Session) -> None:
    """Measure training steps of TSN, DSA and V4D; -- --device cuda on a GPU."""
    install(session)
    benchmark(session, "training", *session.posargs)


@nox.session(default=False)
def ui(session: nox.Session) -> None:
    """Open the runs of every table in MLflow."""
    install(session)
    harness(session, "ui", *session.posargs)
