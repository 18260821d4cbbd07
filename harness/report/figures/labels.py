"""Placement of labels beside the points of a chart, clear of labels, points and lines.

Boxes are rows of left, bottom, right, top in pixels.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.text import Annotation

from harness.report.figures.style import freeze

Boxes = npt.NDArray[np.float64]
ANGLES = (0, 180, 90, 270, 45, 135, 315, 225, 20, 160, 340, 200, 70, 110, 250, 290)
DISTANCES = (2.0, 6.0, 12.0, 20.0, 30.0, 42.0)
LEADER_FROM = 5.0
ROUNDS = 4
MARGIN = 1.0
STEPS = 20


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point with a label.

    Attributes:
        x: In data coordinates.
        y: In data coordinates.
        radius: Of the bubble, in points.
        text: The label.
        colour: Of the label.
    """

    x: float
    y: float
    radius: float
    text: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A candidate place of a label.

    Attributes:
        offset: From the point to the label's lower left corner, in points.
        boxes: Of the label, then of its leader line.
        distance: From the bubble, in points.
        end: Of the leader line, as shares of the label's width and height.
    """

    offset: tuple[float, float]
    end: tuple[float, float]
    boxes: Boxes
    distance: float


def annotate(axes: Axes, marks: Sequence[Mark], *, obstacles: Boxes) -> list[Annotation]:
    """Write the labels where they overlap least, with a thin leader line to distant ones.

    The layout of the figure is frozen: later drawing must not move the panel.

    Args:
        axes: A panel whose limits are set.
        marks: Its points.
        obstacles: Areas to keep clear, in addition to the bubbles.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    freeze(figure)
    scale = figure.dpi / 72
    bubbles = [_bubble(axes, mark, scale) for mark in marks]
    panel = np.array(axes.get_window_extent().extents)
    choices, costs = [], []
    for index, mark in enumerate(marks):
        occupied = np.vstack([obstacles, *bubbles[:index], *bubbles[index + 1 :]])
        choices.append(_choices(axes, mark, scale))
        costs.append(_costs(choices[-1], occupied, panel))
    places = _optimise(choices, costs)
    return [_write(axes, mark, place) for mark, place in zip(marks, places, strict=True)]


def boxes_along(axes: Axes, x: Sequence[float], y: Sequence[float]) -> Boxes:
    """Return small boxes along a line through points."""
    corners = axes.transData.transform(np.column_stack([x, y]))
    return _path(corners, STEPS * (len(corners) - 1))


def _path(corners: Boxes, steps: int) -> Boxes:
    places = np.linspace(0, len(corners) - 1, steps)
    x, y = (np.interp(places, np.arange(len(corners)), corners[:, axis]) for axis in (0, 1))
    return np.column_stack([x, y, x + 1, y + 1])


def _bubble(axes: Axes, mark: Mark, scale: float) -> Boxes:
    """Return the square around a bubble, which labels of other points must not touch."""
    side = (mark.radius + MARGIN) * scale
    x, y = axes.transData.transform((mark.x, mark.y))
    return np.array([x - side, y - side, x + side, y + side])


def _choices(axes: Axes, mark: Mark, scale: float) -> list[_Place]:
    """List the places of a label around its point, nearest and most usual first."""
    probe = axes.text(0, 0, mark.text)
    size = probe.get_window_extent()
    probe.remove()
    point = axes.transData.transform((mark.x, mark.y))
    return [
        _place(point, np.array([size.width, size.height]), mark.radius, distance, degrees, scale)
        for distance, degrees in itertools.product(DISTANCES, ANGLES)
    ]


def _place(
    point: Boxes, size: Boxes, radius: float, distance: float, degrees: int, scale: float
) -> _Place:
    direction = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    end = point + (radius + distance) * scale * direction
    share = (1 - direction) / 2
    corner = end - size * share
    box = np.concatenate([corner - MARGIN * scale, corner + size + MARGIN * scale])
    start = point + (radius + 1) * scale * direction
    leader = _path(np.stack([start, end]), STEPS if distance > LEADER_FROM else 0)
    right, up = (corner - point) / scale
    return _Place(
        offset=(right, up),
        boxes=np.vstack([box, leader]),
        distance=distance,
        end=(float(share[0]), float(share[1])),
    )


def _costs(choices: Sequence[_Place], occupied: Boxes, panel: Boxes) -> Boxes:
    """Return the cost of every place regardless of other labels; ties go to the earlier place."""
    return np.array([_cost(place, occupied, panel) + i / 100 for i, place in enumerate(choices)])


def _optimise(choices: Sequence[Sequence[_Place]], costs: Sequence[Boxes]) -> list[_Place]:
    """Choose the cheapest place of one label after the other, given the others; a few rounds."""
    places = [options[int(cost.argmin())] for options, cost in zip(choices, costs, strict=True)]
    for index in [*range(len(choices))] * (ROUNDS if len(choices) > 1 else 0):
        others = np.vstack([place.boxes for i, place in enumerate(places) if i != index])
        overlaps = [overlap(place.boxes, others) for place in choices[index]]
        places[index] = choices[index][int((costs[index] + overlaps).argmin())]
    return places


def _cost(place: _Place, occupied: Boxes, panel: Boxes) -> float:
    left, low, right, top = place.boxes[0]
    inside = max(min(right, panel[2]) - max(left, panel[0]), 0)
    inside *= max(min(top, panel[3]) - max(low, panel[1]), 0)
    outside = (right - left) * (top - low) - inside
    return float(overlap(place.boxes, occupied) + 10 * outside + 2 * place.distance)


def overlap(boxes: Boxes, others: Boxes) -> float:
    """Return a penalty for the area shared with other boxes and for every overlapping pair."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    return float(100 * (shared > 0).sum() + 5 * shared.sum())


def _write(axes: Axes, mark: Mark, place: _Place) -> Annotation:
    line = {
        "arrowstyle": "-",
        "color": mark.colour,
        "linewidth": 0.4,
        "shrinkA": 0,
        "shrinkB": mark.radius,
        "relpos": place.end,
    }
    return axes.annotate(
        mark.text,
        (mark.x, mark.y),
        xytext=place.offset,
        textcoords="offset points",
        ha="left",
        va="bottom",
        color=mark.colour,
        arrowprops=line if len(place.boxes) > 1 else None,
    )
