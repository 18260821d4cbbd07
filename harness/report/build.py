"""A table from its records to its verdicts, its files and its figure."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.data.datasets import desk
from harness.plan.request import Request
from harness.report import figures, tradeoff
from harness.report import table as report_table
from harness.report.judge import JudgedClaim, JudgedTable, judge
from harness.report.output import TableOutput
from harness.report.results import TableResult, collect


def judged(request: Request) -> JudgedTable:
    """Collect the records of a table and judge it.

    Raises:
        ValueError: If a record, its scores or a passport cannot be read.
    """
    return judge(collect(request))


def write(judged: JudgedTable) -> TableOutput:
    """Write the table and draw its figure."""
    table = judged.table
    files = report_table.write(judged)
    if tradeoff.compares(table.experiment):
        files.append(tradeoff.write(table.experiment, table.results))
    return TableOutput(
        files=(*files, *draw(table)),
        markdown=report_table.markdown(judged),
        verdicts={label: verdict.word for label, verdict in judged.verdicts.items()},
        claims=[_plain(claim) for claim in judged.claims],
        stale=table.stale,
    )


def draw(table: TableResult) -> list[Path]:
    """Draw the figures of a table."""
    drawn = figures.table(table, ceilings=desk.CEILINGS if table.scale == "desk" else {})
    if tradeoff.compares(table.experiment):
        drawn += figures.comparison(table.experiment, results=table.results)
    return drawn


def is_written(request: Request) -> bool:
    """Say whether the table was written before."""
    name = report_table.stem(request.experiment, request.scale)
    return (request.runtime.results / "tables" / f"{name}.md").is_file()


def _plain(judged: JudgedClaim) -> dict[str, Any]:
    """Return a judged claim as JSON can hold it."""
    return asdict(judged) | {"claim": judged.claim.text}
