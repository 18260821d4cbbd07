"""Batch norm over the ranks of GPUs, by stand-ins for its kernels: exact, without host syncs."""

import threading

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules._functions import SyncBatchNorm

from harness.training import activation_checkpointing
from harness.training.folded_batch_norm import fold_batch_norms
from tests.training.test_overlap import HostSyncs

RANKS, CLIPS, CHANNELS = 2, 6, 5


def over(x):
    return [axis for axis in range(x.dim()) if axis != 1]


def per_channel(values, x):
    return values.view(1, -1, *[1] * (x.dim() - 2))


def stats(x, eps):
    return x.mean(over(x)), torch.rsqrt(x.var(over(x), unbiased=False) + eps)


def gather_stats(x, means, deviations, running_mean, running_var, momentum, eps, counts):
    assert counts.shape == (RANKS,)
    assert counts.dtype == running_mean.dtype
    shares = (counts / counts.sum())[:, None]
    mean = (shares * means).sum(0)
    variance = (shares * (deviations**-2 - eps + means**2)).sum(0) - mean**2
    running_mean.lerp_(mean, momentum)
    running_var.lerp_(variance * counts.sum() / (counts.sum() - 1), momentum)
    return mean, torch.rsqrt(variance + eps)


def elemt(x, weight, bias, mean, inverse_std, eps):
    centred = (x - per_channel(mean, x)) * per_channel(inverse_std, x)
    return centred * per_channel(weight, x) + per_channel(bias, x)


def backward_reduce(dy, x, mean, inverse_std, weight, *_needed):
    sum_dy, sum_dy_xmu = dy.sum(over(x)), (dy * (x - per_channel(mean, x))).sum(over(x))
    return sum_dy, sum_dy_xmu, sum_dy_xmu * inverse_std, sum_dy


def backward_elemt(dy, x, mean, inverse_std, weight, sum_dy, sum_dy_xmu, counts):
    assert counts.dtype == torch.int32
    values = counts.sum()
    slope = per_channel(inverse_std**2 * sum_dy_xmu / values, x) * (x - per_channel(mean, x))
    return (dy - per_channel(sum_dy / values, x) - slope) * per_channel(inverse_std * weight, x)


class Group:
    """A group of threads in place of ranks."""

    def __init__(self):
        self.barrier = threading.Barrier(RANKS, timeout=30)
        self.given = {}
        self.local = threading.local()

    def size(self):
        return RANKS

    def _get_backend_name(self):
        return "gloo"

    def exchange(self, tensor):
        """Return the tensors of all ranks."""
        self.given[self.local.rank] = tensor.clone()
        self.barrier.wait()
        found = [self.given[rank] for rank in range(RANKS)]
        self.barrier.wait()
        return found

    def run(self, work):
        """Return what every rank returns."""
        results = {}

        def one(rank):
            self.local.rank = rank
            with HostSyncs() as syncs:
                results[rank] = work(rank)
            results[rank] = (results[rank], syncs.counts)

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(RANKS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [results[rank] for rank in range(RANKS)]


@pytest.fixture
def group(monkeypatch):
    made = Group()
    kernels = {
        "batch_norm_stats": stats,
        "batch_norm_gather_stats_with_counts": gather_stats,
        "batch_norm_elemt": elemt,
        "batch_norm_backward_reduce": backward_reduce,
        "batch_norm_backward_elemt": backward_elemt,
    }
    for name, kernel in kernels.items():
        monkeypatch.setattr(torch, name, kernel)

    def all_gather(parts, part, group, **_):
        for mine, theirs in zip(parts, group.exchange(part), strict=True):
            mine.copy_(theirs)

    def all_reduce(total, op=None, group=None, **_):
        total.copy_(sum(group.exchange(total)))

    monkeypatch.setattr(dist, "all_gather", all_gather)
    monkeypatch.setattr(dist, "all_reduce", all_reduce)
    return made


def layer(group=None):
    torch.manual_seed(1)
    norm = nn.BatchNorm3d(CHANNELS).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    if group is None:
        return norm
    net = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(norm), group)
    fold_batch_norms(net)
    return net[0].train()


def clips():
    return torch.randn(2, RANKS * CLIPS, CHANNELS, 3, 4, 4, dtype=torch.float64) * 3 + 1


def results(norm, x, upstream):
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = norm(x)
    y.backward(upstream)
    averages = norm.running_mean, norm.running_var, norm.num_batches_tracked
    return y.detach(), x.grad, norm.weight.grad, norm.bias.grad, averages


def part_of(rank, x):
    return x[rank * CLIPS : (rank + 1) * CLIPS]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
def test_ranks_normalise_like_one_process_and_never_stop_the_gpu(group, memory_format):
    x, upstream = (t.contiguous(memory_format=memory_format) for t in clips())
    whole, norms = results(layer(), x, upstream), [layer(group) for _ in range(RANKS)]
    (one, syncs), (two, other_syncs) = group.run(
        lambda rank: results(norms[rank], part_of(rank, x), part_of(rank, upstream))
    )
    assert syncs == other_syncs == {}
    for mine, other, expected in zip(one[:2], two[:2], whole[:2], strict=True):
        torch.testing.assert_close(torch.cat([mine, other]), expected)
    for mine, other, expected in zip(one[2:4], two[2:4], whole[2:4], strict=True):
        torch.testing.assert_close(mine + other, expected)
    for averages in (one[4], two[4]):
        torch.testing.assert_close(averages, whole[4])


class OfTorch(nn.BatchNorm3d):
    """The layer of PyTorch, without its refusal of a CPU."""

    def forward(self, x):
        self.num_batches_tracked += 1
        averages = self.running_mean, self.running_var
        return SyncBatchNorm.apply(
            x, self.weight, self.bias, *averages, self.eps, self.momentum, self.group, RANKS
        )


def test_the_kernels_and_numbers_are_those_of_pytorch_but_for_its_host_syncs(group):
    x, upstream = clips()
    norms, theirs = ([layer(chosen) for _ in range(RANKS)] for chosen in (group, None))
    for norm in theirs:
        norm.__class__, norm.group = OfTorch, group
    found, expected = (
        group.run(
            lambda rank, of=each: results(of[rank], part_of(rank, x), part_of(rank, upstream))
        )
        for each in (norms, theirs)
    )
    assert [syncs for _, syncs in expected] == [{"index": 3}] * RANKS
    torch.testing.assert_close(
        [numbers for numbers, _ in found], [numbers for numbers, _ in expected], rtol=0, atol=0
    )


def test_a_pass_for_the_gradient_alone_leaves_the_averages(group):
    """Recomputed blocks take one in the backward pass."""
    x, upstream = clips()
    nets = [nn.Sequential(layer(group)) for _ in range(RANKS)]
    whole = results(layer(), x, upstream)[0]

    def work(rank):
        net = nets[rank]
        averages = [buffer.clone() for buffer in net.buffers()]
        with activation_checkpointing._running_stats_kept(net):
            normalised = results(net[0], part_of(rank, x), part_of(rank, upstream))[0]
        torch.testing.assert_close([*net.buffers()], averages, rtol=0, atol=0)
        return normalised

    torch.testing.assert_close(torch.cat([found for found, _ in group.run(work)]), whole)


def test_scoring_needs_no_other_rank(group):
    norm = layer(group).eval()
    x, _ = clips()
    torch.testing.assert_close(norm(x), layer().eval()(x))
