"""What every network of the zoo promises."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments.recipes import I3D_R50, with_module
from experiments.scales import RESIDUAL_FORM, desk_form
from harness import zoo
from harness.specs import DataSpec, ModelSpec
from harness.utils.lookup import load_named
from harness.zoo import temporal
from harness.zoo.build import build
from harness.zoo.layers.slots import mixes_snippets

ROOT = Path(__file__).parents[2]
DATA = DataSpec(name="any", num_classes=12)
SMALL = RESIDUAL_FORM
SMALL_MODULES = {
    "se": {"reduction": 2},  # a sixteenth of 32 channels can be dead at the start
    "non_local": {"gamma": 1.0},  # the usual 0 stops gradients at the start
    "cgnl": {"gamma": 1.0},
}
NETWORKS = {
    **{
        name: ModelSpec(backbone=name, backbone_options=desk_form(name), dropout=0.0)
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
# Parameters whose effect a softmax or a norm behind them removes, so that their gradients are
# rounding; and those of MViT's last block that act on others than the class token, which is read.
UNFELT = {
    "non_local": (".phi.bias", ".g.bias", ".out.bias"),
    "cgnl": (".phi.weight", ".g.weight"),
    "mvit_v2_s": tuple(
        f"trunk.blocks.7.attn.{name}"
        for name in ("rel_pos_h", "rel_pos_w", "rel_pos_t", "pool_q.pool.weight")
    ),
}
FLAT = ("resnet18", "resnet50", "resnet101", "resnet152", "bn_inception", "inception_v3")
FRAMES = {  # of networks that need more than four
    **{f"tanet_resnet{layers}": 8 for layers in (50, 101, 152)},
    "c2d_resnet50": 5,  # pairs of frames are pooled: an even number is paired alike backwards
    "slowfast_4x16_resnet50": 8,
    "slowfast_8x8_resnet50": 8,
    "slowfast_8x8_resnet101": 8,
    "slowfast_8x8_resnet101_full": 8,
}


def tried(names):
    """Return networks to try; of the backbones of one file all but the first are slow."""
    first = {}
    for name in names:
        first.setdefault(zoo.BACKBONES.get(name, name).partition(":")[0], name)
    is_slow = {name: name not in first.values() for name in names}
    return [pytest.param(name, marks=[pytest.mark.slow] * is_slow[name]) for name in names]


def clips(name, videos=2):
    shape = (videos, 4, 3, FRAMES.get(NETWORKS[name].backbone, 4), 32, 32)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def made(name):
    """Build a network whose blocks all act: scales that start at zero are set to one."""
    torch.manual_seed(0)
    net = build(NETWORKS[name], DATA)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm3d) and not layer.weight.any():
            torch.nn.init.ones_(layer.weight)
    return net


@pytest.mark.parametrize("name", tried(NETWORKS))
def test_clips_become_video_level_logits(name):
    assert made(name)(clips(name)).shape == (2, 12)


@pytest.mark.parametrize("name", tried(NETWORKS))
def test_gradients_reach_every_parameter(name):
    net = made(name)
    net(clips(name)).square().sum().backward()
    unreached = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    unfelt = UNFELT.get(name, ())
    assert [n for n in unreached if not n.endswith(unfelt)] == []


@pytest.mark.parametrize("name", tried(NETWORKS))
def test_videos_do_not_leak_into_each_other(name):
    net = made(name).eval()
    both = net(clips(name))
    changed = clips(name)
    changed[0] *= -1
    assert torch.allclose(net(changed)[1], both[1], atol=1e-5)
    assert not torch.allclose(net(changed)[0], both[0], atol=1e-4)


def lay_out(net, formats):
    """Lay out the weights of convolutions, by their axes; a network may have those of pictures."""
    for parameter in net.parameters():
        memory_format = formats.get(parameter.ndim, torch.contiguous_format)
        parameter.data = parameter.data.contiguous(memory_format=memory_format)


@pytest.mark.parametrize("name", tried(NETWORKS))
def test_memory_formats_change_no_logits(name):
    """Weights and clips may lie plain in memory or channels last, together or not."""
    net, plain = made(name).eval(), clips(name)
    last = plain.flatten(0, 1).contiguous(memory_format=torch.channels_last_3d).view(plain.shape)
    assert last.stride(2) == 1
    with torch.inference_mode():
        lay_out(net, {})
        expected = net(plain)
        logits = [net(last)]
        lay_out(net, {4: torch.channels_last, 5: torch.channels_last_3d})
        logits += [net(plain), net(last)]
    for other in logits:
        assert torch.allclose(other, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


@pytest.mark.parametrize("name", tried(NETWORKS))
def test_it_builds_on_the_meta_device_with_the_same_shapes(name):
    real = build(NETWORKS[name], DATA)
    with torch.device("meta"):
        ghost = build(NETWORKS[name], DATA)
    assert all(parameter.is_meta for parameter in ghost.parameters())
    assert [p.shape for p in ghost.parameters()] == [p.shape for p in real.parameters()]


@pytest.mark.parametrize("name", tried(zoo.BACKBONES))
def test_a_plain_backbone_ignores_the_order_of_snippets(name):
    net = made(name).eval()
    assert torch.allclose(net(clips(name)), net(clips(name).flip(1)), atol=1e-5)


@pytest.mark.parametrize("name", zoo.MODULES)
def test_a_module_sees_the_order_of_snippets_if_it_says_so(name):
    sees = mixes_snippets(load_named(zoo.MODULES, name, what="module"))
    net = made(name).eval()
    assert torch.allclose(net(clips(name)), net(clips(name).flip(1)), atol=1e-5) is not sees


@pytest.mark.parametrize("name", tried(zoo.BACKBONES))
def test_only_a_2d_backbone_ignores_the_order_of_frames(name):
    net = made(name).eval()
    assert torch.allclose(net(clips(name)), net(clips(name).flip(3)), atol=1e-5) is (name in FLAT)


@pytest.mark.parametrize("name", tried(NETWORKS))
def test_what_a_network_averages_is_known_by_its_names(name):
    net = made(name).eval()
    ignores_snippets = torch.allclose(net(clips(name)), net(clips(name).flip(1)), atol=1e-5)
    ignores_frames = torch.allclose(net(clips(name)), net(clips(name).flip(3)), atol=1e-5)
    kinds = {(False, False): None, (True, False): "average of snippets"}
    kinds[True, True] = "average of frames"
    assert temporal.averaging(NETWORKS[name]) == kinds[ignores_snippets, ignores_frames]


@pytest.mark.parametrize(("module", "is_sum"), [("static_mix", True), ("dsa", False)])
def test_fixed_kernels_behind_the_last_layer_add_up_snippets(module, is_sum):
    """The second of the proofs in `harness/data/datasets/desk_cue.py`, of the network itself."""
    spec = ModelSpec(
        backbone="i3d_resnet18",
        backbone_options={"depths": (1, 1, 1, 1), "stem_width": 8},
        module=module,
        module_options={"kernel_size": 7},
        position="after_block",
        blocks={"res5": (0,)},
    )
    assert temporal.averaging(spec) == ("fixed weights of snippets" if is_sum else None)
    torch.manual_seed(0)
    net = build(spec, replace(DATA, num_snippets=4)).eval()
    one, other = torch.randn(2, 4, 3, 4, 32, 32)
    ends, middle = torch.tensor([0, 3]), torch.tensor([1, 2])
    clips = torch.stack([one, other, one, other])
    clips[2, ends], clips[3, ends] = other[ends], one[ends]
    clips[2, middle], clips[3, middle] = one[middle], other[middle]
    logits = net(clips)
    assert torch.allclose(logits[0] + logits[1], logits[2] + logits[3], atol=1e-5) is is_sum


WITH_MINE = ModelSpec(backbone="resnet50", module="my_module", blocks={"res5": (1,)})


def test_a_further_size_of_a_family_is_named_in_two_files():
    """As docs/adding.md says of VoV3D's first M; tables, which use it, are others."""
    files = [*ROOT.glob("harness/**/*.py"), ROOT / "experiments" / "scales.py"]
    named = [file.name for file in files if "vov3d_m_2020" in file.read_text(encoding="utf-8")]
    assert sorted(named) == ["__init__.py", "vov3d.py"]
    assert "vov3d_m_2020" in (ROOT / "docs" / "adding.md").read_text(encoding="utf-8")


