"""BN-Inception: what is particular to its pools."""

import pytest
import torch

from harness.zoo.backbones.inception.bn_inception import BNInception, RoundedUpPool, bn_inception


def test_the_trunk_has_ten_million_parameters():
    trunk = BNInception()
    assert round(sum(p.numel() for p in trunk.parameters()) / 1e6, 2) == 10.27


def test_pools_round_up():
    assert BNInception(stem_width=8)(torch.zeros(1, 3, 96, 64)).shape == (1, 128, 3, 2)
    assert RoundedUpPool()(torch.zeros(1, 1, 6, 7)).shape == (1, 1, 3, 3)


def test_the_average_of_a_block_counts_the_zeros_of_the_border():
    pool = BNInception(stem_width=8).blocks["3a"].branches["pool"][0]
    assert pool(torch.ones(1, 1, 3, 3))[0, 0, 0, 0] == pytest.approx(4 / 9)


def test_tiny_pictures_need_a_stem_without_stride():
    clip = torch.zeros(1, 1, 3, 2, 16, 16)
    net = bn_inception(num_classes=5, stem_width=8, stem_stride=1).eval()
    assert net(clip).shape == (1, 5)
    with pytest.raises(RuntimeError, match="too small"):
        bn_inception(num_classes=5, stem_width=8).eval()(clip)


def test_a_width_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"stem_width=7 makes 10\.5 channels of 96; a multiple of"):
        bn_inception(num_classes=5, stem_width=7)
