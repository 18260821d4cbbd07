import pytest
import torch

from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.residual.tsm import TemporalShift
from harness.zoo.build import build


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


def test_a_deep_network_shifts_in_every_second_block():
    with torch.device("meta"):
        net = build(ModelSpec(backbone="tsm_resnet101"), DataSpec(name="any", num_classes=12))
    shifted = [len(block.slots) for block in net.stage("res4")]
    assert shifted == [1, 0] * 11 + [1]
    assert sum(len(block.slots) for block in net.blocks()) == 18
