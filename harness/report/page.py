"""All tables on one static page that loads nothing: styles and pictures are in it."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from harness.cost.rows import quoted_matches
from harness.record import Record
from harness.report import table as report_table
from harness.report.judge import JudgedClaim, JudgedTable
from harness.report.results import RowResult
from harness.stats.verdict import Match, Verdict
from harness.utils.atomic import write_atomic

TITLE = "DSANet, reproduced table by table"
SUBTITLE = "Wu et al., ACM MM 2021, arXiv 2105.12085"
GOOD = {"exact", "exact, other convention", "reproduced", "supported", "true", "best"}
WORSE = ("exact", "exact, other convention", "different")
BAD = {"different", "lower", "higher", "reversed", "false", "not the same", "failed", "stale"}


@dataclass(frozen=True, kw_only=True)
class Seed:
    """One trial of a row, as text."""

    seed: str
    top1: str
    top5: str
    minutes: str
    key: str


@dataclass(frozen=True, kw_only=True)
class PageRow:
    """A line of a table, and what opens under it."""

    label: str
    cells: tuple[str, ...]
    verdict: Verdict
    costs: tuple[str, ...]
    seeds: tuple[Seed, ...]
    curve: str | None


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """A table at a scale.

    Attributes:
        name: Its name, the anchor of its section.
        title: One line.
        caption: The setting, as the paper says it.
        columns: Heads of the table.
        rows: Its lines.
        claims: What the paper asserts, with verdicts.
        figures: As data addresses.
        notes: What was guessed, and what columns mean.
    """

    name: str
    title: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[PageRow, ...]
    claims: tuple[JudgedClaim, ...]
    figures: tuple[str, ...]
    notes: tuple[str, ...]


def chapter(
    judged: JudgedTable, *, figures: Sequence[bytes], curves: Mapping[str, bytes]
) -> Chapter:
    """Turn a table into what its section shows.

    Args:
        judged: The table.
        figures: SVG files of the table.
        curves: Label of a row to the SVG file of its training curves.
    """
    table, experiment = judged.table, judged.table.experiment
    frame = report_table.cells(judged).drop(columns="verdict", errors="ignore")
    return Chapter(
        name=report_table.stem(experiment, table.scale),
        title=experiment.title,
        caption=experiment.caption,
        columns=tuple(frame.columns),
        rows=tuple(
            PageRow(
                label=result.label,
                cells=tuple(_short(cell) for cell in cells),
                verdict=_verdict(judged, result),
                costs=tuple(_costs(result)),
                seeds=tuple(_seed(record) for record in result.records if experiment.trains),
                curve=_picture(curves[result.label]) if result.label in curves else None,
            )
            for result, cells in zip(table.rows, frame.itertuples(index=False), strict=True)
        ),
        claims=judged.claims,
        figures=tuple(_picture(drawn) for drawn in figures),
        notes=tuple(report_table.notes(judged)),
    )


def write(
    chapters: Sequence[Chapter],
    records: Sequence[Record],
    *,
    overview: Sequence[bytes] = (),
    results: Path,
) -> Path:
    """Write `index.html`; equal records give equal bytes.

    Args:
        chapters: The tables, in the order of the page.
        records: All that the tables are made from.
        overview: SVG files that stand before the tables.
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
        facts=_facts(chapters, records),
        tally=_tally(chapters),
        chapters=chapters,
        overview=[_picture(drawn) for drawn in overview],
        records=len(records),
        provenance=_provenance(records),
        tone=_tone,
    )
    path = results / "index.html"
    write_atomic(path, f"{text}\n".encode())
    return path


def _verdict(judged: JudgedTable, result: RowResult) -> Verdict:
    """Return the verdict of an accuracy, else that of the costs, the worst of them."""
    if result.label in judged.verdicts:
        return judged.verdicts[result.label]
    words = [match.word for match in _matches(result).values()]
    if not words:
        return Verdict(word="quoted", sentence="Quoted from the paper, with nothing to compare.")
    return Verdict(word=max(words, key=WORSE.index), sentence="")


def _matches(result: RowResult) -> Mapping[str, Match]:
    return result.cost.matches if result.cost else quoted_matches(result.row)


def _costs(result: RowResult) -> Iterator[str]:
    """Say what was counted beside every printed cost."""
    for name, match in _matches(result).items():
        why = f": {match.convention}" if match.convention else ""
        yield f"{name} {match.counted:.1f}, printed {match.printed}: {match.word}{why}."


def _short(cell: str) -> str:
    """Leave out what is said in brackets about a cost; it stands in what opens."""
    number, _, why = cell.partition(" (")
    return number if why.startswith(("exact", "different")) else cell


def _tone(word: str) -> str:
    """Return the colour of a verdict: green, red, or none for what is open."""
    good = word in GOOD or word.startswith("same within")
    return "good" if good else "bad" if word in BAD else ""


def _picture(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _seed(record: Record) -> Seed:
    return Seed(
        seed=str(record.trial["seed"]),
        top1=f"{record.metrics['top1']:.1f}",
        top5=f"{record.metrics['top5']:.1f}",
        minutes=f"{record.seconds / 60:.1f}",
        key=record.key,
    )


def _reading(records: Sequence[Record]) -> str:
    scales = {str(each.trial["scale"]) for each in records}
    desk = (
        "Accuracies at desk scale come from small networks on generated videos: they test claims, "
        "and are no estimate of a printed number."
    )
    paper = "Nothing was run at the paper's own scale, so no printed accuracy has a verdict."
    costs = "Parameters and GFLOPs are counted at the paper's own scale."
    return " ".join(
        [costs, *([desk] if "desk" in scales else []), *([] if "paper" in scales else [paper])]
    )


def _facts(chapters: Sequence[Chapter], records: Sequence[Record]) -> dict[str, int]:
    claims = sum(len(chapter.claims) for chapter in chapters)
    return {"tables": len(chapters), "trials": len(records), "claims": claims}


def _tally(chapters: Sequence[Chapter]) -> list[tuple[str, int]]:
    """Count how often each word is the verdict of a claim, the commonest first."""
    words = Counter(each.word for chapter in chapters for each in chapter.claims)
    return words.most_common()


def _provenance(records: Sequence[Record]) -> dict[str, str]:
    """Say once what all records share, and list what they do not."""
    made = [each.provenance for each in records]
    libraries = [
        f"{name} {version}" for each in made for name, version in each["libraries"].items()
    ]
    times = [each.finished_ms for each in records]
    return {
        "commit": _listed(str(each["commit"]) for each in made),
        "uncommitted changes": _listed("yes" if each["dirty"] else "no" for each in made),
        "campaign": _listed(str(each["campaign"]) for each in made),
        "trained": _listed([_day(min(times)), _day(max(times))]) if times else "",
        "python": _listed(str(each["python"]) for each in made),
        "libraries": _listed(libraries),
        "processor": _listed(f"{each['processor']}, {each['cores']} cores" for each in made),
        "device": _listed(str(each["device"]) for each in made),
        "data passport": _listed(each.passport for each in records),
        "code": _listed(each.code_hash for each in records),
    }


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).strftime("%Y-%m-%d")
