"""Aspects of desk answers, from scores on disk to files."""

import csv
import io

import numpy as np
import pytest

from experiments.scales import SCALES
from experiments.table_b import EXPERIMENT
from harness.data.datasets.desk_recipe import ASPECTS, CLASSES
from harness.exchange import result_frames
from harness.report import build, evidence, table_csv
from harness.report.page.sections import section
from tests.helpers import collected_tables
from tests.helpers.results_folders import add_record, row_trial

LABELS = ("TSN+I3D R50", "DSA at II")


@pytest.fixture
def table(tmp_path):
    """Table (b) with two rows, whose wrong answers are the next class: another order or motion."""
    rows = [
        add_record(tmp_path, row_trial(f"table_b/{label}"), seed=seed, right=[n % 3 > 0] * 12)
        for n, label in enumerate(LABELS)
        for seed in (0, 1)
    ]
    return collected_tables.collected(EXPERIMENT, rows, tmp_path, rescale=SCALES["desk"])


def test_shares_are_those_of_the_stored_scores(table):
    shares = evidence.aspect_shares(table)
    assert tuple(shares) == LABELS
    assert shares["DSA at II"] == ({"shapes": 100, "motions": 100, "order": 100},) * 2
    answers = [(label + 1) % len(CLASSES) for label in range(len(CLASSES))]
    is_same = [ASPECTS["shapes"][k] == ASPECTS["shapes"][n] for n, k in enumerate(answers)]
    assert shares["TSN+I3D R50"][0]["shapes"] == pytest.approx(100 * np.mean(is_same))
    assert 0 in shares["TSN+I3D R50"][0].values()


@pytest.mark.slow
def test_a_table_holds_their_means_and_a_figure_shows_them(table):
    judged = collected_tables.judged(table)
    rows = {row["row"]: row for row in csv.DictReader(io.StringIO(table_csv.rows_csv(judged)))}
    assert rows["DSA at II"]["right_order"] == "100.0"
    assert rows["DSA at I"]["right_order"] == ""
    frame = result_frames.rows_frame(judged).set_index("row")
    assert frame.loc["DSA at II", "right_order"] == 100
    assert np.isnan(frame.loc["DSA at I", "right_order"])
    lines = {row.label: row.aspects for row in section(judged, figures=(), curves={}).rows}
    whole = "Right in turn: shapes 100.0 %, motions 100.0 %, order 100.0 % (means of 2 seeds)."
    assert lines["DSA at II"] == whole
    assert lines["DSA at I"] == ""
    names = {path.name for path in build.draw(table)}
    assert {"table_b-aspects.svg", "table_b-aspects.png"} <= names


def test_a_record_without_scores_is_left_out_with_a_warning(table, caplog):
    evidence._shares.clear()
    for path in (table.results / "records").glob("*.npz"):
        path.unlink()
    assert evidence.aspect_shares(table) == {}
    assert "is missing" in caplog.text
