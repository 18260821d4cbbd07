import torch
from torchvision.ops import SqueezeExcitation

from harness.zoo.modules.se import SE


def test_it_equals_torchvisions_form():
    torch.manual_seed(0)
    ours, theirs = SE(32, num_snippets=4, reduction=8), SqueezeExcitation(32, 4)
    theirs.fc1.load_state_dict(as_convolution(ours.gate[0]))
    theirs.fc2.load_state_dict(as_convolution(ours.gate[2]))
    x = torch.randn(8, 32, 4, 6, 6)
    assert torch.allclose(ours(x).flatten(3), theirs(x.flatten(3)), atol=1e-6)


def as_convolution(linear):
    return {"weight": linear.weight[:, :, None, None], "bias": linear.bias}


def test_each_snippet_is_weighed_alone():
    module = SE(32, num_snippets=4)
    x = torch.randn(4, 32, 2, 3, 3)
    together = module(x)
    x[1:] *= -1
    assert torch.equal(module(x)[0], together[0])


def test_the_gate_keeps_at_least_one_unit():
    assert SE(8, num_snippets=4).gate[0].out_features == 1
