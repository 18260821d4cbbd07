import json
from dataclasses import replace

import pytest

import experiments
from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness.specs import Claim, Experiment, Row, as_dict


@pytest.mark.parametrize("name", experiments.names())
def test_every_table_carries_the_name_of_its_file(name):
    assert experiments.load(name).name == name


def test_a_trial_survives_json_unchanged():
    trial = EXPERIMENT.rows[3].trial
    assert json.loads(json.dumps(as_dict(trial))) == as_dict(trial)


def test_equal_labels_in_one_table_are_refused():
    row = Row(label="a", trial=None)
    with pytest.raises(ValueError, match="different labels"):
        Experiment(name="t", title="", caption="", rows=(row, row))


@pytest.mark.parametrize("name", ["../t", "Table", "", "a b"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(ValueError, match="file name"):
        Experiment(name=name, title="", caption="", rows=(Row(label="a", trial=None),))


def test_table_b_prints_what_the_paper_prints():
    printed = {row.label: tuple(row.published.values()) for row in EXPERIMENT.rows}
    assert printed == {
        "TSN R50 (2D)": (),
        "TSN+I3D R50": (78.0, 93.9),
        "DSA at I": (81.4, 95.4),
        "DSA at II": (81.5, 95.2),
        "DSA at III": (80.8, 95.2),
        "DSA at IV": (81.4, 95.1),
    }


def test_desk_scale_leaves_alone_what_table_b_ablates():
    rows = [row.trial for row in EXPERIMENT.rows if not row.reference]
    kept = [desk(trial).model for trial in rows]
    assert [model.position for model in kept] == [trial.model.position for trial in rows]
    assert all(model.module == "dsa" and model.module_options["alpha"] == 2 for model in kept)
    assert all(model.blocks == {"res5": (1,)} for model in kept)


def test_desk_scale_may_be_applied_twice():
    trial = EXPERIMENT.rows[3].trial
    assert desk(desk(trial)) == desk(trial)


def test_a_table_is_written_at_paper_scale():
    for row in EXPERIMENT.rows:
        data = row.trial.data
        assert (data.num_snippets, data.num_frames, data.crop_px) == (4, 4, 224)
        assert (row.trial.evaluation.num_passes, row.trial.evaluation.num_crops) == (2, 3)
        assert replace(row.trial, scale="paper") == row.trial


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "better", "rows": ("a",)},
        {"kind": "same", "rows": ("a", "b")},
        {"kind": "better", "rows": ("a", "b"), "limit": 1.0},
        {"kind": "trend", "rows": ("a", "b", "c")},
        {"kind": "trend", "rows": ("a", "b"), "trend": "peak"},
        {"kind": "best", "rows": ("a",)},
        {"kind": "better", "rows": ("a", "b"), "metric": "gmacs"},
        {"kind": "overhead", "rows": ("a", "b"), "limit": 1.0},
    ],
)
def test_a_claim_that_says_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="claim 'it is so'"):
        Claim(text="it is so", **wrong)


def test_a_claim_names_rows_of_its_table():
    claim = Claim(text="a beats z", kind="better", rows=("a", "z"))
    with pytest.raises(ValueError, match="not rows"):
        Experiment(
            name="t", title="", caption="", rows=(Row(label="a", trial=None),), claims=(claim,)
        )


@pytest.mark.parametrize("name", [name for name in experiments.names() if "table" in name])
def test_every_ablation_table_says_what_the_paper_claims_and_its_printed_figures_agree(name):
    experiment = experiments.load(name)
    printed = {row.label: row.published for row in experiment.rows}
    assert experiment.claims
    for claim in experiment.claims:
        if claim.kind in ("better", "best"):
            first, *others = (printed[label][claim.metric] for label in claim.rows)
            assert first > max(others), claim.text
