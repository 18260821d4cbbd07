"""Blocks that are computed again: the same numbers, with less kept."""

import pytest
import torch
import torch.distributed as dist
from torch import nn

from harness.training.activation_checkpointing import _running_stats_kept, recompute_blocks
from harness.training.sync_batch_norm import _GroupBatchNorm
from harness.zoo.build import build
from tests.zoo.test_networks import DATA, NETWORKS, clips

# One of each kind of block; the others are slow.
CASES = (
    "dsa",
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in (
            "v4d after blocks",
            "non_local",
            "slowfast_4x16_resnet50",
            "x3d_m",
        )
    ),
)


def state_after(name, *, recomputes):
    """Run a step with dropout twice; return outputs, gradients and running averages."""
    torch.manual_seed(0)
    net = build(NETWORKS[name], DATA)
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.5
    if recomputes:
        recompute_blocks(net)
    x = clips(name)
    torch.manual_seed(1)
    for _ in range(2):
        y = net(x)
        y.square().sum().backward()
    return y.detach(), {n: p.grad for n, p in net.named_parameters()}, net.state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_recomputed_blocks_change_no_bit(name):
    y, gradients, state = state_after(name, recomputes=False)
    other_y, other_gradients, other_state = state_after(name, recomputes=True)
    assert torch.equal(y, other_y)
    assert state.keys() == other_state.keys()
    for found, other in ((gradients, other_gradients), (state, other_state)):
        for key, value in found.items():
            assert torch.equal(value, other[key]), key


def test_less_is_kept_for_the_backward_pass():
    kept = []
    for recomputes in (False, True):
        net = build(NETWORKS["i3d_resnet50"], DATA)
        if recomputes:
            recompute_blocks(net)
        numbers = 0

        def pack(tensor):
            nonlocal numbers
            numbers += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            net(clips("i3d_resnet50"))
        kept.append(numbers)
    assert kept[1] < kept[0] / 2


def test_scoring_recomputes_nothing():
    net = build(NETWORKS["i3d_resnet50"], DATA)
    recompute_blocks(net)
    x = clips("i3d_resnet50")
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    with torch.inference_mode():
        net.eval()(x)
    for name, buffer in net.named_buffers():
        assert torch.equal(buffer, before[name])


@pytest.mark.filterwarnings("ignore:torch.distributed.nn.functional.all_reduce:FutureWarning")
def test_batch_norm_over_ranks_on_a_cpu_keeps_its_averages_too():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        norm = nn.BatchNorm3d(3)
        shared = _GroupBatchNorm(norm, dist.group.WORLD)
        with _running_stats_kept(norm):
            shared(torch.randn(2, 3, 2, 4, 4))
        assert norm.num_batches_tracked == 0
        assert torch.equal(norm.running_mean, torch.zeros(3))
    finally:
        dist.destroy_process_group()


def test_a_network_without_stages_is_refused():
    with pytest.raises(
        ValueError, match="Sequential has no stages of blocks to compute again; run"
    ):
        recompute_blocks(nn.Sequential(nn.Linear(2, 2)))
