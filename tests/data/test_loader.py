from dataclasses import replace

import pytest
import torch

from harness import data
from harness.data.loader import Loader
from harness.specs import EvalSpec


@pytest.fixture
def splits(tiny_trial, runtime):
    return data.known(tiny_trial.data, runtime.data).splits


def batches(splits, trial, runtime, *, epoch=0, views=None, seed=0, batch_videos=8):
    videos = splits["test" if views else "train"]
    loader = Loader(
        videos, trial.data, views=views, batch_videos=batch_videos, seed=seed, runtime=runtime
    )
    return list(loader.epoch(epoch))


def same(left, right):
    return all(
        torch.equal(a, b)
        for x, y in zip(left, right, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def test_a_batch_has_the_shape_of_the_design(splits, tiny_trial, runtime):
    clips, labels, indices = batches(splits, tiny_trial, runtime)[0]
    assert clips.shape == (8, 1, 4, 3, 4, 16, 16)
    assert labels.tolist() == [splits["train"][i].label for i in indices]


def test_views_are_passes_times_crops(splits, tiny_trial, runtime):
    views = EvalSpec(num_passes=2, num_crops=3, crop_px=16, short_side_px=18)
    loaded = batches(splits, tiny_trial, runtime, views=views, batch_videos=5)
    assert [batch.clips.shape[:3] for batch in loaded] == [(5, 6, 4), (5, 6, 4), (2, 6, 4)]
    assert torch.cat([batch.indices for batch in loaded]).tolist() == list(range(12))


def test_seed_and_epoch_fix_every_batch(splits, tiny_trial, runtime):
    first = batches(splits, tiny_trial, runtime)
    assert same(first, batches(splits, tiny_trial, runtime))
    assert not same(first, batches(splits, tiny_trial, runtime, epoch=1))
    assert not same(first, batches(splits, tiny_trial, runtime, seed=1))


def test_the_cache_changes_no_pixel(splits, tiny_trial, runtime):
    cold = batches(splits, tiny_trial, replace(runtime, cache_mb=0), epoch=1)
    loader = Loader(splits["train"], tiny_trial.data, batch_videos=8, seed=0, runtime=runtime)
    list(loader.epoch(0))
    assert same(cold, list(loader.epoch(1)))


@pytest.mark.slow
def test_the_number_of_workers_changes_no_pixel(splits, tiny_trial, runtime):
    alone = batches(splits, tiny_trial, runtime, epoch=1)
    for workers in (1, 2):
        helped = replace(runtime, workers=workers)
        loader = Loader(splits["train"], tiny_trial.data, batch_videos=8, seed=0, runtime=helped)
        list(loader.epoch(0))
        assert same(alone, list(loader.epoch(1)))


def test_training_takes_whole_batches_of_different_videos(splits, tiny_trial, runtime):
    seen = torch.cat([b.indices for b in batches(splits, tiny_trial, runtime, batch_videos=7)])
    assert len(seen) == len(set(seen.tolist())) == 21


def test_a_batch_larger_than_the_data_is_refused(splits, tiny_trial, runtime):
    with pytest.raises(ValueError, match="24 videos do not fill one batch of 25"):
        batches(splits, tiny_trial, runtime, batch_videos=25)
