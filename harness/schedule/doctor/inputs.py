"""Checks of what trials read: passports of data sets, and initial weights."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import data
from harness.data import passport
from harness.schedule.doctor.checks import CheckResult, ok, problem
from harness.specs import Trial
from harness.zoo import initial_weights


def check_passports(trials: Sequence[Trial], root: Path) -> Iterator[CheckResult]:
    """Check the passports of the data sets of trials."""
    for name in sorted({trial.data.name for trial in trials}):
        what, path = f"data {name}", data.passport_path(name, root)
        command = f"harness data check {name} --root FOLDER --data {shlex.quote(str(root))}"
        if name in data.GENERATED:
            yield ok(what, "made by the first run")
        elif not path.is_file():
            yield problem(what, f"{path} is missing", f"make it with `{command}`")
        else:
            yield _check_passport(what, path, command)


def _check_passport(what: str, path: Path, command: str) -> CheckResult:
    try:
        splits = passport.read(path).splits
    except ValueError as error:
        return problem(what, str(error), f"make it again with `{command}`")
    counts = ", ".join(f"{len(videos):,} {split}" for split, videos in splits.items())
    return ok(what, f"{counts} videos in its passport")


def check_weights(trials: Sequence[Trial], root: Path | None) -> Iterator[CheckResult]:
    """Check the initial weights of trials."""
    for result in initial_weights.check(((trial.model, trial.data) for trial in trials), root):
        what = f"weights {result.name}"
        if result.remedy:
            yield problem(what, result.finding, result.remedy)
        else:
            yield ok(what, result.finding)
