import io
import multiprocessing
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness import data, record, trial, video_scores
from harness.data import passport
from harness.data.reading import frame_cache
from harness.data.video import DamagedVideoError
from harness.training import checkpoint, evaluate, metrics, trainer
from harness.training.out_of_memory import DeviceMemoryError
from harness.training.view_limit import ViewLimit


def quiet(history):
    pass


class StoppedError(Exception):
    """A stand-in for the death of a process."""


@pytest.mark.slow
def test_a_trial_leaves_a_whole_record(tiny_trial, runtime):
    done = trial.run(tiny_trial, replace(runtime, campaign="spring"), quiet)
    assert record.read(runtime.results, done.key) == done
    assert done.metrics["videos"] == 12
    assert 0 <= done.metrics["top1"] <= done.metrics["top5"] <= 100
    assert [epoch["epoch"] for epoch in done.history] == [1, 2]
    assert all(epoch["val_top1"] is not None for epoch in done.history)
    assert done.provenance["campaign"] == "spring"
    assert done.params > 100_000
    assert done.gmacs > 0
    assert not runtime.work(done.key).exists()


@pytest.mark.slow
def test_trials_of_one_folder_share_decoded_videos_and_end_alike(tiny_trial, runtime, monkeypatch):
    direct = trial.run(tiny_trial, replace(runtime, cache_mb=0), quiet)
    assert not runtime.frames.exists()
    first = trial.run(tiny_trial, runtime, quiet)
    assert len([*runtime.frames.iterdir()]) == 36
    monkeypatch.setattr(frame_cache, "open_video", None)
    monkeypatch.setattr(frame_cache, "read_planned", None)
    second = trial.run(tiny_trial, runtime, quiet)
    assert direct.scores_sha256 == first.scores_sha256 == second.scores_sha256


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="the kernel lists no mappings")
@pytest.mark.parametrize("fails", [False, True])
def test_a_trial_leaves_no_video_mapped(fails, tiny_trial, runtime, monkeypatch):
    """A process that runs many trials would meet the limit on its mappings."""
    trial.run(tiny_trial, runtime, quiet)
    if fails:
        monkeypatch.setattr(evaluate, "score", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            trial.run(replace(tiny_trial, seed=1), runtime, quiet)
    else:
        trial.run(replace(tiny_trial, seed=1), runtime, quiet)
    assert str(runtime.frames) not in Path("/proc/self/maps").read_text()


def test_what_fails_in_scoring_fails_before_the_first_epoch(tiny_trial, runtime, monkeypatch):
    """At paper scale no epoch scores anything: too little memory would show after all of them."""
    late = replace(tiny_trial, evaluation=replace(tiny_trial.evaluation, every_epochs=0))

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(evaluate, "_logits", full)
    seen = []
    with pytest.raises(DeviceMemoryError, match="not even one test view fits"):
        trial.run(late, runtime, seen.append)
    assert seen == []


@pytest.mark.slow
def test_a_limit_on_views_bounds_the_batches_of_scoring(tiny_trial, runtime, monkeypatch):
    views = replace(tiny_trial.evaluation, num_passes=2, num_crops=3, every_epochs=0)
    wide = replace(tiny_trial, evaluation=views, train=replace(tiny_trial.train, batch_videos=24))
    monkeypatch.setattr(trial, "view_limit", lambda *_: ViewLimit(views=13))
    sizes, score_views = [], evaluate.score_views

    def noted(net, batch, precision, limit):
        sizes.append((len(batch.clips), limit.views))
        return score_views(net, batch, precision, limit)

    monkeypatch.setattr(evaluate, "score_views", noted)
    trial.run(wide, runtime, quiet)
    assert set(sizes) == {(2, 13)}  # 4 videos have as many views as a batch of training has


def test_what_fails_in_counting_fails_before_the_first_epoch(tiny_trial, runtime, monkeypatch):
    def unknown(_):
        raise TypeError("no counting rule for the layer SyncBatchNorm")

    monkeypatch.setattr(trial.cache, "in_training", unknown)
    seen = []
    with pytest.raises(TypeError, match="no counting rule"):
        trial.run(tiny_trial, runtime, seen.append)
    assert seen == []


@pytest.mark.slow
def test_scores_of_every_video_are_kept(tiny_trial, runtime):
    done = trial.run(tiny_trial, runtime, quiet)
    kept = np.load(record.scores_path(runtime.results, done))
    assert kept["scores"].shape == (12, 12)
    top1 = 100 * (kept["scores"].argmax(1) == kept["labels"]).mean()
    assert top1 == pytest.approx(done.metrics["top1"])
    assert len(set(kept["ids"])) == 12


@pytest.mark.slow
def test_videos_of_several_labels_are_scored_by_all_of_them(tiny_trial, runtime, tmp_path):
    splits = data.load_passport(tiny_trial.data, runtime.data).splits
    several = {
        split: [replace(video, labels=(video.label, 12)) for video in videos]
        for split, videos in splits.items()
    }
    elsewhere = replace(runtime, data=tmp_path / "data")
    passport.write(
        data.passport_path("activitynet", elsewhere.data), passport.complete_passport(several)
    )
    spec = replace(tiny_trial.data, name="activitynet", options={}, num_classes=13)
    views = replace(tiny_trial.evaluation, average="probabilities")
    done = trial.run(replace(tiny_trial, data=spec, evaluation=views), elsewhere, quiet)
    found = video_scores.read(runtime.results, done)
    assert found.targets.sum(1).tolist() == [2] * 12
    assert found.scores.sum(1) == pytest.approx(np.ones(12))
    right = found.targets[np.arange(12), found.scores.argmax(1)]
    assert done.metrics["top1"] == pytest.approx(100 * right.mean())
    assert done.metrics["map"] == metrics.mean_average_precision(found.scores, found.targets)


@pytest.mark.slow
def test_equal_trials_end_with_equal_numbers(tiny_trial, runtime, tmp_path):
    first = trial.run(tiny_trial, runtime, quiet)
    second = trial.run(tiny_trial, replace(runtime, results=tmp_path / "again"), quiet)
    assert first.scores_sha256 == second.scores_sha256
    other = trial.run(replace(tiny_trial, seed=1), runtime, quiet)
    assert other.scores_sha256 != first.scores_sha256


@pytest.mark.slow
def test_a_stopped_trial_goes_on_and_ends_with_the_same_bits(tiny_trial, runtime, tmp_path):
    undisturbed = trial.run(tiny_trial, replace(runtime, results=tmp_path / "whole"), quiet)

    def stop(history):
        if len(history) == 1:
            raise StoppedError

    with pytest.raises(StoppedError):
        trial.run(tiny_trial, runtime, stop)
    assert record.read(runtime.results, undisturbed.key) is None
    seen = []
    resumed = trial.run(tiny_trial, runtime, lambda history: seen.append(len(history)))
    assert seen == [1, 2]
    assert resumed.resumed_epochs == [1]
    assert resumed.scores_sha256 == undisturbed.scores_sha256


@pytest.mark.slow
def test_loader_processes_come_before_the_network_and_change_no_number(
    tiny_trial, runtime, tmp_path, monkeypatch
):
    before = set(multiprocessing.active_children())
    alone = trial.run(tiny_trial, replace(runtime, results=tmp_path / "alone"), quiet)
    build, seen = trial.build, []

    def watched(*args, **kwargs):
        seen.append(len(set(multiprocessing.active_children()) - before))
        return build(*args, **kwargs)

    monkeypatch.setattr(trial, "build", watched)
    helped = trial.run(tiny_trial, replace(runtime, workers=2), quiet)
    assert seen[0] == 2
    assert helped.scores_sha256 == alone.scores_sha256
    assert set(multiprocessing.active_children()) == before


class TouchedError(Exception):
    """The first use of a GPU."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true")
def test_nothing_touches_a_gpu_before_the_loader_processes_are_there(
    tiny_trial, runtime, monkeypatch
):
    before = set(multiprocessing.active_children())

    def touch():
        raise TouchedError(len(set(multiprocessing.active_children()) - before))

    monkeypatch.setattr(torch.cuda, "_lazy_init", touch)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(TouchedError, match=r"^2$"):
        trial.run(tiny_trial, replace(runtime, device="cuda", workers=2), quiet)


@pytest.mark.slow
def test_a_record_counts_the_videos_whose_last_frame_repeats(tiny_trial, runtime):
    assert trial.run(tiny_trial, runtime, quiet).data["short"] == {"train": 0, "test": 0}
    splits = data.load_passport(tiny_trial.data, runtime.data).splits
    sparse = replace(tiny_trial.data, frame_stride=6)
    assert trial.count_short(splits, sparse) == {"train": 24, "test": 12}


@pytest.mark.slow
def test_a_damaged_checkpoint_costs_one_epoch_not_the_trial(tiny_trial, runtime, tmp_path):
    undisturbed = trial.run(tiny_trial, replace(runtime, results=tmp_path / "whole"), quiet)
    kept = replace(runtime, keep_checkpoints=True)
    trial.run(tiny_trial, kept, quiet)
    work = runtime.work(undisturbed.key)
    newest = sorted(work.glob("*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:-1])
    assert len(checkpoint.load_newest(work)["history"]) == 1
    again = trial.run(tiny_trial, runtime, quiet)
    assert again.scores_sha256 == undisturbed.scores_sha256


@pytest.mark.slow
def test_a_damaged_video_stops_the_trial_by_name(tiny_trial, runtime, data_root, tmp_path):
    copied = replace(runtime, data=tmp_path / "data")
    trial.run(tiny_trial, runtime, quiet)
    shutil.copytree(data_root, copied.data)
    video = data.load_passport(tiny_trial.data, data_root).splits["train"][7]
    victim = copied.data / video.path.relative_to(data_root)
    victim.write_bytes(victim.read_bytes() + b"x")
    with pytest.raises(DamagedVideoError, match=victim.name):
        trial.run(tiny_trial, copied, quiet)


def test_settings_that_do_not_fit_the_data_are_refused(tiny_trial, runtime):
    greedy = replace(tiny_trial, train=replace(tiny_trial.train, batch_videos=1000))
    with pytest.raises(ValueError, match="are fewer than one batch of 1000"):
        trial.run(greedy, runtime, quiet)


def test_initial_weights_are_never_left_out_in_silence(tiny_trial, runtime):
    start = replace(tiny_trial, model=replace(tiny_trial.model, weights="resnet50-0676ba61.pth"))
    with pytest.raises(ValueError, match=r"initial weights resnet50-0676ba61\.pth are required"):
        trial.run(start, runtime, quiet)


@pytest.mark.slow
def test_the_scores_file_carries_its_hash(tiny_trial, runtime):
    from hashlib import sha256

    done = trial.run(tiny_trial, runtime, quiet)
    content = record.scores_path(runtime.results, done).read_bytes()
    assert sha256(content).hexdigest() == done.scores_sha256
    assert np.load(io.BytesIO(content), allow_pickle=False)["scores"].dtype == np.float32


@pytest.mark.slow
def test_a_trial_killed_within_an_epoch_ends_with_the_same_bits(
    tiny_trial, runtime, tmp_path, monkeypatch
):
    """What is on disk when it stops is what a kill would leave: files appear whole."""
    whole = trial.run(tiny_trial, replace(runtime, results=tmp_path / "whole"), quiet)
    saving = replace(runtime, checkpoint_every_s=1e-9)
    step, steps = trainer.Trainer._step, iter(range(100))

    def stop_in_the_second_epoch(*args, **named):
        if next(steps) == 5:  # the third of three
            raise StoppedError
        return step(*args, **named)

    with monkeypatch.context() as patched:
        patched.setattr(trainer.Trainer, "_step", stop_in_the_second_epoch)
        with pytest.raises(StoppedError):
            trial.run(tiny_trial, saving, quiet)
    assert [path.name[:17] for path in runtime.work(whole.key).glob("epoch-0001.*")] == [
        "epoch-0001.000002"
    ]
    first_steps = []

    def noted(owner, batch, lr, **named):
        first_steps.append(lr)
        return step(owner, batch, lr, **named)

    monkeypatch.setattr(trainer.Trainer, "_step", noted)
    resumed = trial.run(tiny_trial, saving, quiet)
    assert len(first_steps) == 1
    assert resumed.resumed_epochs == [1]
    clock = ("seconds", "waited_s", "finished_ms")
    for one, other in zip(resumed.history, whole.history, strict=True):
        assert {k: v for k, v in one.items() if k not in clock} == {
            k: v for k, v in other.items() if k not in clock
        }
    assert (resumed.scores_sha256, resumed.key) == (whole.scores_sha256, whole.key)
    assert not runtime.work(whole.key).exists()


@pytest.mark.slow
def test_runtime_switches_change_no_key_and_stand_in_the_record(tiny_trial, runtime, tmp_path):
    plain = trial.run(tiny_trial, runtime, quiet)
    switched = replace(runtime, results=tmp_path / "other", activation_checkpointing=True)
    done = trial.run(tiny_trial, switched, quiet)
    assert (done.key, done.code) == (plain.key, plain.code)
    assert done.scores_sha256 == plain.scores_sha256
    assert done.provenance["activation_checkpointing"] is True
    assert not {"activation_checkpointing", "compiled"} & set(plain.provenance)
    assert record.read(switched.results, done.key) == done
    assert 0 <= done.provenance["waited_share"] <= 1
    assert 0 <= plain.provenance["waited_share"] <= 1
