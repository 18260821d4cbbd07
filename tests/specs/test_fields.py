"""Values of specifications: every wrong one is refused in a sentence, equal numbers are one key."""

import math
from dataclasses import fields, replace
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import pytest

from experiments.recipes import I3D_R50, with_dsa
from experiments.scales import DESK_TRAIN, desk
from harness.experiment import Claim, Experiment, Row
from harness.record import trial_key
from harness.specs import DataSpec, EvalSpec, ModelSpec, TrainSpec, Trial, as_dict, from_dict

TRIAL = with_dsa(I3D_R50, {"res5": (1,)})
PARTS = ("data", "model", "train", "evaluation")


def with_value(path, value):
    """Return the trial with another value of a field, such as `train.lr`."""
    part, _, name = path.rpartition(".")
    if not part:
        return replace(TRIAL, **{name: value})
    return replace(TRIAL, **{part: replace(getattr(TRIAL, part), **{name: value})})


WRONG = {
    "train.schedule": [("stepp", "did you mean 'step'?"), ("Cosine", "did you mean 'cosine'?")],
    "train.precision": [
        ("bf16", "did you mean 'bfloat16'?"),
        ("half", "set one of float32, bf"),
    ],
    "train.epochs": [
        ("50", "must be a whole number; did you mean 50?"),
        (0, "must be at least 1; did you mean 1?"),
        (-3, "must be at least 1"),
        (12.5, "must be a whole number; did you mean 12?"),
        (True, "must be a whole number"),
        (None, "must be a whole number"),
        (math.inf, "must be a whole number"),
        (np.array([1, 2]), "must be a whole number"),
    ],
    "train.batch_videos": [(0, "at least 1"), ("96", "did you mean 96?")],
    "train.norm_videos": [
        (0, "at least 1"),
        (7, "does not divide batch_videos=96"),
        (-8, "at lea"),
    ],
    "train.lr": [
        (-1, "must be above 0"),
        (0.0, "must be above 0"),
        (math.nan, "must be a finite number"),
        (math.inf, "must be a finite number"),
        ("1e-3", "must be a finite number; did you mean 0.001?"),
        (True, "must be a finite number"),
        (1j, "must be a finite number"),
    ],
    "train.milestones": [
        ([50, 75], "must be a tuple; did you mean (50, 75)?"),
        (50, "must be a tuple; did you mean (50,)?"),
        ((75, 50), "must rise from one number to the next; did you mean (50, 75)?"),
        ((50, 50), "must rise"),
        ((50, 100), "reach the end, epochs=100"),
        ((0,), "milestones[0]=0 must be above 0"),
        (("50",), "milestones[0]='50' must be a finite number; did you mean 50?"),
    ],
    "train.warmup_epochs": [(101, "is above epochs=100"), (-1, "at least 0; did you mean 0?")],
    "train.warmup_start": [(1.5, "at least 0 and at most 1; did you mean 1?"), (-0.1, "mean 0?")],
    "train.momentum": [(1.0, "at least 0 and below 1"), (0, "nesterov=True needs momentum")],
    "train.nesterov": [(1, "must be True or False; did you mean True?"), ("no", "True or False")],
    "train.weight_decay": [(-1e-4, "at least 0"), (math.nan, "a finite number")],
    "train.clip_grad_norm": [(0, "above 0"), ("none", "a finite number")],
    "data.name": [("", "must not be empty"), (3, "must be text")],
    "data.options": [
        ([("a", 1)], "must be a mapping"),
        ({"size": math.nan}, "must be a finite number"),
        ({"size": None}, "options['size']=None must be text, a whole number"),
        ({1: 2}, "options: key=1 must be text"),
    ],
    "data.num_classes": [(0, "at least 1"), (200.5, "did you mean 200?")],
    "data.num_snippets": [(0, "at least 1"), ("four", "must be a whole number")],
    "data.num_frames": [(-1, "at least 1")],
    "data.frame_stride": [(0, "at least 1"), (False, "must be a whole number")],
    "data.fps": [(0, "above 0"), (-25, "above 0"), (math.inf, "finite")],
    "data.snippet_rule": [("section", "did you mean 'sections'?")],
    "data.num_sections": [(2, "num_sections=2 is below num_snippets=4"), (0, "at least 1")],
    "data.crop_px": [(0, "at least 1"), (224.5, "did you mean 224?")],
    "data.crop_area": [
        ((1.0, 0.5), "write the smaller end first"),
        ((0.08, 1.2), "crop_area[1]=1.2 must be at least 0 and at most 1; did you mean 1?"),
        ((0.08,), "must have 2 values, not 1"),
        ([0.08, 1.0], "must be a tuple; did you mean (0.08, 1.0)?"),
        ((0, 0), "is no range"),
    ],
    "data.crop_aspect": [((0, 1.0), "crop_aspect[0]=0.0 must be above 0"), ((2, 1), "smaller end")],
    "data.flip": [(2, "True or False"), (0, "did you mean False?")],
    "model.backbone": [(" ", "must not be empty"), (None, "must be text")],
    "model.backbone_options": [({"depths": [2, 2]}, "must be text, a whole number")],
    "model.module": [("", "must not be empty"), (None, "module=None takes neither options nor")],
    "model.module_options": [({"alpha": "2", "beta": math.inf}, "must be a finite number")],
    "model.position": [
        ("after_conv4", "did you mean 'after_conv"),
        ("II", "set one of before_con"),
    ],
    "model.blocks": [
        ({"res6": (1,)}, "blocks: key='res6' is not a choice; set one of res2, res3, res4, res5"),
        ({"res5": [1]}, "blocks['res5']=[1] must be a tuple; did you mean (1,)?"),
        ({"res5": 1}, "did you mean (1,)?"),
        ({"res5": (-1,)}, "blocks['res5'][0]=-1 must be at least 0"),
        ({"res5": (1, 1)}, "must rise from one number to the next; did you mean (1,)?"),
        ({"res5": ()}, "module='dsa' is in no block"),
        ({}, "module='dsa' is in no block"),
    ],
    "model.dropout": [(1.5, "at least 0 and below 1"), (1, "below 1"), (-0.1, "did you mean 0?")],
    "model.weights": [("", "must not be empty"), (7, "must be text")],
    "evaluation.num_passes": [(0, "at least 1")],
    "evaluation.pass_snippets": [(0, "at least 1")],
    "evaluation.grouping": [("interleave", "did you mean 'interleaved'?")],
    "evaluation.num_crops": [
        (2, "set one of 1, 3"),
        ("3", "did you mean 3?"),
        (True, "one of 1, 3"),
    ],
    "evaluation.crop_px": [(257, "crop_px=257 is above short_side_px=256"), (0, "at least 1")],
    "evaluation.short_side_px": [(255, "crop_px=256 is above short_side_px=255")],
    "evaluation.average": [("logit", "did you mean 'logits'?")],
    "evaluation.every_epochs": [(-1, "at least 0; did you mean 0?")],
    "seed": [(-1, "at least 0"), (2**63, "below"), (1.5, "did you mean 2?")],
    "ablates": [("model.blocks", "did you mean ('model.blocks',)?")],
    "scale": [("dest", "did you mean 'desk'?")],
    "data": [(TRIAL.model, "must be of the type DataSpec"), (None, "must be of the type DataSpec")],
    "model": [({}, "must be of the type ModelSpec")],
    "train": [("sgd", "must be of the type TrainSpec")],
    "evaluation": [(TRIAL.train, "must be of the type EvalSpec")],
}
CASES = [
    pytest.param(path, value, said, id=f"{path} {value!r}"[:60])
    for path, cases in WRONG.items()
    for value, said in cases
]


