"""The page of all tables, from the records alone."""

from collections.abc import Sequence
from pathlib import Path

from harness import record
from harness.report import figures, page
from harness.report.judge import JudgedTable
from harness.report.output import TableOutput
from harness.report.page import Chapter

ABLATION = "table_"  # these come first, comparisons with other work behind them


def write(tables: Sequence[tuple[JudgedTable, TableOutput]]) -> Path:
    """Write the page of some tables, with their trade-off if it was drawn.

    Args:
        tables: Each with what was written for it; all of one scale and one results folder.
    """
    first = tables[0][0].table
    ordered = sorted(
        tables, key=lambda pair: not pair[0].table.experiment.name.startswith(ABLATION)
    )
    chapters = [_chapter(judged, output.files) for judged, output in ordered]
    tradeoff = first.results / "figures" / f"{first.scale}-tradeoff.svg"
    overview = [tradeoff.read_bytes()] if tradeoff.is_file() else []
    records = record.read_all(first.results)
    return page.write(chapters, records, overview=overview, results=first.results)


def _chapter(judged: JudgedTable, files: Sequence[Path]) -> Chapter:
    rows = judged.table.rows if judged.table.experiment.trains else ()
    return page.chapter(
        judged,
        figures=[path.read_bytes() for path in files if path.match("*.svg") and _is_wide(path)],
        curves={row.label: figures.curves(row.records) for row in rows if row.records},
    )


def _is_wide(path: Path) -> bool:
    """Leave out what is drawn a second time for one column of a paper."""
    return not path.stem.endswith("-column")
