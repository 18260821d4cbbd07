"""Accuracy against cost: the rows of a table as points of a chart, and what changes in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from harness.cost.comparable import RULE, Axis, comparable_cost, printed_total, total
from harness.cost.rows import views_of
from harness.experiment import Experiment, Row
from harness.report.results import RowResult
from harness.specs import from_dict
from harness.stats.verdict import Interval
from harness.utils.atomic import write_atomic

Kind = Literal["dsa", "v4d", "other"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A row in a chart.

    Attributes:
        row: Its label.
        name: What stands beside the point.
        kind: `dsa` and `v4d` learn from several snippets together; `other` is all else.
        reference: Whether the printed table lacks it.
        params_m: 10^6 parameters.
        gmacs: 10^9 multiply-adds per video.
        top1: In percent.
        half_width: Half of the interval of `top1`; None for a single figure.
    """

    row: str
    name: str
    kind: Kind
    reference: bool
    params_m: float
    gmacs: float
    top1: float
    half_width: float | None = None


def compares(experiment: Experiment) -> bool:
    """Say whether a table sets costs of other work, counted elsewhere, beside its own."""
    return any(row.quoted_cost for row in experiment.rows)


def points(experiment: Experiment, axis: Axis) -> list[Point]:
    """Return the rows that have an accuracy and a cost.

    Args:
        experiment: A table.
        axis: `printed` for the cost as printed, `footing` for all on one footing.
    """
    names = short_names(experiment.rows)
    found = []
    for row in experiment.rows:
        counted, gmacs = comparable_cost(row), total(row, axis)
        if counted is not None and gmacs is not None and "top1" in row.published:
            found.append(
                Point(
                    row=row.label,
                    name=names[row.label],
                    kind=_kind(row),
                    reference=row.reference,
                    params_m=counted.params_m,
                    gmacs=gmacs,
                    top1=row.published["top1"],
                )
            )
    return found


def not_drawn(experiment: Experiment, axis: Axis) -> list[str]:
    """Name the rows with an accuracy that lack a cost."""
    drawn = {point.row for point in points(experiment, axis)}
    names = short_names(experiment.rows)
    return [names[row.label] for row in experiment.rows if row.label not in drawn]


def sentences(experiment: Experiment) -> list[str]:
    """Say of every claimed ratio of costs per video what becomes of it on one footing."""
    rows = {row.label: row for row in experiment.rows}
    said = []
    for claim in experiment.claims:
        if claim.kind == "ratio" and claim.metric == "total_gmacs":
            dear, cheap = (rows[label] for label in claim.rows)
            footed, printed = _ratio(dear, cheap, "footing"), _ratio(dear, cheap, "printed")
            if footed and printed:
                said.append(_compare(dear.label, cheap.label, footed, printed))
    return said


def write(experiment: Experiment, results: Path) -> Path:
    """Write the numbers of the charts: `tables/<name>-tradeoff.csv`."""
    path = results / "tables" / f"{experiment.name}-tradeoff.csv"
    write_atomic(path, frame(experiment).to_csv(index=False, lineterminator="\n").encode())
    return path


def frame(experiment: Experiment) -> pd.DataFrame:
    """Return both costs of every row as numbers, with what they were counted at."""
    rows = []
    for row in experiment.rows:
        counted = comparable_cost(row)
        rows.append(
            {
                "row": row.label,
                "reference": row.reference,
                "top1": row.published.get("top1"),
                "printed_total_gmacs": printed_total(row),
                "params_m": counted and counted.params_m,
                "gmacs": counted and counted.gmacs,
                "counting_rule": counted and RULE,
                "crop_px": counted and counted.crop_px,
                "views": counted and counted.views,
                "total_gmacs": counted and counted.total,
                "printed_convention": row.quoted_cost and row.quoted_cost.convention,
                "counted_on": row.quoted_cost.source if row.quoted_cost else counted and "the zoo",
            }
        )
    return pd.DataFrame(rows)


def measured(rows: Sequence[RowResult]) -> dict[str, list[Point]]:
    """Return what was measured at a scale, at the cost of the networks that ran, by depth.

    Rows of several tables that share their trials are one point, under the first label.
    """
    found: dict[tuple[str, ...], tuple[str, Point]] = {}
    for result in rows:
        if result.interval is not None:
            keys = tuple(record.key for record in result.records)
            found.setdefault(keys, (_depth(result.row), _measured(result, result.interval)))
    groups: dict[str, list[Point]] = {}
    for depth, point in found.values():
        groups.setdefault(depth, []).append(point)
    return dict(sorted(groups.items()))


def _measured(result: RowResult, top1: Interval) -> Point:
    first = result.records[0]
    return Point(
        row=result.label,
        name=result.label,
        kind=_kind(result.row),
        reference=result.row.reference,
        params_m=first.params / 1e6,
        gmacs=first.gmacs * views_of(from_dict(first.trial)),
        top1=top1.mean,
        half_width=top1.half_width,
    )


def short_names(rows: Sequence[Row]) -> dict[str, str]:
    """Return labels without their views, and with their frames where a name occurs twice."""
    names = [row.label.partition(", ")[0] for row in rows]
    return {
        row.label: name if names.count(name) == 1 else f"{name}, {_frames(row.label)}"
        for row, name in zip(rows, names, strict=True)
    }


def _frames(label: str) -> str:
    return f"{label.partition(', ')[2].partition(' × ')[0]}f"


def _depth(row: Row) -> str:
    assert row.trial is not None
    return f"R{row.trial.model.backbone.rpartition('resnet')[2]}"


def _kind(row: Row) -> Kind:
    module = row.trial.model.module if row.trial else None
    return "dsa" if module == "dsa" else "v4d" if module == "v4d" else "other"


def _ratio(dear: Row, cheap: Row, axis: Axis) -> float | None:
    first, second = total(dear, axis), total(cheap, axis)
    return first / second if first and second else None


def _times(ratio: float) -> tuple[str, str]:
    """Say how one cost compares to another, a small excess in percent, and what follows."""
    return (
        (f"{ratio:.1f} times", "what")
        if ratio >= 2
        else (f"{100 * (ratio - 1):.0f} % more", "than")
    )


def _compare(dear: str, cheap: str, footed: float, printed: float) -> str:
    (amount, word), (other, _) = _times(footed), _times(printed)
    ending = "as printed" if amount == other else f"not {other} as printed"
    return f"On one footing, {dear} costs {amount} {word} {cheap} does, {ending}."
