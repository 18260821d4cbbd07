"""The order of copies and kernels on a GPU, with fakes in place of its streams."""

from contextlib import contextmanager

import pytest
import torch

from harness.data import side_stream
from harness.data.side_stream import SideStream


class Stream:
    """A stream that notes what waits for it."""

    def __init__(self, name, log):
        self.name, self.log = name, log

    def wait_stream(self, other):
        self.log.append(f"{self.name} waits for {other.name}")


class OnGpu:
    is_cuda = True

    def __init__(self, log):
        self.log = log

    def record_stream(self, stream):
        self.log.append(f"memory kept for {stream.name}")


@pytest.fixture
def log(monkeypatch):
    noted = []
    compute = Stream("compute", noted)

    @contextmanager
    def stream(chosen):
        noted.append(f"on {chosen.name}")
        yield
        noted.append(f"off {chosen.name}")

    def make(device):
        noted.append(f"made on {device}")
        return Stream("side", noted)

    monkeypatch.setattr(side_stream.torch.cuda, "Stream", make)
    monkeypatch.setattr(side_stream.torch.cuda, "stream", stream)
    monkeypatch.setattr(side_stream.torch.cuda, "current_stream", lambda device: compute)
    return noted


def test_a_gpu_copies_on_the_side_and_waits_before_it_computes(log):
    side = SideStream(torch.device("cuda", 1))
    assert log == []  # processes are forked before anything touches a GPU
    for _ in range(2):
        with side.used():
            log.append("copy")
        side.hand_over([OnGpu(log), torch.zeros(1)])
    batch = ["on side", "copy", "off side", "compute waits for side", "memory kept for compute"]
    assert log == ["made on cuda:1", *batch, *batch]


def test_a_cpu_has_no_streams(log):
    side = SideStream(torch.device("cpu"))
    with side.used():
        pass
    side.hand_over([torch.zeros(1)])
    assert log == []


def test_a_loader_makes_each_batch_on_the_side_and_hands_it_over(tiny_trial, runtime, monkeypatch):
    from harness import data
    from harness.data import loader

    videos = data.load_passport(tiny_trial.data, runtime.data).splits["train"]
    workers = loader.start_workers(tiny_trial.data, batch_videos=8, seed=0, runtime=runtime)
    batches = loader.Loader(videos, workers, batch_videos=8)
    log = []

    @contextmanager
    def used():
        log.append("on")
        yield
        log.append("off")

    monkeypatch.setattr(batches.side_stream, "used", used)
    monkeypatch.setattr(batches.side_stream, "hand_over", lambda batch: log.append(len(batch)))
    for _ in batches.epoch(0, stop=2):
        log.append("taken")
    assert log == ["on", "off", 3, "taken"] * 2


def test_an_epoch_without_its_first_batches_is_the_rest_of_it(tiny_trial, runtime):
    from harness import data
    from harness.data import loader

    videos = data.load_passport(tiny_trial.data, runtime.data).splits["train"]
    workers = loader.start_workers(tiny_trial.data, batch_videos=8, seed=0, runtime=runtime)
    batches = loader.Loader(videos, workers, batch_videos=8)
    whole, rest = list(batches.epoch(1)), list(batches.epoch(1, start=1))
    assert len(whole) == 3
    for one, other in zip(whole[1:], rest, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
