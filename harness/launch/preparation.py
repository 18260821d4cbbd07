"""The trials of a launch, and what has to be in order before the first of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from harness import data, record
from harness.data import sizes
from harness.plan import grid
from harness.plan.grid import PlannedTrial
from harness.plan.request import Request, planned_trials
from harness.provenance import code
from harness.record import Record
from harness.report import preregistration
from harness.report.collect import collect
from harness.report.results import TableResult
from harness.runtime import Runtime
from harness.tables import each_of
from harness.tracking.mirrors import Mirrors
from harness.zoo import initial_weights


def check_count(requests: Sequence[Request], limit: int) -> None:
    """Refuse a grid that is larger than anyone would mean."""
    rows = {
        record.trial_key(request.rescale(trial), "")
        for request in requests
        for row in grid.select_rows(request.experiment, request.rows).rows
        for trial in row.trials
        if request.experiment.trains
    }
    count = len(rows) * len(grid.seed_numbers(requests[0].seeds))
    if count > limit:
        raise ValueError(
            f"{count:,} trials are more than the limit of {limit:,}; raise it with --max-trials"
        )


@dataclass(frozen=True, kw_only=True)
class PlannedTable:
    """A table whose networks can all be built, with its trials and its results so far."""

    request: Request
    trials: Sequence[PlannedTrial]
    result: TableResult


def plan(
    requests: Sequence[Request], log: Callable[[str], None], warn: Callable[[str], None]
) -> list[PlannedTable]:
    """Plan the trials of all tables; warn of a broken table, and leave it out.

    Raises:
        BrokenTableError: If no table is left.
    """
    progress = _progress_in_tenths(log)

    def plan_one(request: Request) -> PlannedTable:
        trials = planned_trials(request, progress=progress)
        return PlannedTable(request=request, trials=trials, result=collect(request))

    return list(each_of(requests, plan_one, warn))


def trials_by_key(tables: Sequence[PlannedTable]) -> dict[str, list[PlannedTrial]]:
    """List the trials of all tables by their keys; tables may share one."""
    trials: dict[str, list[PlannedTrial]] = {}
    for table in tables:
        for trial in table.trials:
            trials.setdefault(trial.key, []).append(trial)
    return trials


def _progress_in_tenths(log: Callable[[str], None]) -> data.Progress:
    """Return a progress callback that logs every tenth of a long step."""

    def show(what: str, done: int, total: int) -> None:
        if done * 10 // total > (done - 1) * 10 // total:
            log(f"making {what}: {done} of {total}")

    return show


def is_open(trial: PlannedTrial, request: Request) -> bool:
    """Return whether a trial is to run."""
    return trial.state == "missing" or (trial.state == "stale" and not request.keep_stale)


def recorded_since(planned: PlannedTrial, request: Request) -> Record | None:
    """Return the record that another driver made of a trial that was to run; None if none did."""
    found = record.find(request.runtime.results, planned.key)
    if found is None:
        return None
    is_usable = request.keep_stale or found.is_made_by(code.hashes(planned.trial))
    return found if is_usable else None


def check_initial_weights(todo: Sequence[PlannedTrial], runtime: Runtime) -> None:
    """Refuse a run whose initial weights are missing or wrong, before its first trial.

    Raises:
        ValueError: Names each such file.
    """
    networks = ((planned.trial.model, planned.trial.data) for planned in todo)
    checks = initial_weights.check(networks, runtime.weights)
    faults = [
        f"initial weights {result.name}: {result.finding}; {result.remedy}"
        for result in checks
        if result.remedy
    ]
    if faults:
        raise ValueError(". ".join(faults))


def declare(tables: Sequence[PlannedTable]) -> None:
    """Write down the claims of the tables before their first result."""
    moment = datetime.now(UTC)
    for table in tables:
        rows = table.result.rows if table.request.experiment.trains else ()
        data = table.request.runtime.data
        digests = {
            row.label: sizes.passport_digest(row.trial.data, data) for row in rows if row.trial
        }
        preregistration.preregister(
            table.result,
            passports={row: digest for row, digest in digests.items() if digest},
            moment=moment,
        )


def mirror_recorded(
    mirror: Mirrors, shared: Mapping[str, Sequence[PlannedTrial]], request: Request
) -> None:
    """Mirror trials with a record: an earlier driver may have been killed before it did."""
    for trials in shared.values():
        for trial in trials:
            if trial.record is not None and not is_open(trial, request):
                mirror.finish_trial(trial, trial.record)
