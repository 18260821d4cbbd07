"""A table from its file to its trials, and from their records to its files and its figure."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness import (
    copies,
    data,
    figures,
    judge,
    plan,
    record,
    report,
    tradeoff,
)
from harness.data import desk
from harness.data.passport import Passport
from harness.evidence import Evidence
from harness.judge import Judged
from harness.plan import Planned
from harness.provenance import code
from harness.record import Record
from harness.report import Line
from harness.runtime import Runtime
from harness.specs import Experiment, Scale, Trial
from harness.track import Output


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asks of a table.

    Attributes:
        experiment: The table, at paper scale.
        scale: Name of the scale.
        shrink: What the scale does to a trial.
        seeds: Trials per row.
        runtime: Where and how trials run.
        rows: Labels of the rows to run; none for all.
        keep_stale: Count records that other code made, instead of running their trials again.
    """

    experiment: Experiment
    scale: Scale
    shrink: Callable[[Trial], Trial]
    seeds: int
    runtime: Runtime
    rows: tuple[str, ...] = ()
    keep_stale: bool = False


def planned(request: Request, *, progress: data.Progress | None = None) -> list[Planned]:
    """List the trials of a request; the data are made or checked on the way.

    Raises:
        ValueError: If the data are not there or damaged, or the table asks for what is not there.
    """
    passports: dict[str, Passport] = {}

    def passport(each: Trial) -> str:
        place = f"{each.data.name} {sorted(each.data.options.items())}"
        if place not in passports:
            passports[place] = data.known(each.data, request.runtime.data, progress)
        videos, batch = len(passports[place].splits["train"]), each.train.batch_videos
        if videos < batch:
            few = f"{each.data.name} has {videos} training videos, no batch of {batch}"
            raise ValueError(f"{few}; --batch asks for a smaller one")
        return passports[place].digest

    return plan.trials(
        plan.narrowed(request.experiment, request.rows),
        scale=request.shrink,
        seeds=request.seeds,
        passport=passport,
        code=code.hashes,
        results=request.runtime.results,
    )


def write(request: Request) -> Output:
    """Write the table and draw its figure from the records that are there."""
    experiment, scale = request.experiment, request.scale
    known = evidence(request)
    found, claims = lines(known), judge.claims(known)
    tables = report.write(
        experiment, found, scale=scale, results=request.runtime.results, claims=claims
    )
    if tradeoff.compares(experiment):
        tables.append(tradeoff.write(experiment, request.runtime.results))
    return Output(
        files=(*tables, *_draw(request, found)),
        markdown=report.markdown(experiment, found, scale=scale, claims=claims),
        verdicts={line.row.label: line.verdict.word for line in found if line.verdict},
        claims=[_plain(each) for each in claims],
        stale=_stale(known),
    )


def _plain(judged: Judged) -> dict[str, Any]:
    """Return a judged claim as JSON can hold it."""
    return asdict(judged) | {"claim": judged.claim.text}


def _stale(known: Evidence) -> frozenset[str]:
    """Return the keys of the records that other code made."""
    return frozenset(
        each.key
        for row in known.experiment.rows
        if row.trial is not None
        for each in known.of(row)
        if each.code != known.code(known.shrink(row.trial))
    )


def evidence(request: Request) -> Evidence:
    """Return what the table is judged from."""
    return Evidence(
        experiment=request.experiment,
        scale=request.scale,
        shrink=request.shrink,
        code=code.hashes,
        results=request.runtime.results,
        records=record.read_all(request.runtime.results),
        passport=lambda each: copies.passport(each.data, request.runtime.data),
    )


def is_written(request: Request) -> bool:
    """Say whether the table was written before."""
    name = report.stem(request.experiment, request.scale)
    return (request.runtime.results / "tables" / f"{name}.md").is_file()


def draw(request: Request) -> list[Path]:
    """Draw the figure of the table from the records that are there."""
    return _draw(request, lines(evidence(request)))


def records(request: Request) -> list[Record]:
    """Return the distinct records that the table is made from."""
    known = evidence(request)
    found = [each for row in request.experiment.rows for each in known.of(row)]
    return list({each.key: each for each in found}.values())


def lines(known: Evidence) -> list[Line]:
    """Return the rows of the table with what was counted and measured."""
    return report.lines(
        known.experiment,
        known.records,
        scale=known.shrink,
        code=known.code,
        verdicts=judge.cells(known),
    )


def _draw(request: Request, found: Sequence[Line]) -> list[Path]:
    experiment, results = request.experiment, request.runtime.results
    drawn = figures.table(
        experiment,
        found,
        scale=request.scale,
        ceilings=desk.CEILINGS if request.scale == "desk" else {},
        results=results,
    )
    if tradeoff.compares(experiment):
        drawn += figures.comparison(experiment, results=results)
    return drawn