@pytest.mark.parametrize(("path", "value", "said"), CASES)
def test_a_wrong_value_is_refused_with_its_field_and_what_is_allowed(path, value, said):
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        with_value(path, value)
    sentence = str(refused.value)
    assert said in sentence
    assert path.rpartition(".")[2] in sentence
    assert len(sentence.splitlines()) == 1


def test_every_field_of_a_trial_is_tried_with_a_wrong_value():
    parts = {f"{part}.{field.name}" for part in PARTS for field in fields(getattr(TRIAL, part))}
    assert set(WRONG) == parts | {field.name for field in fields(TRIAL)}


def test_a_sentence_names_the_specification():
    with pytest.raises(ValueError, match=r"^TrainSpec: schedule='stepp' is not a choice; set one "):
        TrainSpec(epochs=1, batch_videos=1, lr=1, schedule="stepp")


def test_drops_of_another_schedule_are_refused():
    with pytest.raises(ValueError, match=r"milestones=\(50, 75, 90\) are for 'step', not 'cosine'"):
        replace(TRIAL.train, schedule="cosine")


def test_options_of_a_module_need_the_module():
    with pytest.raises(ValueError, match="module=None takes neither options nor blocks"):
        ModelSpec(backbone="resnet50", module_options={"alpha": 2})


