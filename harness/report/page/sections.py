"""Sections of the page: a table at a scale, with the details that unfold under its rows."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.record import Record
from harness.report import cells
from harness.report import table as report_table
from harness.report.claims import JudgedClaim
from harness.report.evidence import Shares, aspect_shares, mean_shares
from harness.report.judge import JudgedTable
from harness.report.results import RowResult

CHIPS = ("verdict", cells.COST_VERDICT)  # columns of verdicts
_WITHIN = re.compile(r" (?=[×±=] )|(?<=[×±=]) | (?=seeds?[,)])")
COSTS = {
    "params_m": ("parameters (M)", 2),
    "gmacs": ("GFLOPs per view", 1),
    "total_gmacs": ("total GFLOPs", 1),
}


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
    """A line of a table, with the details that unfold under it.

    Attributes:
        label: Name of the row.
        cells: Column head to text that breaks at no sign, with a dash for a gap.
        sentence: The verdict of the accuracy in words; empty without one.
        aspects: What of the answers is right, in words; empty but for desk videos.
        costs: A sentence per printed cost.
        seeds: The trials.
        curve: SVG file of the training curves.
    """

    label: str
    cells: Mapping[str, str]
    sentence: str
    aspects: str
    costs: tuple[str, ...]
    seeds: tuple[TrialLine, ...]
    curve: bytes | None


@dataclass(frozen=True, kw_only=True)
class Section:
    """A table at a scale, as a section of the page.

    Attributes:
        name: Name of the table's files, and anchor of the section.
        short_name: Name of the table for readers.
        heading: One line.
        captions: The paper's setting, and that of what ran here where it differs.
        columns: Column heads.
        rows: Lines of the table.
        claims: Claims over several rows, with verdicts.
        figures: SVG files.
        notes: Explanations of columns, sources and guesses.
    """

    name: str
    short_name: str
    heading: str
    captions: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[SectionRow, ...]
    claims: tuple[JudgedClaim, ...]
    figures: tuple[bytes, ...]
    notes: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """Return every verdict word of the section, of rows first."""
        shown = [row.cells[name] for name in CHIPS for row in self.rows if name in row.cells]
        return [*(word for word in shown if word != cells.GAP), *(c.word for c in self.claims)]


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
    frame, shares = cells.frame(judged), aspect_shares(table)
    return Section(
        name=table.file_stem,
        short_name=report_table.name(experiment),
        heading=report_table.heading(experiment),
        captions=report_table.captions(table),
        columns=tuple(frame.columns),
        rows=tuple(
            _row(
                judged,
                result,
                dict(zip(frame.columns, texts, strict=True)),
                curves,
                shares.get(result.label, ()),
            )
            for result, texts in zip(table.rows, frame.itertuples(index=False), strict=True)
        ),
        claims=judged.claims,
        figures=tuple(figures),
        notes=tuple(report_table.notes(judged)),
    )


def _row(
    judged: JudgedTable,
    result: RowResult,
    texts: Mapping[str, str],
    curves: Mapping[str, bytes],
    shares: Sequence[Shares],
) -> SectionRow:
    verdict = judged.verdicts.get(result.label)
    has_trials = judged.table.experiment.trains
    return SectionRow(
        label=result.label,
        cells={name: _unbroken(text) for name, text in texts.items()},
        sentence=verdict.sentence if verdict else "",
        aspects=_aspects(shares),
        costs=tuple(_costs(result)),
        seeds=tuple(_trial_line(record) for record in result.records if has_trials),
        curve=curves.get(result.label),
    )


def _aspects(seeds: Sequence[Shares]) -> str:
    """Return in words which aspects are right, each among the answers right in the one before."""
    if not seeds:
        return ""
    shares = [f"{name} {share:.1f} %" for name, share in mean_shares(seeds).items()]
    basis = f"means of {len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    return f"Right in turn: {', '.join(shares)} ({basis})."


def _unbroken(text: str) -> str:
    """Return a cell whose lines break at words only, not within `4 × 4` or `98.1 ± 0.2`."""
    return _WITHIN.sub("\N{NO-BREAK SPACE}", text)


def _costs(result: RowResult) -> Iterator[str]:
    """Return a sentence per printed cost with the counted one."""
    for name, match in cells.matches(result).items():
        title, digits = COSTS[name]
        convention = f": {match.convention}" if match.convention else ""
        counted = f"{match.counted:.{digits}f} {title}"
        yield f"{counted}, printed {match.printed}: {match.word}{convention}."


def _trial_line(record: Record) -> TrialLine:
    return TrialLine(
        seed=str(record.trial["seed"]),
        top1=f"{record.metrics['top1']:.1f}",
        top5=f"{record.metrics['top5']:.1f}",
        minutes=f"{record.seconds / 60:.1f}",
        key=record.key,
    )
