"""Records and costs of the rows of a table, found once per table.

Nothing else looks for records of a row or decides staleness.
"""

from collections.abc import Sequence
from dataclasses import replace

from experiments.scales import SCALES
from harness import record, video_scores
from harness.cost.rows import RowCost, row_cost
from harness.data import sizes
from harness.experiment import Row
from harness.plan import comparisons, grid
from harness.plan.comparisons import Comparison
from harness.plan.request import Request
from harness.provenance import code
from harness.record import Record, Records, parts_of
from harness.report import preregistration
from harness.report.results import ComparedRecords, RowResult, State, TableResult, metric_of
from harness.specs import Trial, as_dict
from harness.tables import blame
from harness.video_scores import BadScoresError

_USUAL_SEEDS = range(100)  # of work in progress, besides those that a request or a record names


def collect(request: Request, records: Sequence[Record] | None = None) -> TableResult:
    """Find the records and count the costs of every row of a table.

    Records of an ensemble whose scores are damaged are set aside.

    Args:
        request: The table, its scale and where its records are.
        records: Of any trials; None reads those in the results folder of the request.

    Raises:
        ValueError: If a passport cannot be read.
    """
    if not isinstance(records, Records):
        folder = request.runtime.results
        records = record.read_all(folder) if records is None else Records(records)
    while True:
        try:
            return _collect(request, records)
        except BadScoresError as error:
            records = records.without(error.key, str(error))


def _collect(request: Request, records: Records) -> TableResult:
    results, experiment = request.runtime.results, request.experiment
    obstacles = {
        claim: comparisons.obstacle(experiment, claim, request.rescale)
        for claim in experiment.claims
    }
    own = comparisons.family([experiment], request.rescale)
    family = {comparison.key: comparison for comparison in (*request.family, *own)}
    return TableResult(
        experiment=experiment,
        scale=request.scale,
        base=request.base,
        results=results,
        rows=tuple(_row(row, request, records) for row in experiment.rows),
        obstacles={claim: verdict for claim, verdict in obstacles.items() if verdict},
        family=tuple(_compared(comparison, request, records) for comparison in family.values()),
        faults=(*records.faults, *preregistration.faults(results)),
    )


def _compared(
    comparison: Comparison, request: Request, records: Sequence[Record]
) -> ComparedRecords:
    first, second = (_fresh_records(row, request, records) for row in comparison.rows)
    return ComparedRecords(comparison=comparison, records=(first, second))


def _fresh_records(row: Row, request: Request, records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the records of a row; none if some were made by other code."""
    own = _records_of(row, request, records)
    return () if _stale(own, row, request) else tuple(own)


def _records_of(row: Row, request: Request, records: Sequence[Record]) -> list[Record]:
    """Return the records of a row by seed; those of an ensemble, where every network has one."""
    networks = [grid.records_of(trial, records, rescale=request.rescale) for trial in row.trials]
    if len(networks) < 2:
        return [record for own in networks for record in own]
    by_seed = [{record.trial["seed"]: record for record in own} for own in networks]
    parts = [[own[seed] for own in by_seed] for seed in set.intersection(*map(set, by_seed))]
    return [
        video_scores.fuse(request.runtime.results, same_seed)
        for same_seed in sorted(parts, key=lambda parts: int(parts[0].trial["seed"]))
        if len({part.passport for part in same_seed}) == 1
    ]


def _stale(records: Sequence[Record], row: Row, request: Request) -> frozenset[str]:
    """Return the keys of the records of a row that other code made, or made a part of."""
    if not records:
        return frozenset()
    codes = [code.hashes(request.rescale(trial)) for trial in row.trials]
    return frozenset(
        record.key
        for record in records
        if any(part.code != own for part, own in zip(parts_of(record), codes, strict=True))
    )


def _row(row: Row, request: Request, records: Sequence[Record]) -> RowResult:
    trial = request.rescale(row.trial) if row.trial else None
    own = _records_of(row, request, records)
    with blame(request.experiment.name, row.label):
        stale = _stale(own, row, request)
        cost = _cost(row, request, has_run=bool(own))
    return RowResult(
        row=row,
        trial=trial,
        records=tuple(own),
        stale=stale,
        state=_state(row, own, stale) or _state_of_work(row, request, records),
        metric=metric_of(request.experiment),
        cost=cost,
        altered=comparisons.altered(row, request.experiment.ablates, request.rescale),
        changes=_changes(row, request),
    )


def _cost(row: Row, request: Request, *, has_run: bool) -> RowCost | None:
    """Count a row at paper scale, beside its printed costs; on own terms, the network that ran."""
    if request.scale != "own" or row.trial is None:
        return row_cost(row)
    if not has_run:  # the terms may not allow its network, which nobody asked for
        return None
    trial, *others = (request.rescale(trial) for trial in row.trials)
    return row_cost(replace(row, trial=trial, ensemble=tuple(others), published={}))


def _changes(row: Row, request: Request) -> str:
    if request.scale != "own" or row.trial is None:
        return ""
    unchanged = SCALES[request.base](row.trial)
    return comparisons.changes_text(
        request.rescale(row.trial), unchanged, lambda path: path != "scale"
    )


def _state(row: Row, records: Sequence[Record], stale: frozenset[str]) -> State | None:
    """Return the state of a row by its specification and records; None for a row without any."""
    if row.trial is None:
        return "quoted"
    if not records:
        return None
    return "stale" if stale else "measured"


def _state_of_work(row: Row, request: Request, records: Sequence[Record]) -> State:
    """Look for work of a row's trials on the local data, or on data that have other records."""
    work = request.runtime.results / "work"
    if not any(work.glob("*")):
        return "not run"
    trials = [request.rescale(trial) for trial in row.trials]
    has_work = any(_has_work(trial, request, records) for trial in trials)
    return "interrupted" if has_work else "not run"


def _has_work(trial: Trial, request: Request, records: Sequence[Record]) -> bool:
    work = request.runtime.results / "work"
    name = trial.data.name
    passports = {record.passport for record in records if record.trial["data"]["name"] == name}
    local = sizes.passport_digest(trial.data, request.runtime.data)
    passports |= {local} if local else set()
    seeds = {int(record.trial["seed"]) for record in records}
    seeds |= {*_USUAL_SEEDS, *grid.seed_numbers(request.seeds)}
    fields, unfinished = as_dict(trial), {path.name for path in work.glob("*")}
    return any(
        record.key_of(fields | {"seed": seed}, passport) in unfinished
        for passport in passports
        for seed in seeds
    )
