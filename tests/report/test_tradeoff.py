"""Accuracy against cost: points, what changes on one footing, and the charts themselves."""

import csv
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

import experiments
from experiments import table_a
from experiments.scales import desk
from harness.cost.comparable import comparable_cost, total
from harness.report import figures, tradeoff
from harness.report.figures import bubbles, labels
from harness.report.figures.style import ONE_COLUMN, PAPER
from harness.stats.verdict import has_printed_digits
from tests.helpers.collected_tables import collected
from tests.test_record import made

KINETICS = experiments.load("kinetics400")
SOMETHING = experiments.load("something_v1")
ROWS = {row.label: row for row in KINETICS.rows}
with (Path(__file__).parents[1] / "golden" / "kinetics400_costs.csv").open(
    encoding="utf-8"
) as file:
    GOLDEN = {line["row"]: line for line in csv.DictReader(file)}


@pytest.mark.parametrize("label", GOLDEN)
def test_every_cost_is_met_to_the_digit(label):
    row, golden = ROWS[label], GOLDEN[label]
    counted = comparable_cost(row)
    found = {
        "params_m": counted.params_m,
        "gmacs": counted.gmacs,
        "views": counted.views,
        "total_gmacs": counted.total,
    }
    wrong = {
        name: value for name, value in found.items() if not has_printed_digits(value, golden[name])
    }
    assert wrong == {}


def test_all_rows_but_v4d_are_held_by_the_golden_figures():
    assert set(ROWS) - set(GOLDEN) == {"V4D+I3D R50, 8 × 10 × 3"}


def test_the_printed_ratios_change_on_one_footing():
    assert tradeoff.sentences(KINETICS) == [
        "On one footing, SlowFast R50, (8+32) × 10 × 3 costs 3.0 times what "
        "DSA+I3D R50, 4 × 8 × 3 does, not 3.9 times as printed.",
        "On one footing, X3D-L, 16 × 10 × 3 costs 14 % more than "
        "DSA+I3D R50, 4 × 8 × 3 does, not 48 % more as printed.",
        "On one footing, V4D+I3D R50, 8 × 10 × 3 costs 4.3 times what "
        "DSA+I3D R50, 4 × 8 × 3 does, as printed.",
        "On one footing, V4D+I3D R50, 8 × 10 × 3 costs 2.1 times what "
        "DSA+I3D R50, 8 × 8 × 3 does, as printed.",
    ]


def test_a_product_stands_in_for_a_total_that_is_not_printed():
    assert total(ROWS["VoV3D-L, 16 × 10 × 3"], "printed") == pytest.approx(279)
    assert total(ROWS["X3D-L, 16 × 10 × 3"], "printed") == 744


def test_a_product_is_not_called_printed():
    cells = tradeoff.frame(KINETICS).set_index("row")
    product, printed = cells.loc["VoV3D-L, 16 × 10 × 3"], cells.loc["X3D-L, 16 × 10 × 3"]
    assert pd.isna(product["printed_total_gmacs"])
    assert product["printed_gmacs_times_views"] == pytest.approx(279)
    assert printed["printed_total_gmacs"] == 744
    assert pd.isna(printed["printed_gmacs_times_views"])
    assert "VoV3D-L" in tradeoff.products(KINETICS)
    assert "X3D-L" not in tradeoff.products(KINETICS)


def test_a_label_is_no_formula_in_the_numbers_of_a_chart(tmp_path):
    rows = (replace(KINETICS.rows[0], label="=1+1"),)
    path = tradeoff.write(replace(KINETICS, rows=rows, claims=()), tmp_path)
    assert path.read_text().splitlines()[1].startswith("'=1+1,")


def test_names_say_the_frames_only_where_they_must():
    names = tradeoff.short_names(KINETICS.rows)
    assert names["TSM R50, 8 × 10 × 3"] == "TSM R50"
    assert names["SlowFast R50, (8+32) × 10 × 3"] == "SlowFast R50, (8+32)f"
    assert len(set(names.values())) == len(KINETICS.rows)


def test_rows_without_a_cost_are_named_and_not_drawn():
    drawn = {point.name for point in tradeoff.points(SOMETHING, "comparable")}
    assert tradeoff.not_drawn(SOMETHING, "comparable") == ["NL+GCN R50"]
    assert len(drawn) + 1 == len(SOMETHING.rows)
    assert tradeoff.points(SOMETHING, "printed") == []


def measured_rows():
    rows = table_a.EXPERIMENT.rows
    records = [
        made(replace(desk(row.trial), seed=seed), top1=40.0 + 10 * place + seed)
        for place, row in enumerate(rows)
        for seed in range(3)
    ]
    again = replace(rows[4], label="the same trial")
    table = replace(table_a.EXPERIMENT, rows=(*rows, again))
    return tradeoff.measured_points([collected(table, records, rescale=desk)])


