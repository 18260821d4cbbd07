"""What every network of the zoo promises, and parity with the released DSANet code."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments.recipes import I3D_R50, with_module
from harness import zoo
from harness.names import find
from harness.specs import DataSpec, ModelSpec
from harness.zoo.checkpoints import inner_name, load_imagenet
from harness.zoo.resnet import mixes_snippets
from tests import filled

GOLDEN = Path(__file__).parents[1] / "golden"
DATA = DataSpec(name="any", num_classes=12)
SMALL = {"depths": (1, 2, 2, 2), "stem_width": 8}
SMALL_MODULES = {"se": {"reduction": 2}}  # a sixteenth of 32 channels can be dead at the start
NETWORKS = {
    **{
        name: ModelSpec(backbone=name, backbone_options=SMALL, dropout=0.0)
        for name in zoo.BACKBONES
    },
    **{
        name: ModelSpec(
            backbone="i3d_resnet50",
            backbone_options=SMALL,
            dropout=0.0,
            module=name,
            module_options=SMALL_MODULES.get(name, {}),
            blocks={"res4": (0, 1), "res5": (1,)},
        )
        for name in zoo.MODULES
    },
    "dsa in tsm_resnet50": ModelSpec(
        backbone="tsm_resnet50",
        backbone_options=SMALL,
        dropout=0.0,
        module="dsa",
        blocks={"res4": (1,)},
    ),
    "v4d after blocks": ModelSpec(
        backbone="i3d_resnet18",
        backbone_options=SMALL,
        dropout=0.0,
        module="v4d",
        module_options={"norm": True},
        position="after_block",
        blocks={"res3": (1,), "res4": (1,)},
    ),
}
FLAT = ("resnet18", "resnet50")
POSITIONS = ("before_conv1", "after_conv1", "after_conv2", "after_conv3")


@pytest.fixture(params=NETWORKS)
def net(request):
    torch.manual_seed(0)
    return zoo.build(NETWORKS[request.param], DATA)


def clips(videos=2):
    return torch.randn(videos, 4, 3, 4, 32, 32, generator=torch.Generator().manual_seed(1))


def test_clips_become_video_level_logits(net):
    assert net(clips()).shape == (2, 12)


def test_gradients_reach_every_parameter(net):
    net(clips()).square().sum().backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_videos_do_not_leak_into_each_other(net):
    net.eval()
    both = net(clips())
    changed = clips()
    changed[0] *= -1
    assert torch.allclose(net(changed)[1], both[1], atol=1e-5)
    assert not torch.allclose(net(changed)[0], both[0], atol=1e-3)


def test_it_builds_on_the_meta_device(net):
    shapes = [parameter.shape for parameter in net.parameters()]
    with torch.device("meta"):
        for spec in NETWORKS.values():
            ghost = zoo.build(spec, DATA)
            assert all(parameter.is_meta for parameter in ghost.parameters())
    assert shapes


@pytest.mark.parametrize("name", zoo.BACKBONES)
def test_a_plain_backbone_ignores_the_order_of_snippets(name):
    net = zoo.build(NETWORKS[name], DATA).eval()
    assert torch.allclose(net(clips()), net(clips().flip(1)), atol=1e-5)


@pytest.mark.parametrize("name", zoo.MODULES)
def test_a_module_sees_the_order_of_snippets_if_it_says_so(name):
    sees = mixes_snippets(find(zoo.MODULES, name, what="module"))
    net = zoo.build(NETWORKS[name], DATA).eval()
    assert torch.allclose(net(clips()), net(clips().flip(1)), atol=1e-5) is not sees


@pytest.mark.parametrize("name", zoo.BACKBONES)
def test_only_a_2d_backbone_ignores_the_order_of_frames(name):
    net = zoo.build(NETWORKS[name], DATA).eval()
    assert torch.allclose(net(clips()), net(clips().flip(3)), atol=1e-5) is (name in FLAT)


@pytest.mark.parametrize(("name", "last"), [("i3d_resnet18", 512), ("i3d_resnet50", 2048)])
def test_a_module_after_a_block_is_as_wide_as_its_output(name, last):
    with torch.device("meta"):
        net = zoo.build(ModelSpec(backbone=name), DATA)
    assert net.stage("res5")[0].channels_at["after_block"] == last


def test_two_modules_at_one_position_are_refused():
    spec = replace(GOOD, backbone="tsm_resnet50", position="before_conv1")
    with pytest.raises(ValueError, match=r"TemporalShift already stands at .* of res5\[1\]"):
        zoo.build(spec, DATA)


def test_dsa_in_a_network_refuses_another_number_of_snippets():
    net = zoo.build(NETWORKS["dsa"], DATA)
    with pytest.raises(ValueError, match="built for U = 4"):
        net(torch.cat([clips(), clips()], dim=1))


@pytest.mark.parametrize("case", sorted(path.stem for path in GOLDEN.glob("dsanet_*.json")))
def test_logits_equal_the_released_code(case):
    golden = json.loads((GOLDEN / f"{case}.json").read_text())
    net = zoo.build(spec_of(golden), DATA).eval()
    official = filled.state_dict(golden["state_dict"], golden["gain"])
    place = NETWORK_PLACES[golden["module"]["insert_place"]] if golden["module"] else ""
    net.load_state_dict({our_name(name, place): tensor for name, tensor in official.items()})
    assert sum(parameter.numel() for parameter in net.parameters()) == golden["num_parameters"]
    with torch.inference_mode():
        logits = net(filled.clip(golden["input"]["case_seed"], golden["input"]["shape"]))
    error = (logits - torch.tensor(golden["logits"])).abs().max()
    assert error <= 1e-4 * golden["checks"]["logits_std"]


NETWORK_PLACES = dict(zip(("res_1", "res_2", "res_3", "res_4"), POSITIONS, strict=True))


def spec_of(golden):
    plain = ModelSpec(backbone="i3d_resnet18" if "depth=18" in golden["built"] else "i3d_resnet50")
    module = golden["module"]
    if not module:
        return plain
    blocks = {}
    for stage, marks in zip(("res2", "res3", "res4", "res5"), module["insert_freq"], strict=True):
        if marks:
            blocks[stage] = tuple(index for index, mark in enumerate(marks) if mark)
    return replace(
        plain,
        module="dsa",
        module_options={"alpha": module["alpha"], "beta": module["split_ratio"]},
        position=NETWORK_PLACES[module["insert_place"]],
        blocks=blocks,
    )


def our_name(name, place):
    name = name.removeprefix("backbone.").replace(".block.", ".")
    if name.startswith("cls_head."):
        return name.replace("cls_head.fc_cls", "fc")
    if ".dsa.generate." in name:
        stage, index, rest = name.split(".", 2)
        number = int(stage.removeprefix("layer")) + 1
        return f"res{number}.{index}.slots.{place}.{rest.replace('dsa.generate', 'generator')}"
    return inner_name(name)


GOOD = with_module(I3D_R50, "dsa", blocks={"res5": (1,)}).model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone": "i3d_resnet51"}, "did you mean 'i3d_resnet50'"),
        ({"module": "dsaa"}, "did you mean 'dsa'"),
        ({"module_options": {"alhpa": 2}}, "did you mean 'alpha'"),
        ({"backbone_options": {"depth": (1,)}}, "did you mean 'depths'"),
        ({"blocks": {"res5": (3,)}}, "res5 has blocks 0 to 2; got 3"),
        ({"blocks": {"res6": (1,)}}, "no stage 'res6'"),
        ({"backbone": "i3d_resnet18", "position": "after_conv3"}, "no position 'after_conv3'"),
    ],
)
def test_what_does_not_exist_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        zoo.build(replace(GOOD, **change), DATA)


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
    net = zoo.build(spec, replace(DATA, num_classes=1000), weights_root=path.parent).eval()
    net.fc = flat.fc
    picture = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = net(picture[:, None, :, None].expand(1, 4, 3, 2, 64, 64))
        assert torch.allclose(logits, flat(picture), atol=1e-4)


@pytest.mark.slow
def test_inflation_spreads_each_weight_over_time(imagenet):
    flat, path = imagenet
    spec = ModelSpec(backbone="i3d_resnet50", weights=path.name)
    net = zoo.build(spec, DATA, weights_root=path.parent)
    inflated = net.stage("res4")[0].convs[0][0].weight
    assert inflated.shape[2] == 3
    assert torch.allclose(inflated.sum(2), flat.layer3[0].conv1.weight, atol=1e-6)
    assert torch.equal(
        net.stage("res2")[0].convs[1][0].weight[:, :, 0], flat.layer1[0].conv2.weight
    )


def test_weights_are_refused_when_missing_or_altered(tmp_path):
    net = zoo.build(ModelSpec(backbone="resnet50"), DATA)
    with pytest.raises(ValueError, match="missing"):
        load_imagenet(net, tmp_path / "resnet50-0676ba61.pth")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "resnet50-0676ba61.pth")
    with pytest.raises(ValueError, match="altered"):
        load_imagenet(net, tmp_path / "resnet50-0676ba61.pth")
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "resnet50.pth")
    with pytest.raises(ValueError, match="do not match the trunk"):
        load_imagenet(net, tmp_path / "resnet50.pth")
