"""Files of weights, good and bad, and the inflation of 2D networks."""

import json
import os
import pickle
import struct
from dataclasses import replace
from importlib.util import find_spec

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
