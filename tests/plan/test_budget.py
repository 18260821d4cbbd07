"""What a plan costs, against sums made by hand."""

import json
from dataclasses import replace

import pytest

from experiments.recipes import I3D_R18, on_ten_snippets
from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import record, trial
from harness.cost import cache
from harness.cost.count import count
from harness.plan import budget, grid, throughput
from harness.plan.throughput import Rate
from harness.training import checkpoint
from tests.helpers.tiny_trials import shrunk
from tests.test_record import made

ROW = EXPERIMENT.rows[3].trial
RATE = Rate(device="d", macs_per_second=1e12, source="s", is_measured=True)


def listed(results, *, scale=desk, seeds=2):
    return grid.trials(
        EXPERIMENT,
        rescale=scale,
        seeds=seeds,
        passport=lambda each: "p",
        code=lambda each: {"m": "c"},
        results=results,
    )


def test_training_costs_three_forward_passes_of_whole_batches():
    done = budget.estimate_workload(ROW)
    forward = count(ROW).macs
    assert done.training_macs == 3 * forward * (80_000 // 96 * 96) * 100
    assert done.videos_read == 79_968 * 100 + 5_000


def test_evaluation_is_counted_at_the_test_crop_with_the_snippets_of_a_pass():
    ten = on_ten_snippets(I3D_R18)
    wide = replace(ten, data=replace(ten.data, num_snippets=10, crop_px=256))
    assert budget.estimate_workload(ten).evaluation_macs == count(wide).macs * 3 * 5_000


def test_the_curve_is_part_of_the_evaluation():
    small = desk(ROW)
    without = replace(small, evaluation=replace(small.evaluation, every_epochs=0))
    extra = (
        budget.estimate_workload(small).evaluation_macs
        - budget.estimate_workload(without).evaluation_macs
    )
    curve_points = small.train.epochs // small.evaluation.every_epochs
    assert extra == count(small).macs * 480 * curve_points


@pytest.mark.slow
def test_what_is_planned_is_what_a_trial_does_and_leaves(tmp_path, data_root, tiny_trial):
    from harness.runtime import Runtime

    runtime = Runtime(results=tmp_path, data=data_root, keep_checkpoints=True)
    done = trial.run(tiny_trial, runtime, lambda _: None)
    expected = budget.estimate_workload(tiny_trial)
    kept = sum(path.stat().st_size for path in runtime.work(done.key).glob("*.pt"))
    assert expected.checkpoint_bytes == pytest.approx(kept, rel=0.05)
    scores = record.scores_path(tmp_path, done).stat().st_size
    assert scores == pytest.approx(expected.score_bytes, abs=1_500)
    text = (tmp_path / "records" / f"{done.key}.json").stat().st_size
    assert text == pytest.approx(expected.record_bytes, rel=0.25)
    assert done.params == cache.in_training(tiny_trial).params


def test_recorded_trials_cost_nothing(tmp_path):
    for each in listed(tmp_path)[:3]:
        record.write(tmp_path, made(each.trial, code="c"), b"")
    spent = budget.estimate_budget(listed(tmp_path), [], scale="desk", rate=RATE, devices=2)
    assert (spent.trials, spent.recorded, spent.to_run) == (12, 3, 9)
    works = [budget.estimate_workload(each.trial) for each in listed(tmp_path)[3:]]
    assert spent.work.training_macs == sum(each.training_macs for each in works)
    assert spent.running_checkpoint_bytes < sum(each.checkpoint_bytes for each in works)


def test_time_follows_from_a_rate(tmp_path):
    spent = budget.estimate_budget(
        listed(tmp_path, scale=lambda each: each), [], scale="paper", rate=RATE, devices=8
    )
    macs = spent.work.training_macs + spent.work.evaluation_macs
    assert spent.time.total == pytest.approx(macs / 1e12 / 3600)
    assert spent.time.at_least == pytest.approx(max(spent.time.longest, spent.time.total / 8))
    assert spent.time.unit == "GPU-hours"


def test_desk_time_is_that_of_the_same_row_or_the_median(tmp_path):
    trials = listed(tmp_path, seeds=1)
    own = replace(made(trials[0].trial), seconds=60.0)
    other = replace(made(trials[1].trial), seconds=120.0)
    broken = replace(made(trials[2].trial), seconds=1e9, resumed_epochs=[1])
    paper = replace(made(ROW), seconds=1e9)
    spent = budget.estimate_budget(
        trials, [own, other, broken, paper], scale="desk", rate=None, devices=2
    )
    assert spent.time.total == pytest.approx(1 + 2 + 4 * 1.5)


def test_time_is_unknown_without_records_or_rate(tmp_path):
    spent = budget.estimate_budget(listed(tmp_path), [], scale="desk", rate=None, devices=2)
    assert spent.time is None
    assert "unknown: no record at this scale yet" in budget.text(spent)


def test_an_assumption_is_marked_as_one(tmp_path):
    paper = listed(tmp_path, scale=lambda each: each)
    spent = budget.estimate_budget(
        paper, [], scale="paper", rate=throughput.assumed_rate("h200"), devices=8
    )
    assert "(ASSUMED, h200: 989 TFLOP/s" in " ".join(budget.text(spent).split())
    assert budget.as_json(spent)["time"]["is_assumed"] is True


def test_rates_are_a_share_of_the_peak_that_is_printed():
    assert throughput.assumed_rate("h200").macs_per_second == pytest.approx(989e12 / 2 * 0.15)
    with pytest.raises(ValueError, match="unknown GPU 'h20'; did you mean 'h200'"):
        throughput.assumed_rate("h20")


def measured(path, **changes):
    row = {"table": "t", "row": "r", "scale": "paper", "device_name": "x", "batch_videos": 4}
    path.write_text(json.dumps(row | {"macs_per_second": {"median": 5.0}} | changes))
    return path


def test_a_measured_rate_is_read_back(tmp_path):
    found = throughput.read_rate(measured(tmp_path / "m"), scale="paper")
    assert (found.macs_per_second, found.device, found.is_measured) == (5.0, "x", True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scale": "desk"}, "measured at desk scale, not at paper scale"),
        ({"macs_per_second": 5}, "is not an output of bench-step --json"),
        ({"macs_per_second": {"median": 0}}, "measure it again"),
        ({"macs_per_second": {"median": float("nan")}}, "it holds NaN, which is not JSON"),
        ({"macs_per_second": {"median": "inf"}}, "measure it again"),
        ({"scale": "x" * 5_000}, r"x\.\.\. \(5,000 characters\) scale, not at paper scale"),
    ],
)
def test_a_file_that_measured_nothing_of_use_is_refused(tmp_path, changes, said):
    with pytest.raises(ValueError, match=said):
        throughput.read_rate(measured(tmp_path / "m", **changes), scale="paper")


