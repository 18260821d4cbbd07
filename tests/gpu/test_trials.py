"""Trials on a GPU against those on a CPU, through the loaders, to their records."""

import os
from dataclasses import replace

import psutil
import pytest
import torch

from harness import data, record, trial
from harness.data import loader
from harness.schedule import serial
from harness.training.trainer import Trainer
from tests.gpu import MARKS
from tests.helpers import kill_points

pytestmark = MARKS


def quiet(_history):
    pass


@pytest.fixture
def on_gpu(runtime, tmp_path):
    return replace(runtime, device="cuda", workers=2, results=tmp_path / "gpu")


def assert_alike(found, expected):
    """Compare two records of a tiny trial; rounding grows tenfold a step."""
    assert (found.key, found.code) == (expected.key, expected.code)
    losses, others = ([epoch["loss"] for epoch in done.history] for done in (found, expected))
    assert losses[0] == pytest.approx(others[0], rel=1e-2)
    assert losses[1] == pytest.approx(others[1], rel=0.2)
    assert found.metrics["videos"] == expected.metrics["videos"]


def test_a_desk_trial_is_that_of_a_cpu(tiny_trial, runtime, on_gpu, exact):
    done = trial.run(tiny_trial, on_gpu, quiet)
    assert_alike(done, trial.run(tiny_trial, runtime, quiet))
    assert record.read(on_gpu.results, done.key) == done
    assert done.provenance["device"] == torch.cuda.get_device_name()
    assert done.provenance["float32"] == "float32"


def test_batches_copied_on_the_side_are_those_of_a_cpu(tiny_trial, runtime, on_gpu):
    videos = data.load_passport(tiny_trial.data, runtime.data).splits["train"]
    found = []
    for here in (runtime, on_gpu):
        workers = loader.start_workers(tiny_trial.data, batch_videos=8, seed=0, runtime=here)
        batches = loader.Loader(videos, workers, batch_videos=8)
        busy = torch.randn(2048, 2048, device="cuda")
        epochs = []
        for epoch in range(3):
            for batch in batches.epoch(epoch):
                busy = (busy @ busy).clamp(-1, 1)  # what a copy must not overtake
                epochs.append(
                    (batch.clips.double().sum((1, 2, 3, 4, 5, 6)).cpu(), batch.labels.cpu())
                )
        found.append(epochs)
    for (clips, labels), (other_clips, other_labels) in zip(*found, strict=True):
        torch.testing.assert_close(clips, other_clips, rtol=1e-4, atol=1e-2)
        assert torch.equal(labels, other_labels)


def test_a_trial_killed_within_an_epoch_resumes_there(tiny_trial, on_gpu, monkeypatch, exact):
    saving = replace(on_gpu, checkpoint_every_s=1e-9)
    step, steps = Trainer._step, iter(range(100))

    def stop(*args, **named):
        if next(steps) == 5:
            raise KeyboardInterrupt
        return step(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_step", stop)
        with pytest.raises(KeyboardInterrupt):
            trial.run(tiny_trial, saving, quiet)
    done = trial.run(tiny_trial, saving, quiet)
    assert done.resumed_epochs == [1]
    whole = trial.run(tiny_trial, replace(on_gpu, results=on_gpu.results / "whole"), quiet)
    assert_alike(done, whole)


@pytest.fixture
def loader_parents(monkeypatch):
    """Note the parents of the loader processes of each trial."""
    parents, start = [], loader.start_workers

    def noting(*args, **named):
        workers = start(*args, **named)
        parents.append({psutil.Process(process.pid).ppid() for process in workers.processes})
        return workers

    monkeypatch.setattr(loader, "start_workers", noting)
    return parents


def test_two_trials_run_one_after_the_other_in_one_process(on_gpu, loader_parents):
    """A process that has used the GPU forks no loader of the second."""
    first = kill_points.one(on_gpu)
    other = replace(first.trial, seed=1)
    digest = data.load_passport(other.data, on_gpu.data).digest
    second = replace(first, trial=other, key=record.trial_key(other, digest))
    events = []
    serial.run_serially([first, second], on_gpu, events.append)
    assert [event.failure for event in events if event.failure] == []
    for planned in (first, second):
        assert record.read(on_gpu.results, planned.key) is not None
    assert len(loader_parents) == 2
    assert os.getpid() not in loader_parents[1]


@pytest.mark.parametrize("switch", ["compiled", "activation_checkpointing"])
def test_a_switch_of_the_runtime_leaves_a_trial_alike(tiny_trial, on_gpu, switch, exact):
    plain = trial.run(tiny_trial, replace(on_gpu, results=on_gpu.results / "plain"), quiet)
    done = trial.run(tiny_trial, replace(on_gpu, **{switch: True}), quiet)
    assert_alike(done, plain)
    assert done.provenance[switch] is True


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_a_trial_in_mixed_precision_ends_with_a_record(tiny_trial, on_gpu, precision):
    mixed = replace(tiny_trial, train=replace(tiny_trial.train, precision=precision))
    done = trial.run(mixed, on_gpu, quiet)
    assert all(epoch["loss"] < 10 for epoch in done.history)
