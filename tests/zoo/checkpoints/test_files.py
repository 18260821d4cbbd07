"""Files of weights, good and bad, and the inflation of 2D networks."""

import argparse
import json
import os
import pickle
import struct
import zipfile
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.specs import DataSpec, ModelSpec
from harness.zoo.build import build
from harness.zoo.checkpoints.files import read_state_dict
from harness.zoo.checkpoints.torchvision import load_imagenet
from tests.helpers import golden_cases

DATA = DataSpec(name="any", num_classes=12)


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state"])
def test_a_checkpoint_is_opened(tmp_path, wrapper):
    path, state = tmp_path / "weights.pth", {"w": torch.ones(2), "b": torch.zeros(1)}
    torch.save(state if wrapper is None else {wrapper: state, "epoch": 3, "cfg": "lr: 1"}, path)
    found = read_state_dict(path)
    assert {name: w.tolist() for name, w in found.items()} == {"w": [1, 1], "b": [0]}


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_run(tmp_path, wrapped, zipped):
    class Hostile:
        def __reduce__(self):
            return (os.system, ("touch " + str(tmp_path / "ran"),))

    state = {"state_dict": {"w": torch.zeros(1)}, "epoch": Hostile()} if wrapped else Hostile()
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    (tmp_path / "b.pth").write_bytes(pickle.dumps(state, protocol=2))
    for name in ("a.pth", "b.pth"):
        with pytest.raises(ValueError, match="no code in it was run"):
            read_state_dict(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_cut_file_is_refused_wherever_it_ends(tmp_path, zipped):
    path = tmp_path / "weights.pth"
    torch.save({"w": torch.zeros(30), "b": 3}, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    for end in range(0, len(content), 37):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match="truncated or corrupt"):
            read_state_dict(path)


NUMBERS = [
    *(np.float64(74.1), np.float32(1), np.float16(1), np.int64(3), np.int32(3), np.uint8(1)),
    np.bool_(True),
]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: type(number).__name__)
@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_may_hold_numbers_of_numpy(tmp_path, number, zipped):
    state = {"state_dict": {"w": torch.ones(1)}, "best_prec1": number}
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert read_state_dict(tmp_path / "a.pth")["w"].item() == 1


def test_a_checkpoint_may_hold_numbers_of_numpy_1(tmp_path):
    torch.save({"state_dict": {"w": torch.ones(1)}, "best": np.float64(1)}, tmp_path / "a.pth")
    with (
        zipfile.ZipFile(tmp_path / "a.pth") as new,
        zipfile.ZipFile(tmp_path / "b.pth", "w") as old,
    ):
        for name in new.namelist():
            content = new.read(name).replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
            old.writestr(name, content)
    assert read_state_dict(tmp_path / "b.pth")["w"].item() == 1


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (argparse.Namespace(lr=0.1), "argparse.Namespace"),
        (np.zeros(3), "numpy._core.multiarray._reconstruct"),
        (Path("x"), "pathlib"),
        (datetime(2020, 1, 1), "datetime.datetime"),
        (defaultdict(int), "collections.defaultdict"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_met_beside_tensors_is_named(tmp_path, thing, name, zipped):
    state = {"state_dict": {"w": torch.ones(1)}, "args": thing}
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match=rf"holds {name}.* beside its tensors; no code") as caught:
        read_state_dict(tmp_path / "a.pth")
    assert "save the state dict alone with the program that wrote it" in str(caught.value)


@pytest.mark.parametrize("wrapper", ["model", "model_state_dict", "net"])
def test_a_wrapper_that_is_not_known_is_named_beside_those_that_are(tmp_path, wrapper):
    torch.save({wrapper: {"w": torch.ones(1)}, "epoch": 3}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match=f"seem to be under '{wrapper}', and known keys") as caught:
        read_state_dict(tmp_path / "a.pth")
    assert "state_dict, model_state" in str(caught.value)


@pytest.mark.parametrize(
    "tag", ["20210614", "20220117", "19991231", "20240229", "20220117123456", "202201171234"]
)
def test_a_date_in_a_name_is_no_hash(tmp_path, tag):
    torch.save({"w": torch.ones(1)}, tmp_path / f"tsm_r50-{tag}.pth")
    assert read_state_dict(tmp_path / f"tsm_r50-{tag}.pth")["w"].item() == 1


@pytest.mark.parametrize("tag", ["20211399", "20230229", "18991231", "0676ba61", "1623686400"])
def test_digits_that_are_no_date_are_a_hash_and_the_remedy_is_said(tmp_path, tag):
    torch.save({"w": torch.ones(1)}, tmp_path / f"a-{tag}.pth")
    with pytest.raises(
        ValueError, match=f"altered: by its name its SHA-256 begins with {tag}, but"
    ) as e:
        read_state_dict(tmp_path / f"a-{tag}.pth")
    assert "or rename it if these digits are no hash" in str(e.value)


