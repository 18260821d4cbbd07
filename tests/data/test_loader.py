import gc
import multiprocessing
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from harness import data
from harness.data import loader, sampling, transforms
from harness.data.dataset import ClipDataset, ClipRequest
from harness.data.loader import Loader
from harness.data.reading.decode import read_frames
from harness.data.reading.frame_cache import FrameCache
from harness.data.video import DamagedVideoError, Timing, Video
from harness.data.workers import LoadingError, Workers
from harness.specs import DataSpec, EvalSpec
from harness.utils import children
from tests.helpers import video_files

VIEWS = EvalSpec(num_passes=2, num_crops=3, crop_px=16, short_side_px=18)
SPEC = DataSpec(name="any", num_classes=2, num_frames=4, frame_stride=2, crop_px=16)
SIZES = {"landscape": (96, 64), "upright": (64, 96), "square": (64, 64), "one frame": (96, 64)}


@pytest.fixture(autouse=True)
def no_process_outlives_its_test():
    """End loader processes here: a death in a later test would interrupt the collection of these.

    Errors keep the frames of a test, and with them its loader, until garbage is collected.
    """
    gc.collect()
    yield
    gc.collect()
    assert multiprocessing.active_children() == []


@pytest.fixture
def splits(tiny_trial, runtime):
    return data.load_passport(tiny_trial.data, runtime.data).splits


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Hold videos of three shapes, and one of a single frame."""
    folder = tmp_path_factory.mktemp("odd")
    for name, (width, height) in SIZES.items():
        video_files.write(
            folder / f"{name}.mp4",
            video_files.KINDS["GOP 12"],
            frames=1 if name == "one frame" else 30,
            pictures=partial(video_files.picture, width=width, height=height),
        )
    return [
        Video(id=name, path=folder / f"{name}.mp4", labels=(0,), frames=1 if " " in name else 30)
        for name in SIZES
    ]


def start(trial, runtime, *, seed=0, batch_videos=8):
    return loader.start_workers(trial.data, batch_videos=batch_videos, seed=seed, runtime=runtime)


def batches(splits, trial, runtime, *, epoch=0, views=None, seed=0, batch_videos=8):
    workers = start(trial, runtime, seed=seed)
    videos = splits["test" if views else "train"]
    return list(Loader(videos, workers, views=views, batch_videos=batch_videos).epoch(epoch))


def same(left, right):
    return len(left) == len(right) and all(
        torch.equal(a, b)
        for x, y in zip(left, right, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def slow_on(name):
    """Give frames, but never those of one video; `reached` is set once they are asked for."""
    cache = FrameCache(10)
    read = cache.read
    cache.reached = multiprocessing.get_context("fork").Event()

    def late(video, wanted):
        if video.id == name:
            cache.reached.set()
            time.sleep(3600)
        return read(video, wanted)

    cache.read = late
    return cache


# At a child's death PyTorch raises from a signal handler, wherever the main thread is. Where
# multiprocessing was about to close a socket, the garbage collector does, with this warning.
raises_anywhere = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def kill_once(reached, pid):
    """Kill a process as soon as something is reached."""

    def wait():
        if reached.wait(300):
            os.kill(pid, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()


def test_a_batch_has_the_shape_of_the_design(splits, tiny_trial, runtime):
    clips, labels, indices = batches(splits, tiny_trial, runtime)[0]
    assert clips.shape == (8, 1, 4, 3, 4, 16, 16)
    assert labels.tolist() == [splits["train"][i].label for i in indices]


def test_views_are_passes_times_crops(splits, tiny_trial, runtime):
    loaded = batches(splits, tiny_trial, runtime, views=VIEWS, batch_videos=30)
    assert [batch.clips.shape[:3] for batch in loaded] == [(5, 6, 4), (5, 6, 4), (2, 6, 4)]
    assert torch.cat([batch.indices for batch in loaded]).tolist() == list(range(12))


@pytest.mark.slow
def test_seed_and_epoch_fix_every_batch(splits, tiny_trial, runtime):
    first = batches(splits, tiny_trial, runtime)
    assert same(first, batches(splits, tiny_trial, runtime))
    assert not same(first, batches(splits, tiny_trial, runtime, epoch=1))
    assert not same(first, batches(splits, tiny_trial, runtime, seed=1))


def test_the_cache_changes_no_pixel(splits, tiny_trial, runtime):
    cold = batches(splits, tiny_trial, replace(runtime, cache_mb=0), epoch=1)
    warm = Loader(splits["train"], start(tiny_trial, runtime), batch_videos=8)
    list(warm.epoch(0))
    assert len(warm.workers.dataset.cache.videos) == 24
    assert same(cold, list(warm.epoch(1)))


@pytest.mark.parametrize("crops", [1, 3])
@pytest.mark.parametrize("grouping", ["interleaved", "neighbouring", "released"])
def test_frames_read_once_give_the_views_of_whole_clips(odd, runtime, crops, grouping):
    views = replace(VIEWS, num_crops=crops, grouping=grouping)
    workers = loader.start_workers(SPEC, batch_videos=6, seed=0, runtime=runtime)
    (batch,) = Loader(odd, workers, views=views, batch_videos=60).epoch(0)
    table = sampling.view_table(views, 4)
    for video, clips in zip(odd, batch.clips, strict=True):
        wanted = sampling.test_frames(video.frames, SPEC, num_snippets=8)
        frames = transforms.short_side(read_frames(video.path)[wanted.ravel()], views)
        whole = transforms.cut_crops(frames, views).unflatten(1, (8, 4))
        old = transforms.normalise(whole[table[..., 0], table[..., 1]])
        assert torch.equal(clips, old)


def test_a_test_item_holds_each_frame_once_in_bytes(odd):
    item = ClipDataset(SPEC, seed=0, cache=FrameCache(0))[ClipRequest(odd[0], 0, views=VIEWS)]
    wanted = sampling.test_frames(30, SPEC, num_snippets=8)
    assert item.frames.shape == (len(np.unique(wanted)), 18, 27, 3)
    assert len(item.frames) < wanted.size
    assert item.frames.dtype == torch.uint8


def test_a_training_view_is_cut_from_frames_read_in_order(odd):
    item = ClipDataset(SPEC, seed=3, cache=FrameCache(0))[ClipRequest(odd[1], 1, epoch=2)]
    rng = np.random.default_rng((3, 2, 1))
    wanted = sampling.train_frames(30, SPEC, rng)
    crop = transforms.train_crop(read_frames(odd[1].path)[wanted.ravel()], SPEC, rng)
    assert torch.equal(item.clips, crop.unflatten(0, (1, 4, 4)))


def test_one_of_several_labels_is_drawn_in_training_and_the_first_is_tested(odd):
    clips = ClipDataset(SPEC, seed=0, cache=FrameCache(10))
    double = replace(odd[0], labels=(0, 1))
    items = [clips[ClipRequest(double, 0, epoch=epoch)] for epoch in range(20)]
    assert {item.label for item in items} == {0, 1}
    assert [clips[ClipRequest(double, 0, epoch=epoch)].label for epoch in range(20)] == [
        item.label for item in items
    ]
    for epoch, item in enumerate(items):
        assert torch.equal(item.clips, clips[ClipRequest(odd[0], 0, epoch=epoch)].clips)
    assert clips[ClipRequest(double, 0, views=VIEWS)].label == 0


def test_a_frame_rate_changes_which_frames_are_read(odd):
    slow = replace(odd[0], timing=Timing(unit="1/15360", step="512"))
    cache = FrameCache(10)
    for epoch in range(3):
        item = ClipDataset(replace(SPEC, fps=15.0), seed=0, cache=cache)[
            ClipRequest(slow, 0, epoch=epoch)
        ]
        rng = np.random.default_rng((0, epoch, 0))
        wanted = 2 * sampling.train_frames(15, SPEC, rng)
        crop = transforms.train_crop(read_frames(slow.path)[wanted.ravel()], SPEC, rng)
        assert torch.equal(item.clips, crop.unflatten(0, (1, 4, 4)))


def test_a_video_without_time_stamps_is_refused_before_anything_is_read(
    splits, tiny_trial, runtime
):
    spec = replace(tiny_trial.data, fps=30.0)
    workers = loader.start_workers(spec, batch_videos=8, seed=0, runtime=runtime)
    with pytest.raises(ValueError, match=r"train/00000: frames lack increasing presentation times"):
        Loader(splits["train"], workers, batch_videos=8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker processes")
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_number_of_workers_changes_no_pixel(splits, tiny_trial, runtime, count):
    alone, helped = (start(tiny_trial, replace(runtime, workers=n)) for n in (0, count))
    for split, views in (("train", None), ("test", VIEWS), ("train", None)):
        expected, found = (
            Loader(splits[split], workers, views=views, batch_videos=10).epoch(1)
            for workers in (alone, helped)
        )
        assert same(list(expected), list(found))


def test_loading_leaves_the_randomness_of_dropout_alone(splits, tiny_trial, runtime):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    batches(splits, tiny_trial, runtime)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.slow
def test_workers_are_there_before_the_first_batch_and_stay(splits, tiny_trial, runtime):
    workers = start(tiny_trial, replace(runtime, workers=2))
    children = {process.pid for process in multiprocessing.active_children()}
    pids = {process.pid for process in workers.processes}
    assert len(pids) == 2
    assert pids <= children
    train = Loader(splits["train"], workers, batch_videos=8)
    test = Loader(splits["test"], workers, views=VIEWS, batch_videos=8)
    for epoch in range(2):
        assert len(list(train.epoch(epoch))) == 3
        assert len(list(test.epoch(0))) == 12
        assert len(list(test.epoch(0, replace(VIEWS, num_passes=1)))) == 6
        assert {process.pid for process in multiprocessing.active_children()} == children


@pytest.mark.slow
def test_loader_processes_collect_no_garbage_of_the_process_that_forked_them(
    splits, tiny_trial, runtime
):
    before, marker = gc.get_freeze_count(), [[]]

    class Tracked(ClipDataset):
        def __getitem__(self, request):
            raise ValueError(f"tracked: {any(item is marker for item in gc.get_objects())}")

    dataset = Tracked(SPEC, seed=0, cache=FrameCache(0))
    workers = Workers(dataset, replace(runtime, workers=1))
    with pytest.raises(ValueError, match="tracked: False"):
        next(workers.chunks([[ClipRequest(splits["train"][0], 0)]]))
    assert any(item is marker for item in gc.get_objects())
    assert gc.get_freeze_count() <= before  # what was frozen before may have gone


def test_the_first_batch_alone_reads_no_other_video(splits, tiny_trial, runtime):
    test = Loader(splits["test"], start(tiny_trial, runtime), views=VIEWS, batch_videos=6)
    read, seen = test.workers.dataset.cache.read, set()
    test.workers.dataset.cache.read = lambda video, *args: (seen.add(video.id), read(video, *args))[
        1
    ]
    first = list(test.epoch(0, stop=1))
    expected = batches(splits, tiny_trial, runtime, views=VIEWS, batch_videos=6)
    assert same(first, expected[:1])
    assert seen == {splits["test"][index].id for index in expected[0].indices.tolist()}


@pytest.mark.slow
def test_an_epoch_that_was_left_does_not_reach_into_the_next(splits, tiny_trial, runtime):
    train = Loader(splits["train"], start(tiny_trial, replace(runtime, workers=1)), batch_videos=8)
    left = train.epoch(0)
    next(left)
    assert same(list(train.epoch(1)), batches(splits, tiny_trial, runtime, epoch=1))
    with pytest.raises(AssertionError, match="another epoch has begun"):
        next(left)


def test_training_takes_whole_batches_of_different_videos(splits, tiny_trial, runtime):
    seen = torch.cat([b.indices for b in batches(splits, tiny_trial, runtime, batch_videos=7)])
    assert len(seen) == len(set(seen.tolist())) == 21


def test_testing_takes_every_video_once_though_the_last_batch_is_small(splits, tiny_trial, runtime):
    seven = {"test": splits["test"][:7]}
    views = replace(VIEWS, num_passes=1, num_crops=1)
    loaded = batches(seven, tiny_trial, runtime, views=views, batch_videos=2)
    assert [len(batch.indices) for batch in loaded] == [2, 2, 2, 1]
    assert torch.cat([batch.indices for batch in loaded]).tolist() == list(range(7))


def test_a_batch_larger_than_the_data_is_refused(splits, tiny_trial, runtime):
    with pytest.raises(ValueError, match="24 videos are fewer than one batch of 25"):
        batches(splits, tiny_trial, runtime, batch_videos=25)


@pytest.mark.parametrize("count", [0, 1])
def test_a_damaged_video_is_told_in_the_same_words_with_and_without_workers(
    splits, tiny_trial, runtime, tmp_path, count
):
    gone = replace(splits["test"][3], path=Path(tmp_path / "gone.mp4"))
    workers = start(tiny_trial, replace(runtime, workers=count))
    test = Loader([*splits["test"][:3], gone], workers, views=VIEWS, batch_videos=6)
    with pytest.raises(DamagedVideoError, match=r"^[^\n]*gone\.mp4[^\n]*$"):
        list(test.epoch(0))


@pytest.mark.slow
def test_a_video_that_never_comes_is_named(splits, tiny_trial, runtime):
    clips = ClipDataset(tiny_trial.data, seed=0, cache=slow_on("test/00007"))
    workers = Workers(clips, replace(runtime, workers=2, loader_timeout_s=6))
    test = Loader(splits["test"], workers, views=VIEWS, batch_videos=6)
    expected = r"^no video came within 6 s; videos being read: test/00007$"
    with pytest.raises(LoadingError, match=expected):
        list(test.epoch(0))


@raises_anywhere
@pytest.mark.slow
def test_a_killed_worker_is_told_with_the_video_that_it_read(splits, tiny_trial, runtime):
    clips = ClipDataset(tiny_trial.data, seed=0, cache=slow_on("test/00007"))
    workers = Workers(clips, replace(runtime, workers=1, loader_timeout_s=300))
    workers.start()
    pid = workers.processes[0].pid
    test = Loader(splits["test"], workers, views=VIEWS, batch_videos=6)
    kill_once(clips.cache.reached, pid)
    expected = rf"^loader process {pid} was killed by SIGKILL; videos being read: test/00007$"
    # As in a trial: the death may surface between two batches as well.
    with pytest.raises(LoadingError, match=expected), workers.translate_errors():
        list(test.epoch(0))


@raises_anywhere
@pytest.mark.parametrize("error", [ConnectionResetError, EOFError, RuntimeError])
def test_a_transfer_that_a_death_breaks_off_is_told_as_the_death(error, tiny_trial, runtime):
    """A killed process closes its files before its parent can see that it has ended."""
    clips = ClipDataset(tiny_trial.data, seed=0, cache=FrameCache(10))
    workers = Workers(clips, replace(runtime, workers=1, loader_timeout_s=300))
    workers.start()

    def broken_transfer():
        with workers.translate_errors():
            os.kill(workers.processes[0].pid, signal.SIGKILL)
            if error is RuntimeError:
                workers.processes[0].join()
            raise error("Connection reset by peer")

    with pytest.raises(LoadingError, match="was killed by SIGKILL"):
        broken_transfer()


@pytest.mark.slow
def test_a_broken_connection_without_a_death_stays_what_it_is(tiny_trial, runtime, monkeypatch):
    monkeypatch.setattr("harness.data.workers._DEATH_S", 0.05)
    clips = ClipDataset(tiny_trial.data, seed=0, cache=FrameCache(10))
    workers = Workers(clips, replace(runtime, workers=1, loader_timeout_s=300))
    workers.start()
    with pytest.raises(ConnectionResetError), workers.translate_errors():
        raise ConnectionResetError


@raises_anywhere
@pytest.mark.slow
def test_a_death_is_noticed_in_a_thread_too(splits, tiny_trial, runtime, monkeypatch):
    monkeypatch.setattr("harness.data.workers._POLL_S", 2)
    clips = ClipDataset(tiny_trial.data, seed=0, cache=slow_on("test/00007"))
    workers = Workers(clips, replace(runtime, workers=1, loader_timeout_s=300))
    workers.start()
    test = Loader(splits["test"], workers, views=VIEWS, batch_videos=6)
    kill_once(clips.cache.reached, workers.processes[0].pid)
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # as where the main thread is Ray's
    try:
        with ThreadPoolExecutor(1) as pool:
            said = pool.submit(lambda: list(test.epoch(0))).exception(timeout=300)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "was killed by SIGKILL; videos being read: test/00007" in str(said)


@raises_anywhere
@pytest.mark.slow
def test_a_worker_killed_between_batches_is_told_as_well(splits, tiny_trial, runtime):
    workers = start(tiny_trial, replace(runtime, workers=1))
    train = Loader(splits["train"], workers, batch_videos=8).epoch(0)
    next(train)
    idle = 0
    while idle < 20:  # between two videos it is idle for a moment too
        idle = 0 if workers.current_videos[0] >= 0 else idle + 1
        time.sleep(0.05)

    def goes_on():
        os.kill(workers.processes[0].pid, signal.SIGKILL)
        for _ in range(6_000):
            time.sleep(0.05)

    told = r"SIGKILL; videos being read: none$"
    with pytest.raises(LoadingError, match=told), workers.translate_errors():
        goes_on()


@pytest.fixture
def gpu_is_in_use(monkeypatch):
    """Make loader processes start as they do where this process has initialised CUDA."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)


