"""Batch norm of clips as one of pictures: the same numbers, by other kernels."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness.training.folded_batch_norm import fold_batch_norms


def run(layer, x, upstream):
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = layer(x)
    y.backward(upstream)
    return [y.detach(), x.grad, layer.weight.grad, layer.bias.grad, *layer.buffers()]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("channels_last", [True, False])
def test_folded_batch_norm_gives_the_same_values_gradients_and_averages(
    training, dtype, channels_last
):
    plain, folded = nn.BatchNorm3d(6), nn.Sequential(nn.BatchNorm3d(6))
    fold_batch_norms(folded)
    x, upstream = torch.randn(2, 3, 6, 4, 5, 5, dtype=dtype).unbind(0)
    if channels_last:
        x, upstream = (t.contiguous(memory_format=torch.channels_last_3d) for t in (x, upstream))
    results = [run(layer.to(dtype).train(training), x, upstream) for layer in (plain, folded[0])]
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(
            one, other, rtol=0, atol=1e-5 if dtype == torch.float32 else 1e-13
        )
    assert results[0][0].stride() == results[1][0].stride()


def test_batch_norm_gets_channels_last_pictures_and_never_a_copy(monkeypatch):
    seen, batch_norm = [], F.batch_norm

    def spy(x, *args, **named):
        seen.append(x)
        return batch_norm(x, *args, **named)

    monkeypatch.setattr(F, "batch_norm", spy)
    net = nn.Sequential(nn.BatchNorm3d(6))
    fold_batch_norms(net)
    x = torch.randn(3, 6, 4, 5, 5).contiguous(memory_format=torch.channels_last_3d)
    net(x)
    assert seen[0].shape == (12, 6, 5, 5)
    assert seen[0].is_contiguous(memory_format=torch.channels_last)
    assert seen[0].data_ptr() == x.data_ptr()
    net(x.contiguous())
    assert seen[1].shape == (3, 6, 4, 5, 5)


def test_folding_keeps_names_parameters_and_other_layers():
    net = nn.Sequential(nn.BatchNorm3d(2), nn.BatchNorm1d(2), nn.SyncBatchNorm(2))
    before, kinds = (
        dict(net.named_parameters()),
        [isinstance(layer, nn.SyncBatchNorm) for layer in net],
    )
    names = list(net.state_dict())
    fold_batch_norms(net)
    assert list(net.state_dict()) == names
    assert all(before[name] is parameter for name, parameter in net.named_parameters())
    assert [isinstance(layer, nn.SyncBatchNorm) for layer in net] == kinds
    assert type(net[1]) is nn.BatchNorm1d


def test_folded_batch_norm_over_ranks_folds_too():
    """In evaluation mode it needs no ranks, and runs on a CPU."""
    net = nn.Sequential(nn.SyncBatchNorm(6)).eval()
    x = torch.randn(3, 6, 4, 5, 5).contiguous(memory_format=torch.channels_last_3d)
    before = net(x)
    fold_batch_norms(net)
    torch.testing.assert_close(net(x), before)
    assert net(x).shape == x.shape
