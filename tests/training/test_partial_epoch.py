"""Saves within an epoch, and resumption from them."""

import io
import itertools
from collections import namedtuple
from dataclasses import replace

import pytest
import torch
from torch import nn

from harness.specs import TrainSpec
from harness.training import loop, partial_epoch
from harness.training.loop import StepSaves
from harness.training.partial_epoch import SaveTimer

Batch = namedtuple("Batch", "clips labels indices")
SPEC = TrainSpec(epochs=3, batch_videos=8, lr=0.1, clip_grad_norm=1.0, warmup_epochs=1)
STEPS = 6


def net():
    """Build a network with random numbers and running averages, the state besides weights."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.Linear(16, 3)
    )


def batches(epoch, start=0):
    generator = torch.Generator().manual_seed(epoch)
    for step in range(STEPS):
        clips = torch.randn(8, 1, 1, 6, generator=generator)
        if step >= start:
            yield Batch(clips, clips[:, 0, 0, :3].argmax(1), torch.arange(8))


def fit(spec=SPEC, *, resume=None, every_s=None, make=batches, saved=None):
    """Train; return the network, its history, and what was saved within epochs."""
    model, saved = net(), {} if saved is None else saved

    def save(state, epoch, step):
        buffer = io.BytesIO()
        torch.save(state, buffer)
        saved[epoch, step] = torch.load(io.BytesIO(buffer.getvalue()), weights_only=True)

    history = loop.train(
        model,
        make,
        spec,
        steps=STEPS,
        seed=3,
        resume=resume,
        validate=lambda _: None,
        report=lambda *_: None,
        step_saves=StepSaves(every_s=every_s, save=save) if every_s else None,
    )
    return model, history, saved


def numbers(history):
    return [(row.epoch, row.loss, row.train_top1, row.lr) for row in history]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_resumed_within_an_epoch_ends_with_the_same_bits(precision):
    spec = replace(SPEC, precision=precision)
    whole, history, _ = fit(spec)
    watched, _, saved = fit(spec, every_s=1e-9)
    assert {(0, 2), (1, 3), (2, STEPS - 1)} <= set(saved)
    assert all(0 < step < STEPS for _, step in saved)
    for state in (saved[0, 2], saved[1, 3], saved[2, STEPS - 1]):
        torch.manual_seed(99)
        resumed, again, _ = fit(spec, resume=state)
        assert numbers(again) == numbers(history)
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, resumed.state_dict()[name]), name
            assert torch.equal(tensor, watched.state_dict()[name]), name


def test_a_resumed_epoch_asks_for_the_other_batches_alone():
    _, _, saved = fit(every_s=1e-9)
    asked = []

    def noted(epoch, start=0):
        asked.append((epoch, start))
        return batches(epoch, start)

    fit(resume=saved[1, 3], make=noted)
    assert asked == [(1, 3), (2, 0)]


def test_seconds_and_waits_of_a_resumed_epoch_go_on(monkeypatch):
    looks = itertools.count()
    monkeypatch.setattr(partial_epoch.time, "monotonic", lambda: next(looks) / 1000)
    _, _, saved = fit(every_s=1e-9)
    state = saved[1, 3]
    state["within"] |= {"seconds": 1000.0, "waited_s": 400.0}
    _, history, _ = fit(resume=state)
    assert 1000 < history[1].seconds < 1100
    assert 400 < history[1].waited_s < 500
    assert history[2].seconds < 100


def test_nothing_is_saved_before_its_time():
    assert fit(every_s=3600.0)[2] == {}
    assert fit()[2] == {}


def test_a_timer_is_due_once_a_period_and_on_rank_0_alone(monkeypatch):
    now = 0.0
    monkeypatch.setattr(partial_epoch.time, "monotonic", lambda: now)
    timer = SaveTimer(10.0)
    due = []
    for now in (5.0, 10.0, 11.0, 19.0, 25.0):  # noqa: B007 -- read by the clock
        due.append(timer.is_due())
    assert due == [False, True, False, False, True]
    monkeypatch.setattr(partial_epoch.distributed, "rank", lambda: 1)
    now = 100.0
    assert not timer.is_due()


def test_a_state_within_an_epoch_is_refused_by_another_number_of_ranks():
    _, _, saved = fit(every_s=1e-9)
    state = saved[1, 3]
    state["within"]["ranks"] *= 2
    with pytest.raises(ValueError, match=r"within epoch 2, by 2 ranks, and 1 cannot resume there"):
        fit(resume=state)


def test_a_loss_that_is_not_finite_is_never_saved():
    def poisoned(epoch, start=0):
        for step, batch in enumerate(batches(epoch, start)):
            yield batch._replace(clips=batch.clips * (float("nan") if step == 3 else 1))

    saved = {}
    with pytest.raises(ArithmeticError, match="loss is nan in epoch 1 at step 3"):
        fit(every_s=1e-9, make=poisoned, saved=saved)
    assert saved
    for state in saved.values():
        assert all(tensor.isfinite().all() for tensor in state["net"].values())
