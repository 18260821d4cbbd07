"""Bubbles in a panel of accuracy against cost, and their names."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from harness.report.figures import labels
from harness.report.figures.style import COLOURS, FAINT, KINDS
from harness.report.tradeoff import Point

RADIUS = 0.72  # of a network with 10^6 parameters, in points
KEY_M = (5, 25, 50)
SAME_TOP1 = 1.0


def draw(axes: Axes, points: Sequence[Point]) -> None:
    """Draw one bubble per point, with its interval, and a line through those of DSA."""
    axes.set_xscale("log")
    axes.plot(*_places(_own(points)), color=KINDS["dsa"], linewidth=1, zorder=1.5)
    for point in points:
        colour = KINDS[point.kind]
        axes.errorbar(point.gmacs, point.top1, yerr=point.half_width, color=colour, capsize=2, lw=1)
        axes.scatter(
            point.gmacs,
            point.top1,
            s=(2 * _radius(point.params_m)) ** 2,
            facecolor="white" if point.reference else (colour, _filled(point)),
            edgecolor=colour if point.reference else "white",
            linewidth=0.7,
            zorder=3,
        )
    axes.margins(0.08, 0.1)
    axes.grid(color=COLOURS["grid"], linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_axisbelow(True)


def _own(points: Sequence[Point]) -> list[Point]:
    """Return the points of DSA from cheap to dear."""
    return sorted((point for point in points if point.kind == "dsa"), key=lambda each: each.gmacs)


def _filled(point: Point) -> float:
    """Return how opaque a bubble is: what lies under one of many shows through."""
    return 0.65 if point.kind == "other" and point.half_width is None else 1.0


def _places(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [point.gmacs for point in points], [point.top1 for point in points]


def _radius(params_m: float) -> float:
    return RADIUS * math.sqrt(params_m)


def cost_axis(axes: Axes, name: str) -> None:
    """Name the axis of costs and give it round numbers."""
    axes.set_xlabel(name)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def key(axes: Axes) -> Legend:
    """Say what the area of a bubble means, where there is room."""
    marks = [
        Line2D([], [], marker="o", ls="", color=FAINT, mfc="none", mew=0.6, ms=2 * _radius(size))
        for size in KEY_M
    ]
    return axes.legend(
        marks,
        [f"{size} M" for size in KEY_M],
        title="parameters",
        ncols=len(KEY_M),
        frameon=False,
        handletextpad=0.1,
        columnspacing=0.8,
        labelcolor=FAINT,
        fontsize=6,
        title_fontproperties={"size": 6},
    )


def write_names(axes: Axes, points: Sequence[Point]) -> None:
    """Write each point's name beside it, off the line of DSA and off what is written already."""
    legend = axes.get_legend()
    written = [*axes.texts, *([legend] if legend else [])]
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    taken = [each.get_window_extent().padded(1).extents for each in [*written, *_level(axes)]]
    bars = [(point.gmacs, point.top1, point.half_width) for point in points if point.half_width]
    lines = [([x, x], [max(y - half, 0), min(y + half, 100)]) for x, y, half in bars]
    for line in (_places(_own(points)), *lines):
        taken += list(labels.along(axes, *line)) if len(line[0]) > 1 else []
    marks = [_mark(together) for together in _coinciding(points)]
    labels.annotate(axes, marks, avoid=np.array(taken))


def _level(axes: Axes) -> list[Line2D]:
    """Return the lines that run across the panel."""
    return [line for line in axes.lines if line.get_linestyle() == "--"]


def _coinciding(points: Sequence[Point]) -> list[list[Point]]:
    """Gather points that are drawn on one another: they share a label, a line for each."""
    groups: list[list[Point]] = []
    for point in points:
        for group in groups:
            if _coincide(group[0], point):
                group.append(point)
                break
        else:
            groups.append([point])
    return groups


def _coincide(one: Point, other: Point) -> bool:
    close = abs(one.top1 - other.top1) < SAME_TOP1 and 0.98 < one.gmacs / other.gmacs < 1.02
    return close and one.half_width is not None and one.kind == other.kind


def _mark(together: Sequence[Point]) -> labels.Mark:
    first = together[0]
    return labels.Mark(
        x=first.gmacs,
        y=first.top1,
        radius=_radius(first.params_m),
        text="\n".join(point.name for point in together),
        colour=FAINT if first.kind == "other" else KINDS[first.kind],
    )
