"""Trials on a user's own terms: the fields that each option changes, and no others."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

import experiments
from experiments.recipes import I3D_R50, with_batch
from experiments.related_work import TSN_TOP3
from experiments.scales import (
    RESIDUAL_FORM,
    SCALES,
    Changes,
    desk,
    own,
    paper,
    stem_width,
)
from experiments.table_b import EXPERIMENT
from harness.data import sampling
from harness.record import trial_key
from harness.specs import ModelSpec, as_dict
from harness.utils.diff import differences
from harness.utils.lookup import load_named
from harness.zoo import BACKBONES

TRIAL = EXPERIMENT.rows[3].trial
TRIALS = [row.trial for name in experiments.names() for row in experiments.load(name).rows]


def with_data(**changes):
    return replace(TRIAL, data=replace(TRIAL.data, **changes))


def test_frames_spread_over_a_video_stay_spread_at_desk_scale():
    data = desk(with_data(num_snippets=1, num_frames=8, frame_stride=1, snippet_rule="frames")).data
    assert (data.snippet_rule, data.num_snippets, data.num_frames) == ("frames", 1, 16)


@pytest.mark.parametrize(
    ("snippets", "frames", "kept"),
    [
        (4, 4, (4, 4)),
        (4, 8, (8, 2)),
        (4, 32, (8, 2)),
        (1, 8, (8, 2)),
        (1, 16, (16, 1)),
        (1, 64, (16, 1)),
    ],
)
def test_a_snippet_fills_its_section_at_desk_scale(snippets, frames, kept):
    data = desk(with_data(num_snippets=snippets, num_frames=frames)).data
    assert (data.num_frames, data.frame_stride) == kept


@pytest.mark.parametrize("name", experiments.names())
@pytest.mark.parametrize("scale", SCALES)
def test_every_trial_can_be_sampled(name, scale):
    for row in experiments.load(name).rows:
        for trial in map(SCALES[scale], row.trials):
            data, views = trial.data, trial.evaluation
            per_pass = views.pass_snippets or data.num_snippets
            total = views.num_passes * per_pass
            tested = sampling.test_frames(64, data, num_snippets=total)
            trained = sampling.train_frames(64, data, np.random.default_rng(0))
            assert tested.shape == (total, data.num_frames), row.label
            assert trained.shape == (data.num_snippets, data.num_frames), row.label


def test_passes_over_single_frames_stay_so_at_desk_scale():
    desk_trial = desk(TSN_TOP3)
    views = desk_trial.evaluation
    assert (views.num_passes, views.pass_snippets, views.average) == (8, 1, "top3")
    assert desk(desk_trial) == desk_trial


def test_a_network_built_for_a_number_of_frames_is_built_for_those_of_the_desk():
    model = replace(TRIAL.model, backbone_options={"num_frames": 32, "alpha": 8})
    small = desk(replace(with_data(num_snippets=1, num_frames=32), model=model)).model
    assert small.backbone_options == {**RESIDUAL_FORM, "num_frames": 16, "alpha": 8}


def changed(**changes):
    return own(Changes(**changes))(TRIAL)


def paths(trial):
    return {each.path for each in differences(as_dict(trial), as_dict(TRIAL))} - {"scale"}


def test_nothing_changed_is_the_paper():
    assert own(Changes()) is paper


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"on": "mine", "num_classes": 7}, {"data.name", "data.num_classes"}),
        ({"epochs": 1}, {"train.epochs", "train.milestones", "train.warmup_epochs"}),
        ({"width": 0.5}, {"model.backbone_options.stem_width", "model.weights"}),
        ({"batch": 48}, {"train.batch_videos", "train.lr"}),
        ({"batch": 8}, {"train.batch_videos", "train.lr", "train.norm_videos"}),
        ({"crop": 32}, {"data.crop_px", "evaluation.crop_px", "evaluation.short_side_px"}),
    ],
)
def test_an_option_changes_what_it_says_and_makes_the_trial_ones_own(changes, fields):
    assert paths(changed(**changes)) == fields
    assert changed(**changes).scale == "own"


def test_a_desk_run_on_own_terms_changes_what_it_says_and_has_a_key_of_its_own():
    published = desk(TRIAL)
    assert own(Changes(), "desk") is desk
    keys = {trial_key(published, "p")}
    for changes, fields in (
        ({"lr": 0.01}, {"train.lr"}),
        ({"lr": published.train.lr}, set()),
        ({"epochs": 12}, {"train.epochs", "train.milestones", "train.warmup_epochs"}),
        ({"smoke": True, "lr": 0.2}, SMOKED | {"train.lr"}),
        ({"smoke": True}, SMOKED),
    ):
        mine = own(Changes(**changes), "desk")(TRIAL)
        assert mine.scale == "own"
        differing = {each.path for each in differences(as_dict(mine), as_dict(published))}
        assert differing - {"scale"} == fields
        keys.add(trial_key(mine, "p"))
    assert len(keys) == 6


SMOKED = {
    "data.options.train_videos",
    "data.options.test_videos",
    "evaluation.every_epochs",
    "train.batch_videos",
    "train.epochs",
    "train.milestones",
    "train.warmup_epochs",
}


def test_the_rate_given_is_that_of_the_batch_given():
    assert own(Changes(lr=0.3, batch=48))(TRIAL).train.lr == 0.3


@pytest.mark.parametrize("name", experiments.names())
def test_every_table_can_be_tried_and_shortened_at_desk_scale(name):
    for row in experiments.load(name).rows:
        for trial in row.trials:
            for changes in (Changes(smoke=True), Changes(epochs=1), Changes(epochs=7, lr=1)):
                assert own(changes, "desk")(trial).scale == "own"


def test_another_data_set_takes_no_options_along():
    trial = replace(TRIAL, data=replace(TRIAL.data, options={"seed": 1}))
    assert own(Changes(on="mine", num_classes=7))(trial).data.options == {}


def test_a_shorter_run_drops_and_warms_up_in_proportion():
    short = changed(epochs=10).train
    assert (short.milestones, short.warmup_epochs) == ((5, 7.5, 9), 1)
    assert changed(epochs=100).train == TRIAL.train


def test_short_side_follows_the_test_crop():
    views = changed(crop=128).evaluation
    assert (views.crop_px, views.short_side_px) == (128, 128)
    one_view = replace(TRIAL, evaluation=replace(TRIAL.evaluation, crop_px=224))
    assert own(Changes(crop=112))(one_view).evaluation.short_side_px == 128


@pytest.mark.parametrize(("width", "said"), [(0.3, "19.2"), (0.001, "0.064")])
def test_a_width_without_whole_channels_is_refused(width, said):
    with pytest.raises(ValueError, match=f"^width {width} of 64 channels is {said}, no whole"):
        changed(width=width)


def test_a_narrow_stem_takes_the_nearest_number_of_channels():
    for backbone, stem in (("vov3d_m", 2), ("x3d_m", 3), ("mvit_v2_s", 12)):
        trial = replace(TRIAL, model=ModelSpec(backbone=backbone))
        assert own(Changes(width=0.125))(trial).model.backbone_options["stem_width"] == stem


def test_width_is_a_share_of_what_the_networks_have():
    assert changed(width=0.125).model.backbone_options == {"stem_width": 8}
    thin = replace(TRIAL, model=ModelSpec(backbone="x3d_m"))
    assert own(Changes(width=0.5))(thin).model.backbone_options == {"stem_width": 12}


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_usual_width_of_every_backbone_is_known(backbone):
    options = inspect.signature(load_named(BACKBONES, backbone, what="backbone")).parameters
    if "stem_width" in options:
        assert options["stem_width"].default == stem_width(backbone)


def test_the_rate_goes_with_the_batch_and_batch_norm_stays_where_it_divides():
    half, small = with_batch(I3D_R50, 48).train, with_batch(I3D_R50, 8).train
    assert (half.lr, half.norm_videos) == (pytest.approx(0.0075), 12)
    assert (small.lr, small.norm_videos) == (pytest.approx(0.00125), None)
    assert with_batch(I3D_R50, 96) == I3D_R50


def test_every_trial_of_the_paper_has_batch_norm_over_the_videos_of_one_device():
    recipes = [trial.train for trial in TRIALS if trial]
    assert {recipe.batch_videos / recipe.norm_videos for recipe in recipes} == {8}
