"""Figure of a table: measured accuracies with the range of their seeds, or counted costs."""

import textwrap
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.cells import METRIC_NAMES
from harness.report.figures.style import COLOURS, STYLE, ceiling_text, row_height, row_labels, save
from harness.report.results import RowResult, TableResult, drawn_rows
from harness.report.table import captions

LOW, HIGH = 0, 100  # percent
_CAPTION = 72  # characters in a line
BAR = 0.5  # of the distance between two rows


def table(
    result: TableResult, *, ceilings: Mapping[str, float], results: Path | None = None
) -> list[Path]:
    """Draw the rows of a table with their intervals: `figures/<name>.png` and `.svg`.

    Quoted rows are left out; a table without anything of its own to show has no figure.

    Args:
        result: The table.
        ceilings: Highest possible top-1 by kind of network, in percent.
        results: Folder that holds `figures/`; None for that of the table.
    """
    if not is_drawn(result):
        return []
    rows = drawn_rows(result.rows)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 1.5 + row_height(rows) * len(rows)), layout="constrained")
        axes = figure.subplots()
        if result.is_measured:
            _accuracies(axes, rows, scale=result.scale)
            _ceilings(axes, ceilings)
        else:
            _costs(axes, rows)
        _title(axes, result)
        return save(figure, results or result.results, result.file_stem)


def is_drawn(result: TableResult) -> bool:
    """Return whether a table has a figure.

    At desk scale all data sets are the same videos. So a comparison of which only some rows have
    records, those of other tables, would show them under the name of a data set that was not read.
    """
    rows = [row for row in result.rows if row.trial is not None]
    if not rows or (result.experiment.trains and not result.is_measured):
        return False
    if not result.experiment.trains and all(result.cost is None for result in rows):
        return False
    has_all = all(row.records for row in rows)
    return has_all or result.scale != "desk" or not result.experiment.is_comparison


def _title(axes: Axes, result: TableResult) -> None:
    """Write the title, the paper's setting, and under it the setting of what ran here."""
    lines = [
        part
        for line in captions(result)
        for part in textwrap.wrap(line.rstrip("."), width=_CAPTION)
    ]
    axes.set_title(
        result.experiment.title + "\n" * len(lines), loc="left", fontweight="bold", fontsize=10
    )
    axes.annotate(
        "\n".join(lines),
        (0, 1),
        xytext=(0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        color="#4a5562",
        fontsize=8,
    )


def _costs(axes: Axes, rows: Mapping[str, RowResult]) -> None:
    """Draw one bar per row, and a mark above it at the printed figure."""
    for place, result in enumerate(reversed([*rows.values()])):
        if result.cost is None:
            continue
        axes.barh(place, result.cost.gmacs, height=BAR, color=COLOURS["row"])
        label = f" {result.cost.gmacs:.1f}"
        if "gmacs" in result.cost.matches:
            match = result.cost.matches["gmacs"]
            axes.plot(match.printed, place + 0.75 * BAR, "v", ms=6, color=COLOURS["ceiling"])
            label += f", printed {match.printed}: {match.word}"
        axes.text(result.cost.gmacs, place, label, va="center", fontsize=8)
    _rows(axes, rows)
    axes.set_xlim(0, 1.4 * max(result.cost.gmacs for result in rows.values() if result.cost))
    axes.set_xlabel("GFLOPs per view (10⁹ multiply-adds, rule mac+2bn); triangle: as printed")


def _accuracies(axes: Axes, rows: Mapping[str, RowResult], *, scale: str) -> None:
    """Draw one dot per row with its interval, and a small one per seed."""
    is_cut = False
    for place, result in enumerate(reversed([*rows.values()])):
        colour = COLOURS["reference" if result.row.reference else "row"]
        interval = result.interval
        if interval is None:
            axes.text(2, place, "not run", va="center", color=COLOURS["reference"])
            continue
        axes.plot(result.values, [place] * len(result.values), "|", ms=9, color=colour, alpha=0.55)
        axes.plot(interval.mean, place, "o", ms=5, color=colour)
        bar = result.bar or (interval.mean, interval.mean)
        is_cut |= _bar(axes, bar, place, colour)
        _value(axes, interval.mean, place, colour)
    _rows(axes, rows)
    axes.set_ylim(-0.6, len(rows) + 0.3)
    axes.set_xlim(LOW, HIGH)
    ends = ", arrow: bar goes on" if is_cut else ""
    bars = "lowest to highest seed" if scale == "desk" else "95 % interval"
    axes.set_xlabel(
        f"{METRIC_NAMES[next(iter(rows.values())).metric]} at {scale} scale, percent\n"
        f"(dot: mean, bar: {bars}{ends}, ticks: seeds)"
    )


def _bar(axes: Axes, bar: tuple[float, float], place: int, colour: str) -> bool:
    """Draw a bar with caps, cut at the ends of the axis with an arrow; say whether cut."""
    ends = dict(zip("<>", bar, strict=True))
    inside = {arrow: min(max(end, LOW), HIGH) for arrow, end in ends.items()}
    axes.plot(list(inside.values()), [place, place], color=colour, linewidth=1.5)
    for arrow, end in ends.items():
        mark = "|" if inside[arrow] == end else arrow
        axes.plot(inside[arrow], place, mark, ms=6, color=colour, clip_on=False)
    return inside != ends


def _value(axes: Axes, mean: float, place: int, colour: str) -> None:
    """Write a mean above its dot, on white, so that no line crosses it."""
    axes.annotate(
        f"{mean:.1f}",
        (mean, place),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        color=colour,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        zorder=4,
    )


def _rows(axes: Axes, rows: Mapping[str, RowResult]) -> None:
    row_labels(axes, [*rows])
    axes.grid(axis="x", color=COLOURS["grid"])
    axes.set_axisbelow(True)


def _ceilings(axes: Axes, ceilings: Mapping[str, float]) -> None:
    for reason, top1 in ceilings.items():
        axes.axvline(top1, color=COLOURS["ceiling"], linestyle=(0, (4, 3)), linewidth=1, zorder=1)
        axes.annotate(
            f"{reason}:\n{ceiling_text(reason, top1)}",
            (top1, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -2),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=7.5,
            color=COLOURS["ceiling"],
        )
