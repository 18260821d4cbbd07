"""A self-contained static page of all tables: styles and pictures are embedded."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.cost.rows import quoted_matches
from harness.record import Record
from harness.report import cells
from harness.report import table as report_table
from harness.report.claims import JudgedClaim
from harness.report.judge import JudgedTable
from harness.report.results import RowResult
from harness.stats.verdict import Match, Verdict
from harness.utils.atomic import write_atomic

TITLE = "DSANet's tables: printed, counted, and run at desk scale"
SUBTITLE = "Wu et al., ACM MM 2021, arXiv 2105.12085"
GOOD = {
    "exact",
    "exact, other convention",
    "reproduced",
    "supported",
    "true",
    "true as printed",
    "best",
}
WORSE = ("exact", "exact, other convention", "different")
BAD = {"different", "lower", "higher", "reversed", "false", "not the same", "failed", "stale"}


@dataclass(frozen=True, kw_only=True)
class TrialLine:
    """A trial of a row, as text."""

    seed: str
    top1: str
    top5: str
    minutes: str
    key: str


@dataclass(frozen=True, kw_only=True)
class SectionRow:
    """A line of a table, with the details that unfold under it."""

    label: str
    cells: tuple[str, ...]
    verdict: Verdict
    costs: tuple[str, ...]
    seeds: tuple[TrialLine, ...]
    curve: str | None


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table at a scale, as a section of the page.

    Attributes:
        name: Name of the table's files, and anchor of the section.
        title: One line.
        caption: The setting, in the words of the paper.
        columns: Column heads.
        rows: Lines of the table.
        claims: Claims of the paper, with verdicts.
        figures: As data URLs.
        notes: Explanations of columns, sources and guesses.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[SectionRow, ...]
    claims: tuple[JudgedClaim, ...]
    figures: tuple[str, ...]
    notes: tuple[str, ...]


def section(
    judged: JudgedTable, *, figures: Sequence[bytes], curves: Mapping[str, bytes]
) -> Section:
    """Return the section of a table.

    Args:
        judged: The table.
        figures: SVG files of the table.
        curves: Label of a row to the SVG file of its training curves.
    """
    table, experiment = judged.table, judged.table.experiment
    frame = cells.frame(judged).drop(columns="verdict", errors="ignore")
    return Section(
        name=table.file_stem,
        title=experiment.title,
        caption=experiment.caption,
        columns=tuple(frame.columns),
        rows=tuple(
            SectionRow(
                label=result.label,
                cells=tuple(_short(cell) for cell in texts),
                verdict=_verdict(judged, result),
                costs=tuple(_costs(result)),
                seeds=tuple(_trial_line(record) for record in result.records if experiment.trains),
                curve=_picture(curves[result.label]) if result.label in curves else None,
            )
            for result, texts in zip(table.rows, frame.itertuples(index=False), strict=True)
        ),
        claims=judged.claims,
        figures=tuple(_picture(svg) for svg in figures),
        notes=tuple(report_table.notes(judged)),
    )


def write(
    sections: Sequence[Section],
    records: Sequence[Record],
    *,
    overview: Sequence[bytes] = (),
    results: Path,
) -> Path:
    """Write `index.html`; equal records give equal bytes.

    Args:
        sections: The tables, in the order of the page.
        records: All records of the tables.
        overview: SVG files shown before the tables.
        results: Folder of the page.
    """
    environment = Environment(
        loader=PackageLoader("harness.report", "."),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    text = environment.get_template("page.html").render(
        title=TITLE,
        subtitle=SUBTITLE,
        reading=_reading(records),
        facts=_facts(sections, records),
        tally=_tally(sections),
        sections=sections,
        overview=[_picture(svg) for svg in overview],
        records=len(records),
        provenance=_provenance(records),
        tone=_tone,
    )
    path = results / "index.html"
    write_atomic(path, f"{text}\n".encode())
    return path


def _verdict(judged: JudgedTable, result: RowResult) -> Verdict:
    """Return the verdict of the accuracy, or else the worst verdict of the costs."""
    if result.label in judged.verdicts:
        return judged.verdicts[result.label]
    words = [match.word for match in _matches(result).values()]
    if not words:
        return Verdict(word="quoted", sentence="Quoted from the paper, with nothing to compare.")
    return Verdict(word=max(words, key=WORSE.index), sentence="")


def _matches(result: RowResult) -> Mapping[str, Match]:
    return result.cost.matches if result.cost else quoted_matches(result.row)


def _costs(result: RowResult) -> Iterator[str]:
    """Return a sentence per printed cost with the counted one."""
    for name, match in _matches(result).items():
        convention = f": {match.convention}" if match.convention else ""
        yield f"{name} {match.counted:.1f}, printed {match.printed}: {match.word}{convention}."


def _short(cell: str) -> str:
    """Return a cost without its verdict in brackets, which is among the details."""
    number, _, verdict = cell.partition(" (")
    return number if verdict.startswith(("exact", "different")) else cell


def _tone(word: str) -> str:
    """Return the CSS class of a verdict: good, bad, or none for an open one."""
    is_good = word in GOOD or word.startswith("same within")
    return "good" if is_good else "bad" if word in BAD else ""


def _picture(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _trial_line(record: Record) -> TrialLine:
    return TrialLine(
        seed=str(record.trial["seed"]),
        top1=f"{record.metrics['top1']:.1f}",
        top5=f"{record.metrics['top5']:.1f}",
        minutes=f"{record.seconds / 60:.1f}",
        key=record.key,
    )


def _reading(records: Sequence[Record]) -> str:
    scales = {str(record.trial["scale"]) for record in records}
    desk = (
        "Accuracies at desk scale come from small networks on generated videos: they test claims, "
        "and are no estimate of a printed number."
    )
    paper = (
        "Nothing on this page was run at the paper's own scale, so no printed accuracy has a "
        "verdict."
    )
    costs = "Parameters and GFLOPs are counted at the paper's own scale."
    return " ".join(
        [costs, *([desk] if "desk" in scales else []), *([] if "paper" in scales else [paper])]
    )


def _facts(sections: Sequence[Section], records: Sequence[Record]) -> dict[str, int]:
    claims = sum(len(section.claims) for section in sections)
    return {"tables": len(sections), "trials": len(records), "claims": claims}


def _tally(sections: Sequence[Section]) -> list[tuple[str, int]]:
    """Count the claims by verdict, the commonest first."""
    words = Counter(claim.word for section in sections for claim in section.claims)
    return words.most_common()


def _provenance(records: Sequence[Record]) -> dict[str, str]:
    """List the distinct values of the records for every part of their provenance."""
    sources = [record.provenance for record in records]
    libraries = [
        f"{name} {version}" for source in sources for name, version in source["libraries"].items()
    ]
    times = [record.finished_ms for record in records]
    return {
        "commit": _distinct(str(source["commit"]) for source in sources),
        "uncommitted changes": _distinct("yes" if source["dirty"] else "no" for source in sources),
        "campaign": _distinct(str(source["campaign"]) for source in sources),
        "trained": _distinct([_day(min(times)), _day(max(times))]) if times else "",
        "python": _distinct(str(source["python"]) for source in sources),
        "libraries": _distinct(libraries),
        "processor": _distinct(
            f"{source['processor']}, {source['cores']} cores" for source in sources
        ),
        "device": _distinct(str(source["device"]) for source in sources),
        "data passport": _distinct(record.passport for record in records),
        "code": _distinct(record.code_hash for record in records),
    }


def _distinct(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).strftime("%Y-%m-%d")