EQUAL = {
    "train.lr": (1, 1.0, np.float32(1), np.float64(1), np.int64(1), Fraction(1)),
    "train.clip_grad_norm": (40, 40.0, np.float64(40)),
    "train.milestones": ((50, 75), (50.0, 75.0), (np.int32(50), np.float64(75))),
    "train.warmup_epochs": (0, 0.0, -0.0, np.float32(0)),
    "train.epochs": (120, 120.0, np.int64(120), np.float64(120)),
    "train.nesterov": (True, np.bool_(True)),
    "train.precision": ("float16", np.str_("float16")),
    "train.weight_decay": (0, 0.0, -0.0),
    "data.fps": (25, 25.0, np.uint8(25)),
    "data.crop_area": ((1, 1), (1.0, 1), (np.float64(1), 1.0)),
    "data.options": ({"size": 16}, {"size": 16.0}, {"size": np.int16(16)}),
    "model.dropout": (0, 0.0, np.float64(0)),
    "model.backbone_options": ({"depths": (2, 2)}, {"depths": (2.0, np.int64(2))}),
    "model.module_options": (
        {"alpha": 2, "beta": 1},
        {"alpha": 2.0, "beta": 1.0},
        MappingProxyType({"alpha": np.int8(2), "beta": np.float32(1)}),
    ),
    "model.blocks": ({"res5": (1,)}, {"res5": (1.0,)}, {"res5": (np.int64(1),)}),
    "evaluation.num_crops": (3, 3.0, np.int64(3)),
    "seed": (7, 7.0, np.uint32(7)),
}


@pytest.mark.parametrize("path", EQUAL)
def test_equal_values_give_equal_keys(path):
    trials = [with_value(path, value) for value in EQUAL[path]]
    assert len({trial_key(trial, "p") for trial in trials}) == 1
    for trial in trials:
        assert from_dict(as_dict(trial)) == trial == trials[0]
        assert trial_key(from_dict(as_dict(trial)), "p") == trial_key(trial, "p")


def test_a_number_has_the_type_of_its_field():
    train = replace(TRIAL.train, epochs=np.float64(120), lr=1, warmup_epochs=2.0)
    assert [type(value) for value in (train.epochs, train.lr, train.warmup_epochs)] == [
        int,
        float,
        int,
    ]


def test_an_option_reaches_its_network_as_it_was_written():
    options = replace(TRIAL.model, module_options={"alpha": 2, "gain": 1.0}).module_options
    assert type(options["gain"]) is float


def test_true_and_1_are_different_options():
    keys = {
        trial_key(with_value("model.module_options", {"causal": value}), "p") for value in (True, 1)
    }
    assert len(keys) == 2


def test_an_option_changed_afterwards_does_not_change_the_trial():
    options = {"alpha": 2}
    trial = with_value("model.module_options", options)
    options["alpha"] = 3
    assert trial.model.module_options == {"alpha": 2}


def test_the_spelling_of_published_keys_stays():
    plain = as_dict(desk(TRIAL))
    assert plain["train"]["milestones"] == [*DESK_TRAIN.milestones]
    numbers = (
        plain["train"]["clip_grad_norm"],
        plain["train"]["warmup_epochs"],
        plain["model"]["dropout"],
        plain["data"]["crop_area"],
        plain["model"]["module_options"]["beta"],
    )
    assert repr(numbers) == f"(40, {DESK_TRAIN.warmup_epochs}, 0.0, [0.8, 1.0], 1.0)"


ROW = Row(label="a", trial=None)


