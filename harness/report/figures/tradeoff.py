"""Accuracy against cost: one bubble per row, its area the parameters, DSA on a line of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.cost.comparable import Axis
from harness.experiment import Experiment
from harness.report import tradeoff
from harness.report.figures import bubbles
from harness.report.figures.style import BOTH_COLUMNS, COLOURS, ONE_COLUMN, PAPER, foot, save, title
from harness.report.tradeoff import Point

SEEN_M = 20
SMALL = "small networks, generated videos"
BARS = (
    "No estimate of the printed figures. "
    "Dots: mean over seeds. Bars: Student's 95 % interval of that mean; "
    "where none is seen, it is smaller than the dot."
)
HEIGHT = 3.1
HEADINGS: Mapping[Axis, tuple[str, str]] = {
    "printed": ("As printed", "counting rules and crops differ from row to row"),
    "footing": ("On one footing", "multiply-adds without batch norm, at the test crop"),
}


def comparison(experiment: Experiment, *, results: Path) -> list[Path]:
    """Draw a table's printed accuracy against cost per video, printed and on one footing.

    Writes `figures/<name>-tradeoff` over both columns of a paper, and `-tradeoff-column` for one;
    where no cost is printed, the former alone and for one column.
    """
    axes: list[Axis] = ["printed", "footing"]
    drawn = [axis for axis in axes if tradeoff.points(experiment, axis)]
    name = f"{experiment.name}-tradeoff"
    if len(drawn) == 1:
        return _compared(experiment, drawn, results, name)
    whole = _compared(experiment, drawn, results, name)
    return whole + _compared(experiment, ["footing"], results, f"{name}-column")


def _compared(
    experiment: Experiment, drawn: Sequence[Axis], results: Path, name: str
) -> list[Path]:
    with mpl.rc_context(PAPER):
        figure, panels = _panels(len(drawn))
        for panel, axis in zip(panels, drawn, strict=True):
            points = tradeoff.points(experiment, axis)
            bubbles.draw(panel, points)
            bubbles.cost_axis(panel, "GFLOPs per video (10⁹ multiply-adds)")
            title(panel, *HEADINGS[axis])
        bubbles.key(panels[-1])
        panels[0].set_ylabel(f"{experiment.title.rpartition(' ')[2]} top-1, %")
        foot(figure, _missing(experiment, drawn[-1]))
        for panel, axis in zip(panels, drawn, strict=True):
            bubbles.write_names(panel, tradeoff.points(experiment, axis))
        return save(figure, results, name, dpi=300)


def measured(
    groups: Mapping[str, Sequence[Point]],
    *,
    scale: str,
    ceilings: Mapping[str, float],
    results: Path,
) -> list[Path]:
    """Draw accuracy that was measured at a scale against cost at that scale.

    Args:
        groups: A panel's heading to its points.
        scale: Where accuracy and cost come from.
        ceilings: What a kind of network can reach at most, in percent.
        results: Folder that holds `figures/`.
    """
    marks = {name: [_in_millions(point) for point in points] for name, points in groups.items()}
    with mpl.rc_context(PAPER):
        figure, panels = _panels(len(groups), sharex=True)
        for panel, (heading, points) in zip(panels, marks.items(), strict=True):
            _ceilings(panel, ceilings)
            bubbles.draw(panel, points)
            bubbles.cost_axis(panel, f"MFLOPs per video at {scale} scale (10⁶ multiply-adds)")
            panel.set(ylim=(0, 108), xmargin=0.15)
            title(panel, f"{heading} at {scale} scale", SMALL)
        panels[0].set_ylabel(f"{scale} top-1, %")
        foot(figure, BARS)
        for panel, points in zip(panels, marks.values(), strict=True):
            bubbles.write_names(panel, points)
        return save(figure, results, f"{scale}-tradeoff", dpi=300)


def _in_millions(point: Point) -> Point:
    """Return a point of a small network: its cost in 10^6, and a bubble that can be seen."""
    return replace(point, gmacs=1000 * point.gmacs, params_m=SEEN_M)


def _panels(count: int, *, sharex: bool = False) -> tuple[Figure, list[Axes]]:
    width = ONE_COLUMN if count == 1 else BOTH_COLUMNS
    figure = Figure(figsize=(width, HEIGHT), layout="constrained")
    return figure, list(figure.subplots(1, count, sharex=sharex, sharey=True, squeeze=False)[0])


def _missing(experiment: Experiment, axis: Axis) -> str:
    """Say what is not in the chart, and what hollow bubbles are."""
    absent = tradeoff.not_drawn(experiment, axis)
    hollow = any(row.reference for row in experiment.rows)
    said = [f"Not drawn, since no cost is known: {', '.join(absent)}."] if absent else []
    return " ".join([*said, *(["Hollow: not in the paper's table."] if hollow else [])])


def _ceilings(axes: Axes, ceilings: Mapping[str, float]) -> None:
    for why, top1 in ceilings.items():
        axes.axhline(top1, color=COLOURS["ceiling"], linestyle=(0, (4, 3)), linewidth=0.7)
        axes.text(
            0.86,
            top1,
            f"{why}: at most {top1:g} %",
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="bottom",
            fontsize=6,
            color=COLOURS["ceiling"],
        )
