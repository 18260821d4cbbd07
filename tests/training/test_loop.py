import math
import time
from collections import namedtuple
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from harness.specs import TrainSpec
from harness.training import loop, optim, out_of_memory, trainer
from harness.utils import distributed

Batch = namedtuple("Batch", "clips labels indices")
SPEC = TrainSpec(epochs=4, batch_videos=8, lr=0.1, clip_grad_norm=1.0)


def net():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3)
    )


def batches(epoch):
    generator = torch.Generator().manual_seed(epoch)
    for step in range(5):
        clips = torch.randn(8, 1, 1, 6, generator=generator)
        yield Batch(clips, clips[:, 0, 0, :3].argmax(1), torch.arange(8) + step)


def fit(spec=SPEC, *, make=batches, resume=None, states=None, model=None):
    model = model or net()
    kept = [] if states is None else states

    def report(history, state):
        copied = {"net": {k: v.clone() for k, v in state["net"].items()}}
        kept.append(torch.load(_bytes(state | copied), weights_only=True))

    history = loop.train(
        model, make, spec, steps=5, seed=3, resume=resume, validate=lambda _: None, report=report
    )
    return model, history


def _bytes(state):
    import io

    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    return buffer


def test_training_lowers_the_loss():
    _, history = fit()
    assert history[-1].loss < 0.7 * history[0].loss
    assert [epoch.epoch for epoch in history] == [1, 2, 3, 4]


@pytest.mark.parametrize("stop", [1, 2, 3])
@pytest.mark.parametrize("schedule", ["step", "cosine", "one_cycle"])
def test_a_resumed_run_ends_with_the_same_bits(stop, schedule):
    spec = TrainSpec(epochs=4, batch_videos=8, lr=0.1, schedule=schedule, warmup_epochs=1.5)
    states = []
    whole, history = fit(spec, states=states)
    torch.manual_seed(99)
    resumed, again = fit(spec, resume=states[stop - 1], model=net().apply(_scramble))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    assert [epoch.loss for epoch in again] == [epoch.loss for epoch in history]


def _scramble(layer):
    for parameter in layer.parameters():
        nn.init.normal_(parameter)


def test_a_loss_that_is_not_finite_stops_the_trial():
    def poisoned(epoch):
        for step, batch in enumerate(batches(epoch)):
            yield batch._replace(clips=batch.clips * (math.nan if (epoch, step) == (1, 2) else 1))

    with pytest.raises(
        trainer.NonFiniteLossError, match=r"nan in epoch 2 at step 7.*videos at \[2, 3"
    ):
        fit(make=poisoned)


def test_the_wait_for_batches_is_part_of_an_epoch(monkeypatch):
    now = 0.0

    def late(epoch):
        nonlocal now
        for batch in batches(epoch):
            now += 0.5 * (epoch == 1)
            yield batch

    def work(*_):
        nonlocal now
        now += 1.0

    model, clock = net(), SimpleNamespace(monotonic=lambda: now, time_ns=time.time_ns)
    model.register_forward_hook(work)
    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(trainer, "time", clock)
    prompt, waited, *_ = fit(make=late, model=model)[1]
    assert (prompt.waited_s, prompt.seconds) == (0, 5)
    assert (waited.waited_s, waited.seconds) == (2.5, 7.5)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_trains(precision):
    if precision == "float16" and not torch.cuda.is_available():
        pytest.skip("float16 needs a GPU")
    spec = TrainSpec(epochs=4, batch_videos=8, lr=0.1, precision=precision)
    assert fit(spec)[1][-1].loss < 0.8 * fit(spec)[1][0].loss


def without_dropout():
    model = net().double()
    model[3].p = 0.0
    return model


def doubles(epoch):
    return [batch._replace(clips=batch.clips.double()) for batch in batches(epoch)]


@pytest.mark.parametrize("norm", [1, 2, 4, 8])
def test_a_batch_in_chunks_is_the_batch_in_one_pass(norm):
    whole, one = fit(make=doubles, model=without_dropout())
    parts, many = fit(replace(SPEC, norm_videos=norm), make=doubles, model=without_dropout())
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor, parts.state_dict()[name], rtol=0, atol=1e-12)
    assert [each.loss for each in many] == pytest.approx([each.loss for each in one], abs=1e-12)
    assert [each.train_top1 for each in many] == [each.train_top1 for each in one]


def test_chunks_with_the_statistics_of_training_left_alone_are_one_pass():
    class Frozen(nn.BatchNorm1d):
        def forward(self, x):
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias
            )

    def frozen():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), Frozen(6), nn.Linear(6, 3)).double()

    whole, _ = fit(make=doubles, model=frozen())
    parts, _ = fit(replace(SPEC, norm_videos=2), make=doubles, model=frozen())
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor, parts.state_dict()[name], rtol=0, atol=1e-12)


