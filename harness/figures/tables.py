"""The rows of a table: what was measured with its interval, or what was counted."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.figures.style import COLOURS, STYLE, save
from harness.report import Line, stem
from harness.specs import Experiment

_METRICS = {"top1": "top-1", "map": "mAP"}


def table(
    experiment: Experiment,
    found: Sequence[Line],
    *,
    scale: str,
    ceilings: Mapping[str, float],
    results: Path,
) -> list[Path]:
    """Draw the rows of a table with their intervals: `figures/<name>.png` and `.svg`.

    Quoted rows are left out; a table that has no others has no such figure.

    Args:
        experiment: The table.
        found: Its rows with what was measured.
        scale: Where the accuracies come from.
        ceilings: What a kind of network can reach at most, in percent.
        results: Folder that holds `figures/`.
    """
    found = [line for line in found if line.row.trial is not None]
    if not found:
        return []
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 1.3 + 0.36 * len(found)), layout="constrained")
        axes = figure.subplots()
        if any(line.trains for line in found):
            _accuracies(axes, found, scale=scale)
            _ceilings(axes, ceilings)
        else:
            _costs(axes, found)
        axes.set_title(f"{experiment.title}\n", loc="left", fontweight="bold", fontsize=10)
        axes.text(
            0, 1.03, experiment.caption, transform=axes.transAxes, color="#4a5562", fontsize=8
        )
        return save(figure, results, stem(experiment, scale))


def _costs(axes: Axes, found: Sequence[Line]) -> None:
    """Draw one bar per row, and a mark where the printed figure is."""
    for place, line in enumerate(reversed(found)):
        if line.cost is None:
            continue
        axes.barh(place, line.cost.gmacs, height=0.5, color=COLOURS["row"])
        label = f" {line.cost.gmacs:.1f}"
        if "gmacs" in line.cost.matches:
            match = line.cost.matches["gmacs"]
            axes.plot(match.printed, place, "|", ms=18, color=COLOURS["ceiling"])
            label += f", printed {match.printed}: {match.word}"
        axes.text(line.cost.gmacs, place, label, va="center", fontsize=8)
    _rows(axes, found)
    axes.set_xlim(0, 1.6 * max(line.cost.gmacs for line in found if line.cost))
    axes.set_xlabel("GFLOPs per view (10⁹ multiply-adds, rule mac+2bn)")


def _accuracies(axes: Axes, found: Sequence[Line], *, scale: str) -> None:
    """Draw one dot per row with its interval, and a small one per seed."""
    for place, line in enumerate(reversed(found)):
        colour = COLOURS["reference" if line.row.reference else "row"]
        if line.top1 is None:
            axes.text(2, place, "not run", va="center", color=COLOURS["reference"])
            continue
        axes.plot(line.values, [place] * len(line.values), "|", ms=9, color=colour, alpha=0.55)
        axes.errorbar(
            line.top1.mean, place, xerr=line.top1.half_width, fmt="o", ms=5, capsize=3, color=colour
        )
        axes.annotate(
            f"{line.top1.mean:.1f}",
            (line.top1.mean, place),
            xytext=(0, 7),
            textcoords="offset points",
            ha="center",
            color=colour,
        )
    _rows(axes, found)
    axes.set_ylim(-0.6, len(found) + 0.3)
    axes.set_xlim(0, 100)
    axes.set_xlabel(
        f"{_METRICS[found[0].metric]} at {scale} scale, percent "
        "(dot: mean, bar: 95 % interval, ticks: seeds)"
    )


def _rows(axes: Axes, found: Sequence[Line]) -> None:
    axes.set_yticks(range(len(found)), [line.row.label for line in reversed(found)])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=COLOURS["grid"])
    axes.set_axisbelow(True)


def _ceilings(axes: Axes, ceilings: Mapping[str, float]) -> None:
    for why, top1 in ceilings.items():
        axes.axvline(top1, color=COLOURS["ceiling"], linestyle=(0, (4, 3)), linewidth=1)
        axes.annotate(
            f"{why}:\nat most {top1:g} %",
            (top1, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -2),
            textcoords="offset points",
            ha="left",
            va="top",
            fontsize=7.5,
            color=COLOURS["ceiling"],
        )
