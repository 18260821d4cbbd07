"""Everything in which a row departs from the paper's recipe."""

from dataclasses import replace

import pytest

from experiments.kinetics400 import EXPERIMENT as KINETICS
from experiments.scales import DESK_TRAIN, SCALES, Changes, desk, own
from experiments.table_a import EXPERIMENT
from harness.experiment import Experiment, Row
from harness.plan import explanation
from tests.test_record import made

ROW = EXPERIMENT.rows[4]


def explained(records=(), *, scale="desk", row=ROW):
    return explanation.explain(EXPERIMENT, row, records, scale=scale, rescale=SCALES[scale])


def deviations(**asked):
    return {each.subject: each for each in explained(**asked).deviations}


def test_the_desk_departs_in_every_field_that_it_changes():
    found = deviations()
    assert (found["data.crop_px"].ours, found["data.crop_px"].paper) == ("16", "224")
    assert found["train.epochs"].paper == "100"
    assert found["model.weights"].ours == "none"
    assert found["model.backbone_options.stem_width"].paper == "default"
    assert found["videos"].ours == "desk: 600 and 480 of 12 classes"
    assert "train.precision" not in found


def test_paper_scale_departs_where_the_release_is_known_to_differ():
    found = deviations(scale="paper")
    assert (found["train.precision"].ours, found["train.precision"].paper) == (
        "bfloat16",
        "float32",
    )
    assert set(found) == {
        "videos",
        "lists of labels",
        "train.precision",
        "version of python",
        "version of torch",
        "random numbers",
        "seeds",
        "order of test snippets",
    }


def test_a_value_of_the_recipe_is_printed_after_its_source():
    text = explanation.text(explained())
    assert f"train.lr: {DESK_TRAIN.lr}; guess: 0.015" in text
    assert "data.frame_stride: 4; V4D: 8" in text
    assert "evaluation.num_crops: 1; slides: 3" in text
    assert f"batch norm over: {DESK_TRAIN.batch_videos} videos; guess: 12 videos" in text
    assert "train.precision: bfloat16; release: float32" in explanation.text(
        explained(scale="paper")
    )
    (release,) = (row for row in KINETICS.rows if row.label == "DSA+I3D R50, 8 × 8 × 3")
    found = explanation.explain(KINETICS, release, (), scale="desk", rescale=desk)
    assert f"train.lr: {DESK_TRAIN.lr}; release: 0.015" in explanation.text(found)


def test_the_whole_recipe_is_listed_by_source():
    found = explained(scale="paper").recipe
    assert found["V4D"] == {"data.frame_stride": 8}
    assert found["guess"]["train.epochs"] == 100
    assert found["slides"]["data.num_snippets"] == 4
    assert "\n  V4D: data.frame_stride 8\n" in explanation.text(explained(scale="paper"))


def test_a_table_without_sources_is_compared_with_its_recipe():
    own = Experiment(name="t", title="x", caption="y", rows=(ROW,))
    text = explanation.text(explanation.explain(own, ROW, (), scale="desk", rescale=desk))
    assert f"train.lr: {DESK_TRAIN.lr}; recipe: 0.015" in text
    assert "value by value" not in text


def test_batch_norm_over_other_videos_is_one_departure():
    found = deviations()
    norm = found["batch norm over"]
    assert (norm.ours, norm.paper) == (f"{DESK_TRAIN.batch_videos} videos", "12 videos")
    assert "mmaction2#2322" in norm.effect.source
    assert "train.norm_videos" not in found
    assert "batch norm over" not in deviations(scale="paper")


def test_a_data_set_of_ones_own_is_named_without_a_count():
    rescale = own(Changes(on="mine", num_classes=7))
    found = explanation.explain(EXPERIMENT, ROW, (), scale="own", rescale=rescale)
    (videos,) = (each for each in found.deviations if each.subject == "videos")
    assert videos.ours == "mine, videos of 7 classes"


def test_a_row_without_dsa_is_not_said_to_mix_crops():
    assert "order of test snippets" not in deviations(scale="paper", row=EXPERIMENT.rows[0])


def test_what_is_known_to_cost_most_comes_first_and_the_unknown_last():
    points = [each.effect.points for each in explained().deviations]
    known = [each[1] for each in points if each]
    assert known == sorted(known, reverse=True)
    assert len(known) >= 4
    assert points[len(known) :] == [None] * (len(points) - len(known))


def test_every_known_cost_has_a_source_and_a_certainty():
    for each in (*explained().deviations, *explained(scale="paper").deviations):
        assert (each.effect.points is None) is (each.effect.certainty == "unknown")
        assert each.effect.source or each.effect.points is None


def test_what_ran_tells_its_numbers_and_its_libraries():
    trials = [replace(desk(ROW.trial), seed=seed) for seed in (0, 1)]
    ran = {"commit": "abc", "device": "cpu", "python": "3.12", "libraries": {"torch": "2.11"}}
    records = [replace(made(each, top1=60.0 + each.seed), provenance=ran) for each in trials]
    found = explained(records)
    assert found.measured == {0: 60.0, 1: 61.0}
    assert {each.subject: each.ours for each in found.deviations}["version of torch"] == "2.11"
    assert "measured: top1 60.0 (seed 0), 61.0 (seed 1); commit abc on cpu" in explanation.text(
        found
    )


def test_guesses_stand_under_the_differences():
    text = explanation.text(explained())
    assert "block 1 of res3 and of res4, and the final setting of R50, are guesses" in text
    assert "the deviations are those of the planned trials" in text


def test_a_quoted_row_has_nothing_to_explain():
    with pytest.raises(ValueError, match="quotes X and has no trial to explain"):
        explained(row=Row(label="x", trial=None, source="X"))
