"""Tables collected from the records of a test."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from harness.experiment import Experiment
from harness.plan import comparisons
from harness.plan.request import Request
from harness.record import Record
from harness.report.claims import JudgedClaim
from harness.report.collect import collect
from harness.report.judge import JudgedTable
from harness.report.results import TableResult
from harness.runtime import Runtime
from harness.specs import Scale, Trial
from harness.stats.verdict import Verdict
from tests.helpers.tiny_trials import shrunk


def request(
    experiment: Experiment,
    results: Path,
    *,
    scale: Scale = "desk",
    rescale: Callable[[Trial], Trial] = shrunk,
    family: Sequence[Experiment] = (),
) -> Request:
    """Return the request for a tiny table at a scale."""
    runtime = Runtime(results=results, data=results / "data")
    return Request(
        experiment=experiment,
        scale=scale,
        rescale=rescale,
        seeds=3,
        runtime=runtime,
        family=comparisons.family(family, rescale),
    )


def collected(
    experiment: Experiment, records: Sequence[Record], results: Path = Path(), **how: object
) -> TableResult:
    """Collect a table from records that need not lie in its folder."""
    return collect(request(experiment, results, **how), records)  # type: ignore[arg-type]


def judged(
    table: TableResult,
    *,
    verdicts: Mapping[str, Verdict] | None = None,
    claims: Sequence[JudgedClaim] = (),
) -> JudgedTable:
    """Return a table with made-up verdicts and claims."""
    return JudgedTable(table=table, verdicts=verdicts or {}, claims=tuple(claims))
