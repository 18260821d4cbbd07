"""Checks of what trials read: passports of data sets, and initial weights."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import data
from harness.data import passport
from harness.data.passport import Passport
from harness.schedule.doctor.checks import CheckResult, ok, problem
from harness.specs import Trial
from harness.utils.redaction import redact
from harness.zoo import initial_weights


def check_passports(trials: Sequence[Trial], root: Path) -> Iterator[CheckResult]:
    """Check the passports of the data sets of trials, and the packet indices beside them."""
    for name in sorted({trial.data.name for trial in trials}):
        what, path = f"data {name}", data.passport_path(name, root)
        command = f"harness data check {name} --root FOLDER --data {shlex.quote(str(root))}"
        if name in data.GENERATED:
            yield ok(what, "made by the first run")
        elif not path.is_file():
            yield problem(what, f"{path} is missing", f"make it with `{command}`")
        else:
            yield from _check_passport(name, root, command)


def _check_passport(name: str, root: Path, command: str) -> Iterator[CheckResult]:
    what = f"data {name}"
    try:
        found = passport.read(data.passport_path(name, root))
    except ValueError as error:
        yield problem(what, str(error), f"make it again with `{command}`")
        return
    counts = ", ".join(f"{len(videos):,} {split}" for split, videos in found.splits.items())
    yield ok(what, f"{counts} videos in its passport")
    firsts = [videos[0] for videos in found.splits.values() if videos]
    has_files = not all(video.path.is_dir() for video in firsts)
    if has_files and data.find_packet_index(name, root, found.digest) is None:
        yield _missing_index(name, found, command)


def _missing_index(name: str, found: Passport, command: str) -> CheckResult:
    """Return how to get a packet index, without which every file is read all the same."""
    is_packed = any(video.span for videos in found.splits.values() for video in videos[:1])
    if is_packed:
        remedy = "repeat `harness data pack` once the packed data set has one"
    elif found.changed:
        remedy = "repeat `harness data copy`; copies of a version without it need a new folder"
    else:
        remedy = f"`{command}` writes it"
    finding = "no current packet index, so each process opens every container before a first read"
    return CheckResult(level="ok", what=f"packets {name}", finding=finding, remedy=redact(remedy))


def check_weights(trials: Sequence[Trial], root: Path | None) -> Iterator[CheckResult]:
    """Check the initial weights of trials."""
    for result in initial_weights.check(((trial.model, trial.data) for trial in trials), root):
        what = f"weights {result.name}"
        if result.remedy:
            yield problem(what, result.finding, result.remedy)
        else:
            yield ok(what, result.finding)
