"""Initial weights: found before a run, told where to get them, and hashed for the record."""

import hashlib
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

import experiments
from experiments.scales import Changes, own
from harness.specs import DataSpec, ModelSpec
from harness.zoo import initial_weights
from harness.zoo.build import build
from harness.zoo.initial_weights import SOURCES, check, describe, find, how_to_get

DATA = DataSpec(name="any", num_classes=12)
SMALL = ModelSpec(
    backbone="i3d_resnet18",
    backbone_options={"depths": (1, 1, 1, 1), "stem_width": 8},
    weights="start_kinetics400.safetensors",
)


def named():
    return {
        trial.model.weights
        for name in experiments.names()
        for row in experiments.load(name).rows
        for trial in row.trials
        if trial.model.weights
    }


@pytest.fixture
def folder(tmp_path):
    """Return a folder with weights that fit the small network."""
    net = build(replace(SMALL, weights=None), DATA)
    state = {name: tensor for name, tensor in net.state_dict().items() if name[:3] != "fc."}
    save_file(state, tmp_path / SMALL.weights)
    return tmp_path


def test_every_file_that_a_table_names_has_a_source():
    assert named()
    for name in named():
        assert how_to_get(name) != initial_weights._REMEDY, name
        assert how_to_get(name).count("--from-scratch") == 1
    assert len(SOURCES) == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet50-0676ba61.pth", "https://download.pytorch.org/models/resnet50-0676ba61.pth"),
        ("x3d_m_kinetics400.safetensors", r"nobody released this file: train x3d_m .*export KEY"),
        ("mine.pth", "put it in a folder"),
    ],
)
def test_a_missing_file_says_where_it_was_looked_for_and_where_to_get_it(name, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        find(name, None)
    with pytest.raises(ValueError, match=rf"{name} are required, and {tmp_path} lacks them"):
        find(name, tmp_path)


def test_a_file_that_fits_is_found_and_hashed(folder):
    (result,) = check([(SMALL, DATA), (replace(SMALL, dropout=0.1), DATA)], folder)
    assert (result.remedy, result.name) == ("", SMALL.weights)
    assert describe(SMALL, folder) == {
        "initial_weights": SMALL.weights,
        "initial_weights_sha256": hashlib.sha256((folder / SMALL.weights).read_bytes()).hexdigest(),
    }
    assert describe(replace(SMALL, weights=None), None) == {
        "initial_weights": "none, trained from scratch"
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backbone": "i3d_resnet50"}, "tensors do not match the trunk"),
        ({"backbone_options": {"depths": (1, 1, 1, 1), "stem_width": 16}}, "has shape"),
        ({"weights": "gone.pth"}, "missing: not in"),
    ],
)
def test_a_file_that_does_not_fit_is_found_before_the_run(folder, change, said):
    (result,) = check([(replace(SMALL, **change), DATA)], folder)
    assert said in result.finding
    assert "--from-scratch" in result.remedy


def test_an_altered_or_foreign_file_is_found_before_the_run(tmp_path):
    model = ModelSpec(backbone="resnet18", weights="resnet18-f37072fd.pth")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / model.weights)
    (result,) = check([(model, DATA)], tmp_path)
    assert "SHA-256" in result.finding
    assert "download.pytorch.org/models/resnet18-f37072fd.pth" in result.remedy


def test_trials_from_scratch_need_no_file_and_say_so():
    (trial,) = experiments.load("table_a").rows[4].trials
    scratch = own(Changes(from_scratch=True))(trial)
    assert (scratch.model.weights, scratch.scale) == (None, "own")
    assert list(check([(scratch.model, scratch.data)], None)) == []
    assert replace(scratch, model=trial.model, scale="paper") == trial