def test_what_is_no_measurement_is_refused(tmp_path):
    for content in ("", "[]", "[" * 100_000, '{"scale": "\\ud800"}'):
        (tmp_path / "m").write_text(content)
        with pytest.raises(ValueError, match="m is not an output of bench-step --json"):
            throughput.read_rate(tmp_path / "m", scale="paper")


def test_checkpoints_are_those_that_are_kept():
    assert budget.estimate_workload(shrunk(ROW)).checkpoint_bytes % checkpoint.KEPT == 0


PAPER = {"scale": "paper", "rate": RATE, "devices": 8}


def test_gpus_that_share_a_trial_shorten_it_and_cost_the_same(tmp_path):
    trials = listed(tmp_path, scale=lambda each: each, seeds=1)
    alone = budget.estimate_budget(trials, [], **PAPER).time
    shared = budget.estimate_budget(trials, [], **PAPER, devices_per_trial=8).time
    assert shared.total == pytest.approx(alone.total)
    assert shared.longest == pytest.approx(alone.longest / 8)
    assert shared.at_least == pytest.approx(alone.total / 8)
    four = budget.estimate_budget(trials, [], **PAPER, devices_per_trial=4).time
    assert four.at_least == pytest.approx(max(four.longest, alone.total / 8))


def test_the_time_of_a_trial_is_the_longer_one_of_training_and_reading(tmp_path):
    (trial,) = listed(tmp_path, scale=lambda each: each, seeds=1)[3:4]
    work = budget.estimate_workload(trial.trial)
    training_h = (work.training_macs + work.evaluation_macs) / RATE.macs_per_second / 3600 / 2
    reading_h = work.videos_read / 17 / 3600 / 2
    for workers, hours in ((1, max(reading_h, training_h)), (1000, training_h)):
        spent = budget.estimate_budget([trial], [], **PAPER, devices_per_trial=2, workers=workers)
        assert spent.time.longest == pytest.approx(hours)
        assert spent.time.total == pytest.approx(2 * hours)
    none = budget.estimate_budget([trial], [], **PAPER, devices_per_trial=2, workers=0)
    assert none.time.longest == pytest.approx(training_h + reading_h)
    slow = Rate(device="d", macs_per_second=1e15, source="s", is_measured=True)
    text = budget.text(
        budget.estimate_budget([trial], [], scale="paper", rate=slow, devices=8, workers=4)
    )
    assert "reading        reading bounds the longest trial: " in text
    assert f"{work.videos_read / 17 / 4 / 3600:,.1f} h\n" in text.replace(" from", "\n")


def test_without_workers_reading_is_left_out(tmp_path):
    spent = budget.estimate_budget(listed(tmp_path, scale=lambda each: each), [], **PAPER)
    assert spent.time.loading == ""
    assert "\nreading" not in budget.text(spent)
