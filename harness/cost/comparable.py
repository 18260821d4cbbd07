"""Cost of a test video, as printed and on one footing.

Printed costs mix counting rules and crops. On one footing, every row costs its multiply-adds, batch
norm left out (rule `mac`), at the pictures it was tested on, times its printed views.
"""

from dataclasses import dataclass
from typing import Literal

from harness.cost.rows import gmacs_of, row_cost, views_of
from harness.experiment import Row

RULE = "mac"
Axis = Literal["printed", "comparable"]


@dataclass(frozen=True, kw_only=True)
class ComparableCost:
    """The cost of a test video.

    Attributes:
        gmacs: 10^9 multiply-adds per view, rule `mac`, at `crop_px`.
        crop_px: Side of the pictures of the test.
        views: Views of a video.
        params_m: 10^6 parameters.
    """

    gmacs: float
    crop_px: int
    views: float
    params_m: float

    @property
    def total(self) -> float:
        """Return 10^9 multiply-adds per video."""
        return self.gmacs * self.views


def comparable_cost(row: Row) -> ComparableCost | None:
    """Return the cost of a row on one footing; None if it only quotes other work."""
    if row.trial is None:
        return None
    counted, crop_px = row_cost(row), row.trial.evaluation.crop_px
    assert counted is not None
    return ComparableCost(
        gmacs=gmacs_of(row.trials, rule=RULE, crop_px=crop_px),
        crop_px=crop_px,
        views=views_of(row.trial),
        params_m=counted.params / 1e6,
    )


def printed_product(row: Row) -> float | None:
    """Return the printed 10^9 multiply-adds per view times the views, where no total is printed."""
    printed, counted = row.published, comparable_cost(row)
    if "total_gmacs" in printed or "gmacs" not in printed or counted is None:
        return None
    return printed["gmacs"] * counted.views


def total(row: Row, axis: Axis) -> float | None:
    """Return 10^9 multiply-adds per video, printed or on one footing; None if unknown.

    What is printed per view alone counts times the views.
    """
    if axis == "printed":
        return row.published.get("total_gmacs", printed_product(row))
    counted = comparable_cost(row)
    return counted.total if counted else None
