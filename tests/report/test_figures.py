"""Figures of tables: which are drawn, what they say, and what stays readable."""

from dataclasses import replace
from itertools import pairwise

import pytest
from matplotlib.figure import Figure

import experiments
from experiments.scales import SCALES, desk
from harness.cli import report
from harness.plan.request import Request
from harness.report import figures
from harness.report.figures import tables
from harness.runtime import Runtime
from tests.helpers.collected_tables import collected
from tests.test_record import made

CEILINGS = {"average of snippets": 50.0}
COMPARISONS = ("kinetics400", "mini_kinetics200", "something_v1", "activitynet")


def with_records(name, top1=50.0, rows=slice(None), scale="desk"):
    """Collect a table with three seeds of some of its rows."""
    experiment, rescale = experiments.load(name), SCALES[scale]
    records = [
        made(replace(rescale(row.trial), seed=seed), top1=top1 + seed)
        for row in experiment.rows[rows]
        if row.trial is not None
        for seed in range(3)
    ]
    return collected(experiment, records, scale=scale, rescale=rescale)


@pytest.fixture
def drawn(monkeypatch):
    """Return the panel of a table instead of its files."""
    figure = []
    monkeypatch.setattr(tables, "save", lambda panel, *_: figure.append(panel))

    def draw(table):
        figures.table(table, ceilings=CEILINGS)
        panel: Figure = figure[-1]
        return panel.axes[0]

    return draw


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_that_only_shares_records_has_no_desk_figure(name):
    assert not tables.is_drawn(collected(experiments.load(name), [], rescale=desk))
    assert not tables.is_drawn(with_records(name, rows=slice(-1, None)))


def test_a_comparison_whose_own_rows_all_ran_has_one():
    assert tables.is_drawn(with_records("mini_kinetics200"))
    assert tables.is_drawn(collected(experiments.load("table_b"), [], rescale=desk))
    assert tables.is_drawn(collected(experiments.load("table_i"), [], rescale=desk))


def test_rows_of_the_same_trials_are_one_line(drawn):
    labels = [tick.get_text() for tick in drawn(with_records("vov3d")).get_yticklabels()]
    plain = [" ".join(label.split()) for label in labels][::-1]
    assert len(plain) == 9
    assert plain[5] == "VoV3D-M, 16 × 2 × 3, V1 and 5 more"


@pytest.mark.parametrize("name", ["vov3d", "mini_kinetics200", "dsa_hosts", "table_b"])
def test_long_labels_leave_most_of_the_width_to_the_data(name, drawn, recwarn):
    axes = drawn(with_records(name))
    axes.figure.draw_without_rendering()
    assert not recwarn.list
    assert axes.get_position().width > 0.6
    assert axes.get_position().x1 > 0.95
    rows = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(one.y1 <= other.y0 for one, other in pairwise(rows))


def test_a_stale_figure_is_removed_and_a_check_puts_it_back(tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    stale = [folder / f"activitynet.{kind}" for kind in ("png", "svg")]
    other = folder / "activitynet-mine.svg"
    for path in (*stale, other):
        path.write_bytes(b"before")
    request = Request(
        experiment=experiments.load("activitynet"),
        scale="desk",
        rescale=SCALES["desk"],
        seeds=1,
        runtime=Runtime(results=tmp_path, data=tmp_path),
    )
    assert report.redraw([request], is_check=True) == ([], stale)
    assert [path.read_bytes() for path in stale] == [b"before"] * 2
    assert report.redraw([request], is_check=False) == ([], stale)
    assert list(folder.iterdir()) == [other]


def test_a_desk_figure_tells_the_papers_setting_from_what_ran(drawn):
    texts = "\n".join(text.get_text() for text in drawn(with_records("table_c")).texts)
    assert "Paper: I3D R50, position II, β = 1, stage res5, Mini-Kinetics-200\n" in texts
    assert "Run here: desk scale, generated videos, small networks" in texts


def test_no_line_crosses_a_value(drawn):
    panel = drawn(with_records("table_c", top1=49.0))
    values = [text for text in panel.texts if text.get_text() == "50.0"]
    ceilings = [line for line in panel.lines if line.get_linestyle() == "--"]
    assert len(values) == 4
    assert ceilings
    for value in values:
        assert value.get_bbox_patch().get_facecolor() == (1, 1, 1, 1)
        assert all(value.get_zorder() > line.get_zorder() for line in panel.lines)


def test_a_line_says_whether_its_ceiling_is_proven(monkeypatch, drawn):
    monkeypatch.setitem(CEILINGS, "average of frames", 25.0)
    texts = [text.get_text() for text in drawn(with_records("table_b", top1=24.0)).texts]
    assert "average of snippets:\nat most 50 %" in texts
    assert "average of frames:\n25 % expected" in texts


def test_a_bar_that_leaves_the_axis_ends_in_an_arrow(drawn):
    panel = drawn(with_records("table_c", top1=98.0, scale="paper"))
    ends = {line.get_marker(): line.get_xdata() for line in panel.lines}
    assert list(ends[">"]) == [100]
    assert "arrow: bar goes on" in panel.get_xlabel()
    assert "arrow" not in drawn(with_records("table_c", scale="paper")).get_xlabel()


def test_a_desk_bar_is_the_range_of_the_seeds(drawn):
    panel = drawn(with_records("table_c", top1=97.0))
    bars = [list(line.get_xdata()) for line in panel.lines if len(line.get_xdata()) == 2]
    assert [97.0, 99.0] in bars
    assert "bar: lowest to highest seed" in panel.get_xlabel()


def test_a_printed_cost_stands_clear_of_its_bar(drawn):
    panel = drawn(collected(experiments.load("table_i"), []))
    tops = [bar.get_y() + bar.get_height() for bar in panel.patches]
    marks = [line.get_ydata()[0] for line in panel.lines if line.get_marker() == "v"]
    assert all(mark > top for mark, top in zip(marks, tops, strict=True))