def test_a_measured_point_has_the_cost_of_what_ran_and_the_range_of_its_seeds():
    (points,) = measured_rows().values()
    assert [point.row for point in points] == [row.label for row in table_a.EXPERIMENT.rows]
    assert points[4].kind == "dsa"
    assert points[4].top1 == 81
    assert points[4].bar == (80, 82)
    assert points[4].gmacs == 0.5 * 2
    assert points[0].gmacs == 0.5 * 8


def test_rows_that_the_paper_lacks_are_a_group_of_their_own_and_the_last():
    names = ("dsa_hosts", "table_g", "table_h")
    tables = []
    for name in names:
        experiment = experiments.load(name)
        records = [made(desk(row.trial), top1=50.0) for row in experiment.rows]
        tables.append(collected(experiment, records, rescale=desk))
    groups = tradeoff.measured_points(tables)
    assert [*groups] == ["R18", "R50", "Other networks"]
    hosts = [point.row for point in groups["Other networks"]]
    assert hosts == [row.label for row in experiments.load("dsa_hosts").rows]


@pytest.mark.slow
def test_charts_fit_the_columns_of_a_paper_and_come_out_the_same_twice(tmp_path):
    drawn = [figures.comparison(KINETICS, results=tmp_path / name) for name in ("a", "b")]
    assert [path.name for path in drawn[0]] == [
        "kinetics400-tradeoff.png",
        "kinetics400-tradeoff.svg",
        "kinetics400-tradeoff-column.png",
        "kinetics400-tradeoff-column.svg",
    ]
    for first, second in zip(*drawn, strict=True):
        assert first.read_bytes() == second.read_bytes()
    assert [imread(drawn[0][place]).shape[1] / 300 for place in (0, 2)] == [7, 3.33]


@pytest.mark.slow
def test_a_measured_chart_is_marked_with_its_scale(tmp_path):
    paths = figures.measured_tradeoff(
        measured_rows(), scale="desk", ceilings={"average of snippets": 50.0}, results=tmp_path
    )
    assert [path.name for path in paths] == ["desk-tradeoff.png", "desk-tradeoff.svg"]
    assert all(path.stat().st_size > 10_000 for path in paths)


def drawn(points):
    """Return the panel of some points, with their names."""
    with mpl.rc_context(PAPER):
        panel = Figure(figsize=(ONE_COLUMN, 3.1), layout="constrained").subplots()
        bubbles.draw(panel, points)
        panel.set_ylim(0, 108)
        bubbles.write_names(panel, points)
        return panel


def point(name, gmacs, top1, *, host="i3d_", kind="dsa", bar=None):
    return tradeoff.Point(
        row=name,
        name=name,
        host=host,
        kind=kind,
        reference=False,
        params_m=20,
        gmacs=gmacs,
        top1=top1,
        bar=bar,
    )


def test_a_line_joins_rows_of_one_host_only():
    points = [point("a", 10, 80), point("b", 20, 90), point("c", 15, 70, host="tsm_")]
    assert [list(line.get_xdata()) for line in drawn(points).lines] == [[10, 20]]
    assert drawn(points[1:]).lines[:] == []


def test_a_bar_that_leaves_the_axis_ends_in_an_arrow():
    marks = {
        line.get_marker(): line.get_ydata()[0]
        for line in drawn([point("a", 10, 86, bar=(33, 139))]).lines
    }
    assert (marks["^"], marks["_"]) == (100, 33)


@pytest.mark.slow
def test_a_leader_line_runs_from_the_bubble_to_its_label():
    panel = drawn(tradeoff.points(KINETICS, "printed"))
    panel.get_figure().draw_without_rendering()
    lines = [text for text in panel.texts if text.arrow_patch is not None]
    assert lines
    for text in lines:
        ends = text.arrow_patch.get_path().vertices
        box = Text.get_window_extent(text).padded(4)
        dot = panel.transData.transform(text.xy)
        assert box.contains(*ends[0])
        assert np.hypot(*(ends[-1] - dot)) < 20


def test_networks_drawn_on_one_another_share_a_label():
    points = [point("NL", 1652, 74.9, kind="other"), point("SlowOnly", 1636, 74.9, kind="other")]
    assert [text.get_text() for text in drawn(points).texts] == ["NL\nSlowOnly"]


@pytest.mark.slow
@pytest.mark.parametrize("axis", ["printed", "comparable"])
def test_no_name_covers_another_or_a_bubble(axis):
    points = tradeoff.points(KINETICS, axis)
    with mpl.rc_context(PAPER):
        panel = Figure(figsize=(ONE_COLUMN, 3.1), layout="constrained").subplots()
        bubbles.draw(panel, points)
        bubbles.write_names(panel, points)
        panel.get_figure().draw_without_rendering()
        boxes = np.array([Text.get_window_extent(text).extents for text in panel.texts])
    assert sum(len(text.get_text().splitlines()) for text in panel.texts) == len(points)
    for place, box in enumerate(boxes):
        assert labels.overlap(box[None], np.delete(boxes, place, axis=0)) == 0
    dots = panel.transData.transform([(point.gmacs, point.top1) for point in points])
    assert labels.overlap(boxes, np.hstack([dots - 1, dots + 1])) == 0
