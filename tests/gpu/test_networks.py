"""Networks on a GPU against the same ones in double precision on a CPU."""

import os
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.data import transforms
from harness.training.folded_batch_norm import fold_batch_norms
from harness.training.optim import autocast
from tests.gpu import MARKS
from tests.zoo.test_networks import NETWORKS, clips, made

pytestmark = MARKS
LABELS = torch.tensor([3, 7])
DISTINCT = [name for name in NETWORKS if not {"101", "152"} & set(re.split(r"\D+", name))]
SCALE = 1024.0  # as a gradient scaler: gradients of float16 must not vanish
# Largest error of the logits, and smallest cosine between gradients. A test network is deep, and
# its last norms see few values, so that rounding grows; a misplaced axis gives 1 and 0.
LIMITS = {"float32": (1e-2, 0.9), "bfloat16": (0.5, 0.5), "float16": (0.2, 0.8)}


def results(net, x, precision):
    """Return the logits of a pass in training and the gradients of all parameters, on the CPU."""
    with autocast(precision, x.device):
        logits = net.train()(x)
    wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
    (F.cross_entropy(wide, LABELS.to(x.device)) * SCALE).backward()
    gradients = [p.grad.flatten() for p in net.parameters() if p.grad is not None]
    return logits.detach().double().cpu(), torch.cat(gradients).double().cpu()


@pytest.fixture
def all_cores():
    """Let the CPU, which computes in double precision, not take all of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(os.cpu_count() or 1, 8))
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", DISTINCT)
def test_a_network_gives_what_it_gives_in_double_precision_on_a_cpu(name, exact, all_cores):
    x = clips(name)
    logits, gradients = results(made(name).double(), x.double(), "float32")
    for precision, (most, least) in LIMITS.items():
        net = made(name).cuda()
        fold_batch_norms(net)
        found, found_gradients = results(net, x.cuda(), precision)
        assert (found - logits).norm() / logits.norm() < most, precision
        assert F.cosine_similarity(found_gradients, gradients, dim=0) > least, precision


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_folded_batch_norm_is_plain_batch_norm_and_no_slower(dtype, capsys):
    plain, folded = nn.BatchNorm3d(256).cuda(), nn.Sequential(nn.BatchNorm3d(256).cuda())
    fold_batch_norms(folded)
    x = torch.randn(48, 256, 4, 28, 28, device="cuda", dtype=dtype)
    x = x.contiguous(memory_format=torch.channels_last_3d)
    found = [norm_results(layer, x) for layer in (plain, folded[0])]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-2)
    times = [milliseconds(layer, x) for layer in (plain, folded[0])]
    with capsys.disabled():
        print(f"\nbatch norm {dtype}: {times[0]:.2f} ms on 5 axes, {times[1]:.2f} ms folded")


def norm_results(layer, x):
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(x)
    y.float().square().sum().backward()
    return [y.detach(), x.grad / x.grad.abs().max(), layer.running_mean, layer.running_var]


def milliseconds(layer, x, *, times=20):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for step in range(times + 3):
        if step == 3:
            start.record()
        layer(x)
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / times


def test_normalised_pictures_are_those_of_a_cpu():
    pictures = torch.randint(255, (2, 4, 4, 16, 16, 3), dtype=torch.uint8)
    found = transforms.normalise(pictures.cuda()).cpu()
    torch.testing.assert_close(found, transforms.normalise(pictures))