def table(**changes):
    return Experiment(**{"name": "t", "title": "T", "caption": "C", "rows": (ROW,), **changes})


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Row(label="", trial=None), "label='' must not be empty"),
        (
            lambda: Row(label="a", trial="resnet50"),
            "Row 'a': trial='resnet50' must be of the type Trial",
        ),
        (lambda: Row(label="a", trial=TRIAL, ensemble=TRIAL), "ensemble=Trial("),
        (lambda: Row(label="a", trial=None, published={"top_1": 78.0}), "did you mean 'top1'?"),
        (lambda: Row(label="a", trial=None, published={"top1": "78"}), "published['top1']='78'"),
        (lambda: Row(label="a", trial=None, published={"top1": 780}), "percent, 100 at most"),
        (lambda: Row(label="a", trial=None, published={"gmacs": -1}), "must be above 0"),
        (lambda: Row(label="a", trial=None, published={"top1": math.nan}), "must be a finite"),
        (lambda: Row(label="a", trial=None, reference="yes"), "reference='yes' must be True or"),
        (lambda: Claim(text="it is", kind="better", rows=["a", "b"]), "did you mean ('a', 'b')?"),
        (lambda: Claim(text="it is", kind="better", rows=("a", "a")), "names a row twice: a, a"),
        (
            lambda: Claim(text="it is", kind="better", rows=("a", "b"), metric="top-1"),
            "Claim 'it is': metric='top-1' is not a choice; set one of top1, top5, map",
        ),
        (
            lambda: Claim(text="it is", kind="same", rows=("a", "b"), limit="2"),
            "limit='2' must be a whole number or a finite number",
        ),
        (lambda: Claim(text="it is", kind="same", rows=("a", "b"), limit=-1), "must be at least 0"),
        (lambda: table(rows=ROW), "rows=Row("),
        (lambda: table(rows=[ROW]), "must be a tuple"),
        (lambda: table(notes="a remark"), "must be a tuple; did you mean ('a remark',)?"),
        (lambda: table(ablates=("model.block",)), "'block' is not a choice"),
        (lambda: table(ablates=("modle.blocks",)), "did you mean 'model'?"),
        (lambda: table(ablates="model.blocks"), "did you mean ('model.blocks',)?"),
        (lambda: table(margin=0), "margin=0 must be above 0"),
        (lambda: table(margin=math.nan), "margin=nan must be a finite number"),
        (lambda: table(sources={}), "sources={} must be a function"),
        (lambda: table(title=None), "title=None must be text"),
        (lambda: table(trains=1), "did you mean True?"),
    ],
)
def test_a_wrong_value_of_a_table_is_refused(make, said):
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        make()
    assert said in str(refused.value)


def test_fields_below_an_option_may_be_ablated():
    assert table(ablates=("model.module_options.alpha", "data.num_frames")).ablates


def test_printed_numbers_keep_their_digits():
    published = Row(label="a", trial=None, published={"gmacs": 33, "params_m": 33.0}).published
    assert repr(published) == "{'gmacs': 33, 'params_m': 33.0}"


@pytest.mark.parametrize("spec", [TRIAL, DESK_TRAIN, DataSpec(name="a", num_classes=2), EvalSpec()])
def test_a_right_specification_is_made_again_as_it_is(spec):
    assert replace(spec) == spec
    assert isinstance(spec, Trial | TrainSpec | DataSpec | EvalSpec)


def test_a_stage_without_blocks_makes_no_other_trial():
    blocks = {"res3": (), **TRIAL.model.blocks, "res2": ()}
    assert as_dict(replace(TRIAL, model=replace(TRIAL.model, blocks=blocks))) == as_dict(TRIAL)


def test_what_a_table_ablates_is_no_part_of_a_trial():
    marked = replace(TRIAL, ablates=("model.blocks",))
    assert marked == TRIAL
    assert as_dict(marked) == as_dict(TRIAL)
    assert [each.trial.ablates for each in table(rows=(replace(ROW, trial=TRIAL),)).rows] == [()]
    ablating = table(
        rows=(replace(ROW, trial=TRIAL, ensemble=(TRIAL,)),), ablates=("model.blocks",)
    )
    assert {each.ablates for row in ablating.rows for each in row.trials} == {("model.blocks",)}
    again = replace(ablating, ablates=())
    assert {each.ablates for row in again.rows for each in row.trials} == {()}
