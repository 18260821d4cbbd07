"""Targets of the loader, at the size of the clips of Kinetics."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest
import torch

from benchmarks.reading import loader, run, videos
from benchmarks.reading.cases import SPEC
from harness.data import sampling

KIND = videos.KINDS[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench")
    videos.make(folder, 0, seconds=10, kinds=(KIND,))
    return folder


@pytest.mark.slow
def test_a_loader_process_holds_at_most_80_megabytes_of_its_own(folder):
    """Measured below a new process: what other tests left in this one would count as well."""
    measure = partial(loader.private_mb, [videos.path(folder, KIND, 0)], frames=300)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        held = pool.submit(measure).result()
    if held is None:
        pytest.skip("needs /proc/PID/smaps_rollup")
    assert 1 < held <= loader.MOST_MB


def test_private_memory_counts_private_pages_only():
    text = "Rss: 90 kB\nPrivate_Clean: 1000 kB\nPrivate_Dirty: 2000 kB\nPrivate_Hugetlb: 5 kB"
    assert loader._private(text) == 3000 * 1024 / 1e6


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    videos.make(folder, 0, seconds=3, kinds=videos.TINY)
    setting = run.Setting(folder=folder, clips=1, seconds=3, kinds=videos.TINY)
    return run.prepare(setting, videos.TINY[1])[0]


def test_a_part_is_what_a_loader_process_makes(clip):
    clips, labels, places = loader._part(clip)
    assert clips.shape == (1, 1, SPEC.num_snippets, SPEC.num_frames, 224, 224, 3)
    assert clips.dtype == torch.uint8
    assert (labels.tolist(), places.tolist()) == ([0], [0])


def test_decoding_alone_decodes_the_frames_of_that_part(clip, monkeypatch):
    asked = []

    def watched(*args):
        asked.append(found(*args).tolist())
        return found(*args)

    found = sampling.train_frames
    monkeypatch.setattr(sampling, "train_frames", watched)
    loader._part(clip)
    loader._decode(clip)
    first, second = asked
    assert first == second
