"""Training steps, timed at a size that takes no time."""

import json

import pytest

from harness.cost.count import count
from harness.plan import measure_throughput, throughput
from harness.training import loop


def measured(trial, **changes):
    asked = {"device": "cpu", "threads": 1, "batch_videos": 2, "steps": 3} | changes
    return measure_throughput.measure(trial, table="table_b", row="DSA at II", **asked)


def test_every_step_after_the_first_ones_is_timed(tiny_trial):
    times = measure_throughput.step_seconds(tiny_trial, "cpu", 2, 4)
    assert len(times) == 4
    assert min(times) > 0


def test_the_loop_of_training_itself_is_timed(tiny_trial, monkeypatch):
    seen = []
    train = loop.train

    def watched(net, batches, spec, **rest):
        seen.append((spec.lr, rest["steps"]))
        return train(net, batches, spec, **rest)

    monkeypatch.setattr(loop, "train", watched)
    measure_throughput.step_seconds(tiny_trial, "cpu", 2, 4)
    assert seen == [(tiny_trial.train.lr, 6)]


def test_multiply_adds_follow_from_videos(tiny_trial):
    found = measured(tiny_trial)
    per_video = found.macs_per_second.median / found.videos_per_second.median
    assert per_video == pytest.approx(3 * count(tiny_trial).macs)
    assert found.videos_per_second.low <= found.videos_per_second.high


def test_a_plan_reads_what_was_measured(tiny_trial, tmp_path):
    found = measured(tiny_trial)
    path = tmp_path / "rate.json"
    path.write_text(json.dumps(measure_throughput.as_json(found)))
    rate = throughput.read_rate(path, scale="desk")
    assert rate.macs_per_second == found.macs_per_second.median
    assert rate.source == "measured on table_b/DSA at II, batch 2"


def test_a_device_that_is_not_there_is_refused(tiny_trial):
    with pytest.raises(ValueError, match="device cuda:9: this machine has"):
        measured(tiny_trial, device="cuda:9")