@pytest.mark.slow
@pytest.mark.usefixtures("gpu_is_in_use")
def test_a_process_with_cuda_forks_no_loader_and_has_the_same_batches(splits, tiny_trial, runtime):
    expected = batches(splits, tiny_trial, runtime)
    workers = start(tiny_trial, replace(runtime, workers=2))
    parents = {psutil.Process(process.pid).ppid() for process in workers.processes}
    assert len(workers.processes) == 2
    assert os.getpid() not in parents
    list(workers.loader)  # waits for them
    private = [psutil.Process(one.pid).memory_full_info().uss for one in workers.processes]
    assert max(private) < 80e6  # they share what the server has imported
    assert same(list(Loader(splits["train"], workers, batch_videos=8).epoch(0)), expected)


@pytest.mark.slow
@pytest.mark.usefixtures("gpu_is_in_use")
def test_a_killed_loader_that_is_no_child_of_this_process_is_named(
    splits, tiny_trial, runtime, monkeypatch
):
    monkeypatch.setattr("harness.data.workers._POLL_S", 2)
    workers = start(tiny_trial, replace(runtime, workers=1, loader_timeout_s=300))
    pid = workers.processes[0].pid
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(LoadingError, match=rf"^loader process {pid} was killed by SIGKILL; "):
        list(Loader(splits["train"], workers, batch_videos=8).epoch(0))


SCRIPT = """
import os, signal, sys, torch
from pathlib import Path
from harness.data import loader
from harness.runtime import Runtime
from harness.specs import DataSpec

print("once", flush=True)  # without a guard: no child may run this script again
torch.cuda.is_initialized = lambda: sys.argv[1] == "cuda"
spec = DataSpec(name="any", num_classes=2, num_frames=4, frame_stride=2, crop_px=16)
runtime = Runtime(results=Path(), data=Path(), workers=2)
workers = loader.start_workers(spec, batch_videos=2, seed=0, runtime=runtime)
print(*(process.pid for process in workers.processes), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_loaders_end_with_the_process_that_they_serve_and_do_not_run_its_script(device, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    words = children.command(str(script), device)
    with (tmp_path / "printed").open("w") as file:  # a pipe would wait for whoever is left
        done = subprocess.run(words, env=children.environment(), stdout=file, check=False)
    assert done.returncode == -signal.SIGKILL
    once, pids = (tmp_path / "printed").read_text().splitlines()
    assert once == "once"
    left = [psutil.Process(int(pid)) for pid in pids.split() if psutil.pid_exists(int(pid))]
    assert psutil.wait_procs(left, timeout=60)[1] == []
