"""Figure of a table: measured accuracies with intervals, or counted costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.cells import METRIC_NAMES
from harness.report.figures.style import COLOURS, STYLE, save
from harness.report.results import RowResult, TableResult


def table(result: TableResult, *, ceilings: Mapping[str, float]) -> list[Path]:
    """Draw the rows of a table with their intervals: `figures/<name>.png` and `.svg`.

    Quoted rows are left out; a table without other rows has no figure.

    Args:
        result: The table.
        ceilings: Highest possible top-1 by kind of network, in percent.
    """
    experiment, scale = result.experiment, result.scale
    rows = [row for row in result.rows if row.trial is not None]
    if not rows:
        return []
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 1.3 + 0.36 * len(rows)), layout="constrained")
        axes = figure.subplots()
        if result.is_measured:
            _accuracies(axes, rows, scale=scale)
            _ceilings(axes, ceilings)
        else:
            _costs(axes, rows)
        axes.set_title(f"{experiment.title}\n", loc="left", fontweight="bold", fontsize=10)
        axes.text(
            0, 1.03, experiment.caption, transform=axes.transAxes, color="#4a5562", fontsize=8
        )
        return save(figure, result.results, result.file_stem)


def _costs(axes: Axes, rows: Sequence[RowResult]) -> None:
    """Draw one bar per row, and a mark at the printed figure."""
    for place, result in enumerate(reversed(rows)):
        if result.cost is None:
            continue
        axes.barh(place, result.cost.gmacs, height=0.5, color=COLOURS["row"])
        label = f" {result.cost.gmacs:.1f}"
        if "gmacs" in result.cost.matches:
            match = result.cost.matches["gmacs"]
            axes.plot(match.printed, place, "|", ms=18, color=COLOURS["ceiling"])
            label += f", printed {match.printed}: {match.word}"
        axes.text(result.cost.gmacs, place, label, va="center", fontsize=8)
    _rows(axes, rows)
    axes.set_xlim(0, 1.6 * max(result.cost.gmacs for result in rows if result.cost))
    axes.set_xlabel("GFLOPs per view (10⁹ multiply-adds, rule mac+2bn)")


def _accuracies(axes: Axes, rows: Sequence[RowResult], *, scale: str) -> None:
    """Draw one dot per row with its interval, and a small one per seed."""
    for place, result in enumerate(reversed(rows)):
        colour = COLOURS["reference" if result.row.reference else "row"]
        interval = result.interval
        if interval is None:
            axes.text(2, place, "not run", va="center", color=COLOURS["reference"])
            continue
        axes.plot(result.values, [place] * len(result.values), "|", ms=9, color=colour, alpha=0.55)
        axes.errorbar(
            interval.mean, place, xerr=interval.half_width, fmt="o", ms=5, capsize=3, color=colour
        )
        axes.annotate(
            f"{interval.mean:.1f}",
            (interval.mean, place),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=colour,
        )
    _rows(axes, rows)
    axes.set_ylim(-0.6, len(rows) + 0.3)
    axes.set_xlim(0, 100)
    axes.set_xlabel(
        f"{METRIC_NAMES[rows[0].metric]} at {scale} scale, percent "
        "(dot: mean, bar: 95 % interval, ticks: seeds)"
    )


def _rows(axes: Axes, rows: Sequence[RowResult]) -> None:
    axes.set_yticks(range(len(rows)), [result.label for result in reversed(rows)])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=COLOURS["grid"])
    axes.set_axisbelow(True)


def _ceilings(axes: Axes, ceilings: Mapping[str, float]) -> None:
    for reason, top1 in ceilings.items():
        axes.axvline(top1, color=COLOURS["ceiling"], linestyle=(0, (4, 3)), linewidth=1)
        axes.annotate(
            f"{reason}:\nat most {top1:g} %",
            (top1, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -2),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=7.5,
            color=COLOURS["ceiling"],
        )
