"""A table from its records to its files, and the page of several tables."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness import record
from harness.cost import sound
from harness.data.datasets import desk_recipe
from harness.plan.request import Request
from harness.record import Records
from harness.report import figures, page, table_csv, tradeoff
from harness.report import table as report_table
from harness.report.claims import JudgedClaim
from harness.report.collect import collect
from harness.report.evidence import aspect_shares
from harness.report.judge import JudgedTable, judge
from harness.report.output import TableOutput
from harness.report.page import Section
from harness.report.results import TableResult, drawn_rows, file_stem
from harness.stats.aspects import chances
from harness.utils.atomic import write_atomic
from harness.video_scores import BadScoresError

ABLATION = "table_"  # these come first on the page, comparisons with other work after them


def collect_and_judge(request: Request, records: Records | None = None) -> JudgedTable:
    """Collect the records of a table and judge it, without those that contradict their scores.

    Args:
        request: The table, its scale and where its records are.
        records: Of any trials; None reads those in the results folder of the request.

    Raises:
        ValueError: If a passport cannot be read.
    """
    known = record.read_all(request.runtime.results) if records is None else records
    while True:
        try:
            table = collect(request, known)
            sound.check(table.results, table.records)
            return judge(table)
        except BadScoresError as error:
            known = known.without(error.key, str(error))


def write(judged: JudgedTable, folder: Path | None = None) -> TableOutput:
    """Write the files of a table and draw its figures.

    Args:
        judged: The table.
        folder: Folder of `tables/` and `figures/`; None for the results folder.
    """
    table = judged.table
    files = write_tables(judged, folder)
    if tradeoff.is_charted(table.experiment):
        files.append(tradeoff.write(table.experiment, folder or table.results))
    return TableOutput(
        folder=folder,
        files=(*files, *draw(table, folder)),
        markdown=report_table.markdown(judged),
        title=report_table.heading(table.experiment),
        verdicts={label: verdict.word for label, verdict in judged.verdicts.items()},
        claims=[_as_json(claim) for claim in judged.claims],
        stale=table.stale,
    )


def write_tables(judged: JudgedTable, folder: Path | None = None) -> list[Path]:
    """Write `tables/<name>.md`, `.csv`, `.tex`, and `.claims.csv` if the table has claims."""
    texts = {
        "md": report_table.markdown(judged),
        "csv": table_csv.rows_csv(judged),
        "tex": report_table.latex(judged),
    }
    if judged.claims:
        texts["claims.csv"] = table_csv.claims_csv(judged.claims)
    paths, folder = [], folder or judged.table.results
    for extension, text in texts.items():
        paths.append(folder / "tables" / f"{judged.table.file_stem}.{extension}")
        write_atomic(paths[-1], text.encode())
    return paths


def draw(table: TableResult, folder: Path | None = None) -> list[Path]:
    """Draw the figures of a table; remove the one of its rows if it has none any more."""
    folder = folder or table.results
    heights = ceilings(table.scale, _data_set(table))
    paths = figures.table(table, ceilings=heights, results=folder)
    for kind in figures.FILE_KINDS if not paths else ():
        (folder / "figures" / f"{table.file_stem}.{kind}").unlink(missing_ok=True)
    paths += _draw_aspects(table, folder) if paths else []
    if tradeoff.is_charted(table.experiment):
        paths += figures.comparison(table.experiment, results=folder)
    return paths


def _draw_aspects(table: TableResult, folder: Path) -> list[Path]:
    """Draw which aspects of the answers are right; desk videos have some, others none."""
    shares = aspect_shares(table)
    if not shares:
        return []
    rows = drawn_rows(table.rows).items()
    return figures.aspects(
        {label: shares[row.label] for label, row in rows if row.label in shares},
        chances=chances(desk_recipe.ASPECTS),
        ceilings=desk_recipe.ASPECT_CEILINGS,
        results=folder,
        name=f"{table.file_stem}-aspects",
    )


def ceilings(scale: str, data_set: str = desk_recipe.DESK) -> Mapping[str, float]:
    """Return the highest possible top-1 of a kind of network, in percent; known of desk only."""
    return desk_recipe.CEILINGS.get(data_set, {}) if scale == "desk" else {}


def _data_set(table: TableResult) -> str:
    """Return the data set of the rows that ran, or could."""
    names = [result.trial.data.name for result in table.rows if result.trial is not None]
    return names[0] if names else ""


def is_written(request: Request) -> bool:
    """Return whether the table was written before."""
    name = file_stem(request.experiment, request.scale)
    return (request.runtime.results / "tables" / f"{name}.md").is_file()


def write_page(tables: Sequence[tuple[JudgedTable, TableOutput]]) -> Path:
    """Write the page of some tables, with their trade-off if it was drawn.

    Args:
        tables: Each with its output; all of one scale and one results folder.
    """
    first = tables[0][0].table
    ordered = sorted(
        tables, key=lambda pair: not pair[0].table.experiment.name.startswith(ABLATION)
    )
    sections = [_section(judged, output.files) for judged, output in ordered]
    path = first.results / "figures" / f"{first.scale}-tradeoff.svg"
    overview = [path.read_bytes()] if path.is_file() else []
    records = {record.key: record for judged, _ in tables for record in judged.table.records}
    faults = dict.fromkeys(fault for judged, _ in tables for fault in judged.table.faults)
    return page.write(
        sections,
        list(records.values()),
        overview=overview,
        faults=list(faults),
        results=first.results,
    )


def _section(judged: JudgedTable, files: Sequence[Path]) -> Section:
    rows = judged.table.rows if judged.table.experiment.trains else ()
    return page.section(
        judged,
        figures=[path.read_bytes() for path in files if path.match("*.svg") and _is_on_page(path)],
        curves={row.label: figures.curves(row.records) for row in rows if row.records},
    )


def _is_on_page(path: Path) -> bool:
    """Return whether the page shows a figure: no copy for one column, no aspects."""
    return not path.stem.endswith(("-column", "-aspects"))


def _as_json(judged: JudgedClaim) -> dict[str, Any]:
    """Return a judged claim as JSON holds it."""
    fields = asdict(judged) | {"claim": judged.claim.text, "origin": judged.claim.origin}
    fields["late"] = fields.pop("is_post_hoc")
    del fields["comparison"]
    return fields
