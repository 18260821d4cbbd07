import pytest
import torch

from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.inception.i3d_inception import SamePool, pad_same
from harness.zoo.build import build


@pytest.mark.parametrize(("size", "kernel", "before", "after"), [(4, 7, 2, 3), (5, 7, 3, 3)])
def test_zeros_that_do_not_halve_go_to_the_end(size, kernel, before, after):
    x = torch.ones(1, 1, 1, 1, size)
    y = pad_same(x, kernel=(1, 1, kernel), stride=(1, 1, 2))
    assert y.flatten().tolist() == [0] * before + [1] * size + [0] * after


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_a_pool_covers_every_input(size):
    x = torch.zeros(1, 1, 1, 1, size)
    x[..., -1] = 1
    y = SamePool((1, 1, 2), stride=(1, 1, 2))(x)
    assert y.flatten().tolist() == [0] * ((size + 1) // 2 - 1) + [1]


def test_every_pair_of_neighbouring_steps_is_classified():
    options = {"stem_width": 8}
    torch.manual_seed(0)
    net = build(
        ModelSpec(backbone="i3d_inception", backbone_options=options),
        DataSpec(name="any", num_classes=12),
    ).eval()
    net.features = torch.nn.Identity()
    net.fc = torch.nn.Identity()
    steps = torch.tensor([1.0, 2, 6]).reshape(1, 1, 1, 3, 1, 1).expand(1, 1, 3, 3, 2, 2)
    assert torch.allclose(net(steps), torch.full((1, 3), (1.5 + 4) / 2))