def test_nothing_is_known_of_a_network_of_ones_own():
    assert temporal.averaging(ModelSpec(backbone="my_net")) is None
    assert temporal.averaging(WITH_MINE) is None


@pytest.mark.parametrize(("name", "last"), [("i3d_resnet18", 512), ("i3d_resnet50", 2048)])
def test_a_module_after_a_block_is_as_wide_as_its_output(name, last):
    with torch.device("meta"):
        net = build(ModelSpec(backbone=name), DATA)
    assert net.stage("res5")[0].slots.channels_at["after_block"] == last


def test_two_modules_at_one_position_are_refused():
    spec = replace(GOOD, backbone="tsm_resnet50", position="before_conv1")
    with pytest.raises(ValueError, match=r"of res5\[1\] already holds TemporalShift"):
        build(spec, DATA)


class Unstaged(torch.nn.Module):
    """A network that has no residual stages."""

    def __init__(self, *, num_classes: int, dropout: float) -> None:
        super().__init__()


def test_a_module_in_a_network_without_stages_is_refused_by_name(monkeypatch):
    monkeypatch.setitem(zoo.BACKBONES, "unstaged", "tests.zoo.test_networks:Unstaged")
    plain = ModelSpec(backbone="unstaged")
    assert isinstance(build(plain, DATA), Unstaged)
    sentence = "backbone unstaged has no stages res2 to res5 for module dsa; set module=None"
    with pytest.raises(ValueError, match=sentence):
        build(replace(plain, module="dsa", blocks={"res5": (0,)}), DATA)


def test_dsa_in_a_network_refuses_another_number_of_snippets():
    net = build(NETWORKS["dsa"], DATA)
    with pytest.raises(ValueError, match="built for U = 4"):
        net(torch.cat([clips("dsa"), clips("dsa")], dim=1))


GOOD = with_module(I3D_R50, "dsa", blocks={"res5": (1,)}).model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone": "i3d_resnet51"}, "did you mean 'i3d_resnet50'"),
        ({"module": "dsaa"}, "did you mean 'dsa'"),
        ({"module_options": {"alhpa": 2}}, "did you mean 'alpha'"),
        ({"backbone_options": {"depth": (1,)}}, "did you mean 'depths'"),
        ({"blocks": {"res5": (3,)}}, "res5 has no block 3, only blocks 0 to 2"),
        ({"blocks": {"res6": (1,)}}, "'res6' is not a choice; set one of res2, res3, res4, res5"),
        ({"backbone": "i3d_resnet18", "position": "after_conv3"}, "no position 'after_conv3'"),
    ],
)
def test_what_does_not_exist_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        build(replace(GOOD, **change), DATA)
