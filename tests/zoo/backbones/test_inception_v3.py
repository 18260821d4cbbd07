"""Inception-v3 over frames: torchvision's network, and pictures of every size."""

import pytest
import torch
from torchvision.models.inception import Inception3

from harness.zoo.backbones.inception.inception_v3 import inception_v3
from harness.zoo.pretrained import from_official


@pytest.mark.slow
def test_it_averages_the_logits_of_torchvisions_network():
    torch.manual_seed(0)
    reference = Inception3(num_classes=12, aux_logits=False, init_weights=True).eval()
    net = from_official("tsn-inception-v3", reference.state_dict()).net
    clip = torch.randn(1, 1, 3, 2, 80, 80)
    with torch.inference_mode():
        expected = reference(clip[0, 0].transpose(0, 1)).mean(dim=0, keepdim=True)
        logits = net(clip)
    assert (logits - expected).abs().max() <= 1e-4 * expected.std()


def test_small_pictures_need_a_stem_without_strides():
    clip = torch.zeros(1, 1, 3, 1, 16, 16)
    flat = inception_v3(num_classes=5, stem_width=4, strided_stem=False).eval()
    assert flat(clip).shape == (1, 5)
    with pytest.raises(RuntimeError, match="size"):
        inception_v3(num_classes=5, stem_width=4).eval()(clip)


def test_a_width_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="stem_width=6 is not a multiple of 4"):
        inception_v3(num_classes=5, stem_width=6)