def test_batch_norm_sees_the_videos_of_one_chunk_and_counts_every_chunk():
    seen = []

    class Spy(nn.BatchNorm1d):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), Spy(6), nn.Linear(6, 3))
    spec = replace(SPEC, epochs=1, norm_videos=2)
    fit(spec, model=model)
    assert seen == [2] * 20
    assert model[1].num_batches_tracked == 20
    mean = torch.zeros(6)
    for batch in batches(0):
        for chunk in batch.clips.flatten(1).split(2):
            mean = 0.9 * mean + 0.1 * chunk.mean(0)
    assert torch.allclose(model[1].running_mean, mean, atol=1e-6)


@pytest.mark.parametrize("norm", [3, 16])
def test_a_batch_that_its_norms_do_not_divide_is_refused(norm):
    with pytest.raises(ValueError, match=f"norm_videos={norm} does not divide batch_videos=8; set"):
        replace(SPEC, norm_videos=norm)


def test_steps_drop_at_milestones_after_warm_up():
    spec = TrainSpec(epochs=10, batch_videos=1, lr=1.0, milestones=(5, 8), warmup_epochs=2)
    rates = [optim.learning_rate(spec, 10 * epoch, 10) for epoch in range(10)]
    assert rates == pytest.approx([0.01, 0.505, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_cosines_rise_and_end_near_zero(schedule):
    spec = TrainSpec(epochs=10, batch_videos=1, lr=1.0, schedule=schedule, warmup_epochs=2)
    rates = [optim.learning_rate(spec, step, 10) for step in range(100)]
    assert rates.index(max(rates)) == 20
    assert max(rates) == pytest.approx(1)
    assert rates[-1] < 1e-3
    assert all(a > b for a, b in pairwise(rates[20:]))


def test_gradients_are_clipped():
    gentle = TrainSpec(epochs=1, batch_videos=8, lr=0.1, clip_grad_norm=1e-9, weight_decay=0.0)
    before = net().state_dict()
    after = fit(gentle)[0].state_dict()
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)


class Small(nn.Module):
    """A network for which a device has room for some videos only, in a step with a gradient."""

    def __init__(self, room):
        super().__init__()
        self.net = net()
        self.room = room

    def forward(self, clips):
        if len(clips) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.net(clips)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "norm_videos", "message"),
    [
        (7, None, "8 videos at a time do not fit into the memory of this machine; 7 would: pass"),
        (3, 4, "4 videos at a time do not fit into the memory of this machine; 3 would: pass"),
        (0, None, r"8 videos at a time do not fit .* machine; nor would one: pass a smaller"),
    ],
)
def test_a_batch_that_does_not_fit_is_told_with_what_would(room, norm_videos, message):
    with pytest.raises(ValueError, match=message):
        fit(replace(SPEC, norm_videos=norm_videos), model=Small(room))


def test_a_batch_in_small_chunks_fits():
    _, history = fit(replace(SPEC, norm_videos=2), model=Small(2))
    assert len(history) == 4


@pytest.mark.parametrize("room", range(9))
def test_the_largest_number_that_fits_is_found_by_trying(room):
    tried = []

    def fits(number):
        tried.append(number)
        return number <= room

    assert out_of_memory.largest_fit(fits, below=9) == room
    assert len(tried) <= 4


class _Limited(torch.autograd.Function):
    """The identity, whose backward pass runs out of memory on more videos than some number."""

    @staticmethod
    def forward(ctx, x, most):
        ctx.most = most
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        if len(gradient) > ctx.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return gradient, None


class _LimitedNet(nn.Sequential):
    def forward(self, x):
        *first, last = self
        for layer in first:
            x = layer(x)
        return last(_Limited.apply(x, 2))


@pytest.mark.slow
@pytest.mark.parametrize("norm_videos", [None, 4])
def test_too_little_memory_in_a_backward_pass_of_ranks_is_told_with_the_size_that_fits(
    tmp_path, monkeypatch, norm_videos
):
    """The wrapper of ranks takes no further pass after one that broke off."""
    store = dist.FileStore(str(tmp_path / "store"), 1)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    monkeypatch.setattr(distributed, "data_parallel", DistributedDataParallel)
    try:
        told = f"{norm_videos or 8} videos at a time do not fit into the memory .*; 2 would: pass"
        with pytest.raises(out_of_memory.DeviceMemoryError, match=told):
            fit(replace(SPEC, norm_videos=norm_videos), model=_LimitedNet(*net()))
    finally:
        dist.destroy_process_group()
