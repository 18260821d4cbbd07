from functools import partial

import pytest
import torch

from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.tsm import TemporalShift
from harness.zoo.build import build
from tests.helpers.costs import giga, one_clip

deep = partial(pytest.param, marks=pytest.mark.slow)


def test_channels_move_one_frame_each_way_and_zeros_fill_in():
    x = torch.arange(1.0, 4.0).expand(1, 16, 3)[..., None, None]
    y = TemporalShift(16)(x)[0, :, :, 0, 0]
    assert y[:2].tolist() == [[2, 3, 0]] * 2
    assert y[2:4].tolist() == [[0, 1, 2]] * 2
    assert torch.equal(y[4:], x[0, 4:, :, 0, 0])


def test_frames_stay_inside_their_snippet():
    x = torch.randn(4, 8, 3, 2, 2)
    module = TemporalShift(8)
    assert torch.equal(module(x)[1:2], module(x[1:2]))


def test_channels_too_few_to_share_are_refused():
    with pytest.raises(ValueError, match="channels=7 has no eighth"):
        TemporalShift(7)


@pytest.mark.parametrize(
    ("backbone", "clip", "figures"),
    [
        ("tsm_resnet50", {"frames": 8}, (24327632, 32703643648, "32.8815")),
        ("tsm_resnet50", {"frames": 16}, (24327632, 65407287296, "65.7629")),
        ("tsm_resnet50", {"frames": 8, "crop": 256}, (24327632, 42712956928, "42.9452")),
        deep("tsm_resnet101", {"frames": 8}, (43319760, 62401413120, "62.6611")),
    ],
)
def test_costs_equal_the_released_code(backbone, clip, figures):
    params, macs, with_norm = one_clip(ModelSpec(backbone=backbone), **clip)
    assert (params, macs, giga(with_norm)) == figures


def test_a_deep_network_shifts_in_every_second_block():
    with torch.device("meta"):
        net = build(ModelSpec(backbone="tsm_resnet101"), DataSpec(name="any", num_classes=12))
    shifted = [len(block.slots) for block in net.stage("res4")]
    assert shifted == [1, 0] * 11 + [1]
    assert sum(len(block.slots) for block in net.blocks()) == 18
