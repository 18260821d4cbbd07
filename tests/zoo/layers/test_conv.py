"""A convolution by parts is the convolution of PyTorch."""

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from harness.zoo.layers.conv import Conv

KERNELS = [(1, 1, 1), (1, 3, 3), (3, 1, 1), (3, 3, 3), (5, 7, 7)]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size_px", [1, 2, 5])
@pytest.mark.parametrize(("stride", "time_stride"), [(1, 1), (2, 1), (2, 2)])
@pytest.mark.parametrize(("channels", "groups"), [(4, 1), (4, 2), (8, 1)])
def test_a_convolution_is_that_of_pytorch(kernel, size_px, stride, time_stride, channels, groups):
    torch.manual_seed(0)
    conv = Conv(channels, 6, kernel=kernel, stride=stride, time_stride=time_stride, groups=groups)
    x = torch.randn(2, channels, 4, size_px, size_px, requires_grad=True)
    found = conv(x)
    strides, padding = (time_stride, stride, stride), tuple(extent // 2 for extent in kernel)
    expected = F.conv3d(x, conv.weight, None, strides, padding, groups=groups)
    torch.testing.assert_close(found, expected)
    upstream = torch.randn_like(expected)
    leaves = (x, conv.weight)
    torch.testing.assert_close(
        torch.autograd.grad(found, leaves, upstream),
        torch.autograd.grad(expected, leaves, upstream),
    )
    assert conv.macs(found) == expected.numel() * conv.weight[0].numel()


@pytest.mark.parametrize("kernel", KERNELS[:2])
def test_single_pixels_stay_in_channels_last_memory(kernel):
    x = torch.randn(2, 4, 3, 1, 1).contiguous(memory_format=torch.channels_last_3d)
    assert Conv(4, 6, kernel=kernel)(x).stride() == (18, 1, 6, 6, 6)


TRAINED = """
import torch
from harness.zoo.layers.conv import Conv
kept = []
for channels in (2, 3, 4, 5, 6, 7):
    for width in (4, 8, 13, 16):
        conv = Conv(channels, width, kernel=(1, 1, 1), stride=2)
        x = torch.randn(64, channels, 8, 8, 8).contiguous(memory_format=torch.channels_last_3d)
        conv(x.requires_grad_()).square().mean().backward()
        kept += [torch.randn(count) for count in (1, 7, 36, 100)]
"""


@pytest.mark.slow
def test_training_with_few_channels_leaves_the_memory_of_the_process_whole():
    limits = {"ONEDNN_MAX_CPU_ISA": "AVX2", "MALLOC_CHECK_": "3"}
    done = subprocess.run(
        [sys.executable, "-c", TRAINED],
        env=os.environ | limits,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
