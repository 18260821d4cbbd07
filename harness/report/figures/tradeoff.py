"""Figures of accuracy against cost: bubbles with the parameters as area, DSA on a line."""

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
from harness.report.figures.style import (
    BOTH_COLUMNS,
    COLOURS,
    ONE_COLUMN,
    PAPER,
    ceiling_text,
    foot,
    save,
    title,
)
from harness.report.tradeoff import Point

DRAWN_PARAMS_M = 20
SUBTITLE = "small networks, generated videos"
_FOOT = (
    "No estimate of the printed figures. Dots: mean over seeds. Bars: {bars}; where none is seen, "
    "it is smaller than the dot."
)
_BARS = {"desk": "lowest to highest seed"}
_INTERVAL = "Student's 95 % interval of that mean, an arrow where it goes on"
HEIGHT = 3.1
HEADINGS: Mapping[Axis, tuple[str, str]] = {
    "printed": ("As printed", "counting rules and crops differ from row to row"),
    "comparable": ("On one footing", "multiply-adds without batch norm, at the test crop"),
}


def comparison(experiment: Experiment, *, results: Path) -> list[Path]:
    """Draw a table's printed accuracy against cost per video, printed and on one footing.

    Writes `figures/<name>-tradeoff` over both columns of a paper, and `-tradeoff-column` for one;
    for a table without printed costs, the former alone and for one column.
    """
    axes: list[Axis] = ["printed", "comparable"]
    axes = [axis for axis in axes if tradeoff.points(experiment, axis)]
    name = f"{experiment.name}-tradeoff"
    paths = _draw_comparison(experiment, axes, results, name)
    if len(axes) == 1:
        return paths
    return paths + _draw_comparison(experiment, ["comparable"], results, f"{name}-column")


def _draw_comparison(
    experiment: Experiment, axes: Sequence[Axis], results: Path, name: str
) -> list[Path]:
    with mpl.rc_context(PAPER):
        figure, panels = _panels(len(axes))
        for panel, axis in zip(panels, axes, strict=True):
            points = tradeoff.points(experiment, axis)
            bubbles.draw(panel, points)
            bubbles.cost_axis(panel, "GFLOPs per video (10⁹ multiply-adds)")
            title(panel, *HEADINGS[axis])
        bubbles.key(panels[-1])
        panels[0].set_ylabel(f"{experiment.title.rpartition(' ')[2]} top-1, %")
        foot(figure, _foot(experiment, axes))
        for panel, axis in zip(panels, axes, strict=True):
            bubbles.write_names(panel, tradeoff.points(experiment, axis))
        return save(figure, results, name, dpi=300)


def measured_tradeoff(
    groups: Mapping[str, Sequence[Point]],
    *,
    scale: str,
    ceilings: Mapping[str, float],
    results: Path,
) -> list[Path]:
    """Draw measured accuracy at a scale against cost at that scale.

    Args:
        groups: Heading of a panel to its points.
        scale: Scale of accuracies and costs.
        ceilings: Highest possible top-1 by kind of network, in percent.
        results: Folder that holds `figures/`.
    """
    marks = {name: [_in_millions(point) for point in points] for name, points in groups.items()}
    with mpl.rc_context(PAPER):
        figure, panels = _panels(len(groups), sharex=True)
        for panel, (heading, points) in zip(panels, marks.items(), strict=True):
            _ceilings(panel, ceilings)
            bubbles.draw(panel, points)
            bubbles.cost_axis(panel, f"MFLOPs per video at {scale} scale\n(10⁶ multiply-adds)")
            panel.set(ylim=(0, 108), xmargin=0.15)
            title(panel, f"{heading} at {scale} scale", SUBTITLE)
        panels[0].set_ylabel(f"{scale} top-1, %")
        foot(figure, _FOOT.format(bars=_BARS.get(scale, _INTERVAL)))
        for panel, points in zip(panels, marks.values(), strict=True):
            bubbles.write_names(panel, points)
        return save(figure, results, f"{scale}-tradeoff", dpi=300)


def _in_millions(point: Point) -> Point:
    """Return a point of a small network, its cost in 10^6, its bubble of visible size."""
    return replace(point, gmacs=1000 * point.gmacs, params_m=DRAWN_PARAMS_M)


def _panels(count: int, *, sharex: bool = False) -> tuple[Figure, list[Axes]]:
    width = ONE_COLUMN if count == 1 else BOTH_COLUMNS
    figure = Figure(figsize=(width, HEIGHT), layout="constrained")
    return figure, list(figure.subplots(1, count, sharex=sharex, sharey=True, squeeze=False)[0])


def _foot(experiment: Experiment, axes: Sequence[Axis]) -> str:
    """Name the rows that are not drawn, and explain hollow bubbles and products."""
    sentences = []
    if absent := tradeoff.not_drawn(experiment, axes[-1]):
        sentences.append(
            f"Not drawn, for want of a printed accuracy or a cost: {', '.join(absent)}."
        )
    if any(row.reference for row in experiment.rows):
        sentences.append("Hollow: not in the paper's table.")
    if "printed" in axes and (products := tradeoff.products(experiment)):
        sentences.append(f"Printed per view alone, times the views: {', '.join(products)}.")
    return " ".join(sentences)


def _ceilings(axes: Axes, ceilings: Mapping[str, float]) -> None:
    for reason, top1 in ceilings.items():
        axes.axhline(top1, color=COLOURS["ceiling"], linestyle=(0, (4, 3)), linewidth=0.7)
        axes.text(
            0.86,
            top1,
            f"{reason}: {ceiling_text(reason, top1)}",
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="bottom",
            fontsize=6,
            color=COLOURS["ceiling"],
        )
