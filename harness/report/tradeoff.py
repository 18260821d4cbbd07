"""Accuracy against cost: the rows of a table as points of a chart, and ratios of costs in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from harness.cost.comparable import RULE, Axis, comparable_cost, printed_product, total
from harness.cost.rows import views_of
from harness.data.datasets import desk_recipe
from harness.experiment import Experiment, Row
from harness.report.results import RowResult, TableResult
from harness.specs import from_dict
from harness.stats.verdict import Interval
from harness.utils import escape
from harness.utils.atomic import write_atomic

Kind = Literal["dsa", "v4d", "other"]
OTHER_NETWORKS = "Other networks"
AXES: tuple[Axis, Axis] = ("comparable", "printed")


@dataclass(frozen=True, kw_only=True)
class Point:
    """A row in a chart.

    Attributes:
        row: Its label.
        name: Text beside the point.
        host: The family of the network that carries the module; empty for other work.
        kind: `dsa` and `v4d` mix the snippets of a video in training; `other` is all else.
        reference: Whether the printed table lacks it.
        params_m: 10^6 parameters.
        gmacs: 10^9 multiply-adds per video.
        top1: In percent.
        bar: Ends of the bar around `top1`; None for a single figure.
    """

    row: str
    name: str
    host: str
    kind: Kind
    reference: bool
    params_m: float
    gmacs: float
    top1: float
    bar: tuple[float, float] | None = None


def is_charted(experiment: Experiment) -> bool:
    """Return whether accuracy is charted against cost: in comparisons of top-1 on one data set."""
    data_sets = {trial.data.name for row in experiment.rows for trial in row.trials}
    has_top1 = any("top1" in row.published for row in experiment.rows)
    return experiment.is_comparison and has_top1 and len(data_sets) == 1


def points(experiment: Experiment, axis: Axis) -> list[Point]:
    """Return the rows that have an accuracy and a cost.

    Args:
        experiment: A table.
        axis: `printed` or `comparable` costs.
    """
    names = short_names(experiment.rows)
    chart = []
    for row in experiment.rows:
        cost, gmacs = comparable_cost(row), total(row, axis)
        if cost is not None and gmacs is not None and "top1" in row.published:
            chart.append(
                Point(
                    row=row.label,
                    name=names[row.label],
                    host=_host(row),
                    kind=_kind(row),
                    reference=row.reference,
                    params_m=cost.params_m,
                    gmacs=gmacs,
                    top1=row.published["top1"],
                )
            )
    return chart


def not_drawn(experiment: Experiment, axis: Axis) -> list[str]:
    """Return the short names of the rows that have no point, for want of a cost or accuracy."""
    drawn = {point.row for point in points(experiment, axis)}
    names = short_names(experiment.rows)
    return [names[row.label] for row in experiment.rows if row.label not in drawn]


def products(experiment: Experiment) -> list[str]:
    """Return the short names of the points whose printed total is a product that nobody printed."""
    drawn = {point.row for point in points(experiment, "printed")}
    names = short_names(experiment.rows)
    return [
        names[row.label]
        for row in experiment.rows
        if row.label in drawn and printed_product(row) is not None
    ]


def sentences(experiment: Experiment) -> list[str]:
    """Return a sentence per claimed ratio of costs per video: comparable against printed costs."""
    rows = {row.label: row for row in experiment.rows}
    texts = []
    for claim in experiment.claims:
        if claim.kind == "ratio" and claim.metric == "total_gmacs":
            dear, cheap = (rows[label] for label in claim.rows)
            comparable, printed = (_ratio(dear, cheap, axis) for axis in AXES)
            if comparable and printed:
                texts.append(_compare(dear.label, cheap.label, comparable, printed))
    return texts


def write(experiment: Experiment, results: Path) -> Path:
    """Write the numbers of the charts: `tables/<name>-tradeoff.csv`."""
    path = results / "tables" / f"{experiment.name}-tradeoff.csv"
    shown = frame(experiment)
    shown["row"] = shown["row"].map(escape.spreadsheet)
    write_atomic(path, shown.to_csv(index=False, lineterminator="\n").encode())
    return path


def frame(experiment: Experiment) -> pd.DataFrame:
    """Return both costs of every row as numbers, with the crop, views and rule of the count."""
    rows = []
    for row in experiment.rows:
        cost = comparable_cost(row)
        rows.append(
            {
                "row": row.label,
                "reference": row.reference,
                "top1": row.published.get("top1"),
                "printed_total_gmacs": row.published.get("total_gmacs"),
                "printed_gmacs_times_views": printed_product(row),
                "params_m": cost and cost.params_m,
                "gmacs": cost and cost.gmacs,
                "counting_rule": cost and RULE,
                "crop_px": cost and cost.crop_px,
                "views": cost and cost.views,
                "total_gmacs": cost and cost.total,
            }
        )
    return pd.DataFrame(rows)


def measured_points(tables: Sequence[TableResult]) -> dict[str, list[Point]]:
    """Return measured accuracies at the cost of the networks that ran, by depth.

    Rows of several tables that share their trials are one point, under the first label. Rows of
    tables that the paper lacks are a group of their own, the last one. Rows on desk videos of
    another design than that of the ablations are left out.
    """
    by_records: dict[tuple[str, ...], tuple[str, Point]] = {}
    rows = [(table.experiment, result) for table in tables for result in table.rows]
    for experiment, result in rows:
        if result.interval is not None and not _is_of_other_design(result):
            group = OTHER_NETWORKS if experiment.document != "Paper" else _depth(result.row)
            keys = tuple(record.key for record in result.records)
            by_records.setdefault(keys, (group, _measured_point(result, result.interval)))
    groups: dict[str, list[Point]] = {}
    for group, point in by_records.values():
        groups.setdefault(group, []).append(point)
    return dict(sorted(groups.items(), key=lambda item: (item[0] == OTHER_NETWORKS, item[0])))


def _is_of_other_design(result: RowResult) -> bool:
    name = result.trial.data.name if result.trial is not None else ""
    return name in desk_recipe.RECIPES and name != desk_recipe.DESK


def _measured_point(result: RowResult, top1: Interval) -> Point:
    first = result.records[0]
    return Point(
        row=result.label,
        name=result.label,
        host=_host(result.row),
        kind=_kind(result.row),
        reference=result.row.reference,
        params_m=first.params / 1e6,
        gmacs=first.gmacs * views_of(from_dict(first.trial)),
        top1=top1.mean,
        bar=result.bar,
    )


def short_names(rows: Sequence[Row]) -> dict[str, str]:
    """Return labels without views, and with frames where a name occurs twice."""
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


def _host(row: Row) -> str:
    """Return the backbone without its depth: `i3d_` of `i3d_resnet50`."""
    return row.trial.model.backbone.rpartition("resnet")[0] if row.trial else ""


def _kind(row: Row) -> Kind:
    module = row.trial.model.module if row.trial else None
    return "dsa" if module == "dsa" else "v4d" if module == "v4d" else "other"


def _ratio(dear: Row, cheap: Row, axis: Axis) -> float | None:
    first, second = total(dear, axis), total(cheap, axis)
    return first / second if first and second else None


def _times(ratio: float) -> tuple[str, str]:
    """Return a ratio of costs in words, a small excess in percent, and its conjunction."""
    return (
        (f"{ratio:.1f} times", "what")
        if ratio >= 2
        else (f"{100 * (ratio - 1):.0f} % more", "than")
    )


def _compare(dear: str, cheap: str, comparable: float, printed: float) -> str:
    (amount, conjunction), (other, _) = _times(comparable), _times(printed)
    ending = "as printed" if amount == other else f"not {other} as printed"
    return f"On one footing, {dear} costs {amount} {conjunction} {cheap} does, {ending}."