@pytest.mark.parametrize("state", [[torch.zeros(1)], {"w": 1}, {1: torch.zeros(1)}])
def test_a_file_of_other_things_is_refused(tmp_path, state):
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match="holds 1 entries that are not tensors"):
        read_state_dict(tmp_path / "weights.pth")


def safetensors_file(path):
    """Write one float32 tensor of two ones by hand, as the format describes."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    values = struct.pack("<2f", 1.0, 1.0)
    path.write_bytes(struct.pack("<Q", len(header)) + header + values)
    return path


@pytest.mark.skipif(find_spec("safetensors") is None, reason="safetensors is not installed")
def test_safetensors_are_read_and_refused_when_cut(tmp_path):
    path = safetensors_file(tmp_path / "weights.safetensors")
    assert torch.equal(read_state_dict(path)["w"], torch.ones(2))
    for end in range(len(path.read_bytes())):
        (tmp_path / "cut.safetensors").write_bytes(path.read_bytes()[:end])
        with pytest.raises(ValueError, match="truncated, or not a safetensors"):
            read_state_dict(tmp_path / "cut.safetensors")


@pytest.mark.skipif(find_spec("safetensors") is not None, reason="safetensors is installed")
def test_without_the_package_safetensors_the_reason_is_said(tmp_path):
    with pytest.raises(ValueError, match="needs the package safetensors"):
        read_state_dict(safetensors_file(tmp_path / "weights.safetensors"))


@pytest.mark.parametrize("counters", [True, False])
@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("backbone", ["resnet", "i3d_resnet"])
def test_torchvisions_names_cover_the_trunk(tmp_path, depth, backbone, counters):
    weights = golden_cases.thin(f"torchvision_resnet{depth}_names")
    if not counters:
        weights = {n: w for n, w in weights.items() if not n.endswith("num_batches_tracked")}
    torch.save(weights, tmp_path / "flat.pth")
    options = {"stem_width": 8}
    spec = ModelSpec(backbone=f"{backbone}{depth}", backbone_options=options, weights="flat.pth")
    net = build(spec, DATA, weights_root=tmp_path)
    last = net.stage("res5")[-1].convs[0][0].weight
    flat = weights[f"layer4.{len(net.stage('res5')) - 1}.conv1.weight"]
    assert torch.allclose(last.sum(2), flat, atol=1e-6)


@pytest.fixture
def imagenet(tmp_path):
    """A 2D ResNet-50 in torchvision's naming, as a file."""
    from torchvision.models import resnet50

    torch.manual_seed(0)
    flat = resnet50(num_classes=1000).eval()
    path = tmp_path / "resnet50.pth"
    torch.save(flat.state_dict(), path)
    return flat, path


@pytest.mark.slow
def test_a_2d_network_with_imagenet_weights_equals_torchvisions(imagenet):
    flat, path = imagenet
    spec = ModelSpec(backbone="resnet50", weights=path.name)
    net = build(spec, replace(DATA, num_classes=1000), weights_root=path.parent).eval()
    net.fc = flat.fc
    picture = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = net(picture[:, None, :, None].expand(1, 4, 3, 2, 64, 64))
        assert torch.allclose(logits, flat(picture), atol=1e-4)


@pytest.mark.slow
def test_inflation_spreads_each_weight_over_time(imagenet):
    flat, path = imagenet
    spec = ModelSpec(backbone="i3d_resnet50", weights=path.name)
    net = build(spec, DATA, weights_root=path.parent)
    inflated = net.stage("res4")[0].convs[0][0].weight
    assert inflated.shape[2] == 3
    assert torch.allclose(inflated.sum(2), flat.layer3[0].conv1.weight, atol=1e-6)
    assert torch.equal(
        net.stage("res2")[0].convs[1][0].weight[:, :, 0], flat.layer1[0].conv2.weight
    )


def test_weights_are_refused_when_missing_or_altered(tmp_path):
    net = build(ModelSpec(backbone="resnet50"), DATA)
    with pytest.raises(ValueError, match="do not exist; pass"):
        load_imagenet(net, tmp_path / "resnet50-0676ba61.pth")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "resnet50-0676ba61.pth")
    with pytest.raises(ValueError, match="altered"):
        load_imagenet(net, tmp_path / "resnet50-0676ba61.pth")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "resnet50.pth")
    with pytest.raises(ValueError, match="do not match the trunk"):
        load_imagenet(net, tmp_path / "resnet50.pth")
