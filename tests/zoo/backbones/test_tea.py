import pytest
import torch
import torch.nn.functional as F

from harness.specs import DataSpec, ModelSpec
from harness.zoo.backbones.residual.tea import MotionExcitation, TemporalAggregation
from harness.zoo.build import build


def made(layer):
    """Return a layer with random statistics, as after training."""
    torch.manual_seed(0)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return layer.eval()


def conv(x, layer):
    """Convolve and normalise every frame with the weights of a layer, by hand."""
    y = torch.stack([F.conv2d(f, layer[0].weight[:, :, 0], padding="same") for f in x.unbind(2)], 2)
    return layer[1](y)


def test_the_gates_see_the_motion_to_the_next_frame():
    module = made(MotionExcitation(32))
    x = torch.randn(2, 32, 3, 4, 4)
    squeezed = conv(x, module.squeeze)
    gates = []
    for t in range(3):
        motion = torch.zeros(2, 2, 4, 4)
        if t < 2:
            after = F.conv2d(squeezed[:, :, t + 1], module.align.weight[:, :, 0], None, 1, 1, 1, 2)
            motion = after - squeezed[:, :, t]
        gates.append(motion.mean((2, 3)))
    raw = conv(torch.stack(gates, 2)[..., None, None], module.expand)
    assert torch.allclose(module(x), x * (0.5 + raw.sigmoid()), atol=1e-5)


@pytest.mark.parametrize("is_first", [True, False])
def test_shares_are_added_up_along_the_branches_except_in_a_first_block(is_first):
    module = made(TemporalAggregation(16, stride=1, is_first=is_first))
    x = torch.randn(2, 16, 3, 4, 4)
    shares = module.excite(x).split(4, dim=1)
    outputs = []
    for i in range(3):
        before = 0 if is_first or i == 0 else outputs[-1]
        outputs.append(conv(module.mixes[i](shares[i] + before), module.branches[i]).relu())
    last = module.mixes[3](shares[3])
    if is_first:
        last = F.avg_pool3d(last, (1, 3, 3), stride=1, padding=(0, 1, 1))
    assert torch.allclose(module(x), torch.cat([*outputs, last], 1), atol=1e-5)


def test_the_first_three_shares_start_where_they_are_and_the_last_one_shifted():
    module = TemporalAggregation(16, stride=1, is_first=False)
    x = torch.randn(1, 4, 3, 2, 2)
    assert all(torch.equal(mix(x), x) for mix in module.mixes[:3])
    y = module.mixes[3](x)
    assert torch.equal(y[:, :2, :-1], x[:, :2, 1:])
    assert torch.equal(y[:, 2:, 1:], x[:, 2:, :-1])
    assert not y[:, :2, -1].any()
    assert not y[:, 2:, 0].any()


def test_frames_stay_inside_their_snippet():
    module = made(TemporalAggregation(16, stride=2, is_first=True))
    x = torch.randn(4, 16, 4, 4, 4)
    assert torch.allclose(module(x)[1:2], module(x[1:2]), atol=1e-5)


def test_its_blocks_have_the_positions_of_a_bottleneck():
    with torch.device("meta"):
        net = build(ModelSpec(backbone="tea_resnet50"), DataSpec(name="any", num_classes=12))
    assert net.stage("res3")[0].slots.channels_at == {
        "before_conv1": 256,
        "after_conv1": 208,
        "after_conv2": 208,
        "after_conv3": 512,
        "after_block": 512,
    }
