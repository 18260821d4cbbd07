"""Named bubbles in a panel of accuracy against cost."""

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
SAME_TOP1 = 1.0  # points of accuracy within which two dots are one to the eye
SAME_PRINTED_TOP1 = 0.1


def draw(axes: Axes, points: Sequence[Point]) -> None:
    """Draw one bubble per point, with its interval, and a line through DSA on each host."""
    axes.set_xscale("log")
    for line in _dsa_lines(points):
        axes.plot(*_coordinates(line), color=KINDS["dsa"], linewidth=1, zorder=1.5)
    for point in points:
        colour = KINDS[point.kind]
        _bar(axes, point, colour)
        axes.scatter(
            point.gmacs,
            point.top1,
            s=(2 * _radius(point.params_m)) ** 2,
            facecolor="white" if point.reference else (colour, _opacity(point)),
            edgecolor=colour if point.reference else "white",
            linewidth=0.7,
            zorder=3,
        )
    axes.margins(0.08, 0.1)
    axes.grid(color=COLOURS["grid"], linewidth=0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_axisbelow(True)


def _dsa_lines(points: Sequence[Point]) -> list[list[Point]]:
    """Return the points of DSA on one host by increasing cost, where there are several."""
    dsa = sorted((point for point in points if point.kind == "dsa"), key=lambda point: point.gmacs)
    hosts = dict.fromkeys(point.host for point in dsa)
    lines = [[point for point in dsa if point.host == host] for host in hosts]
    return [line for line in lines if len(line) > 1]


def _bar(axes: Axes, point: Point, colour: str) -> None:
    """Draw the bar of a point, cut at 0 and 100 % with an arrow."""
    if point.bar is None:
        return
    ends = dict(zip("v^", point.bar, strict=True))
    inside = {arrow: min(max(end, 0), 100) for arrow, end in ends.items()}
    axes.plot([point.gmacs] * 2, list(inside.values()), color=colour, linewidth=1)
    for arrow, end in ends.items():
        mark = "_" if inside[arrow] == end else arrow
        axes.plot(point.gmacs, inside[arrow], mark, ms=4, color=colour, clip_on=False)


def _opacity(point: Point) -> float:
    """Return the opacity of a bubble; other work is translucent, as its bubbles overlap."""
    return 0.65 if point.kind == "other" and point.bar is None else 1.0


def _coordinates(points: Sequence[Point]) -> tuple[list[float], list[float]]:
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
    """Add a legend of the area of bubbles, at the place with the most room."""
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
    """Write the name of every point beside it, clear of the line of DSA and of other text."""
    legend = axes.get_legend()
    texts = [*axes.texts, *([legend] if legend else [])]
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    artists = [*texts, *_dashed_lines(axes)]
    obstacles = [artist.get_window_extent().padded(1).extents for artist in artists]
    bars = [(point.gmacs, point.bar) for point in points if point.bar]
    lines = [([x, x], [max(low, 0), min(high, 100)]) for x, (low, high) in bars]
    for line in (*map(_coordinates, _dsa_lines(points)), *lines):
        obstacles += list(labels.boxes_along(axes, *line))
    marks = [_mark(group) for group in _coincident_groups(points)]
    labels.annotate(axes, marks, obstacles=np.array(obstacles).reshape(-1, 4))


def _dashed_lines(axes: Axes) -> list[Line2D]:
    """Return the lines of ceilings, which run across the panel."""
    return [line for line in axes.lines if line.get_linestyle() == "--"]


def _coincident_groups(points: Sequence[Point]) -> list[list[Point]]:
    """Group points that are drawn on one another: they share a label, one line per point."""
    groups: list[list[Point]] = []
    for point in points:
        for group in groups:
            if _is_coincident(group[0], point):
                group.append(point)
                break
        else:
            groups.append([point])
    return groups


def _is_coincident(one: Point, other: Point) -> bool:
    same = SAME_TOP1 if one.bar is not None else SAME_PRINTED_TOP1
    is_close = abs(one.top1 - other.top1) < same and 0.98 < one.gmacs / other.gmacs < 1.02
    return is_close and one.kind == other.kind


def _mark(group: Sequence[Point]) -> labels.Mark:
    first = group[0]
    return labels.Mark(
        x=first.gmacs,
        y=first.top1,
        radius=_radius(first.params_m),
        text="\n".join(point.name for point in group),
        colour=FAINT if first.kind == "other" else KINDS[first.kind],
    )
