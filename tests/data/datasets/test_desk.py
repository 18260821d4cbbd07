import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness import data
from harness.data import passport, sampling
from harness.data.datasets import desk, desk_recipe
from harness.data.reading.decode import read_frames
from harness.data.video import DamagedVideoError

RECIPE = {"train_videos": 24, "test_videos": 12, "size_px": 16}


def digest(splits):
    return passport.complete_passport(splits).digest


@pytest.mark.slow
def test_equal_seeds_give_equal_bytes(tmp_path):
    first, second = (desk.videos(tmp_path / name, **RECIPE) for name in ("a", "b"))
    assert digest(first) == digest(second)
    other = desk.videos(tmp_path / "a", **(RECIPE | {"seed": 1}))
    assert digest(first) != digest(other)


@pytest.mark.slow
def test_every_class_occurs_equally_often_in_both_splits(tmp_path):
    splits = desk.videos(tmp_path, **RECIPE)
    assert set(Counter(video.label for video in splits["train"]).values()) == {2}
    assert set(Counter(video.label for video in splits["test"]).values()) == {1}
    assert len(desk_recipe.CLASSES) == 12
    assert all(first != second for first, second in desk_recipe.CLASSES)


def test_a_class_and_its_reverse_show_the_same_halves(tmp_path):
    """What one half shows does not depend on its place."""
    rng = np.random.default_rng(0)
    one, two = rng.integers(0, 256, (2, 32, 24, 24, 3), dtype=np.uint8)
    for name, halves in {"ab": (one, two), "ba": (two, one)}.items():
        desk.write_mp4(tmp_path / f"{name}.mp4", np.concatenate(halves))
    forward, backward = (read_frames(tmp_path / f"{name}.mp4") for name in ("ab", "ba"))
    assert torch.equal(forward[:32], backward[32:])
    assert torch.equal(forward[32:], backward[:32])


@pytest.mark.slow
def test_twins_show_an_averaging_network_the_same_snippets(tmp_path, tiny_trial):
    """The proof of the 50 % ceiling: both orders of two halves, the same set of snippets."""
    videos = desk.videos(tmp_path, **RECIPE)["test"]
    starts = sampling.test_frames(desk.NUM_FRAMES, tiny_trial.data, num_snippets=8)
    for video, twin in zip(videos[::2], videos[1::2], strict=True):
        assert desk_recipe.CLASSES[video.label] == desk.CLASSES[twin.label][::-1]
        shown = [
            sorted(
                read_frames(each.path)[torch.from_numpy(snippet)].numpy().tobytes()
                for snippet in starts
            )
            for each in (video, twin)
        ]
        assert shown[0] == shown[1]


def test_no_snippet_touches_both_halves(tiny_trial):
    for seed, (start, stop) in itertools.product(range(50), ((0, 2), (2, 4))):
        rng = np.random.default_rng(seed)
        frames = sampling.train_frames(desk.NUM_FRAMES, tiny_trial.data, rng)
        assert (frames[start:stop] // (desk.NUM_FRAMES // 2) == start // 2).all()


def test_growing_and_shrinking_cycles_show_the_same_pictures():
    """The proof of the 25 % ceiling: single frames do not tell the direction."""
    recipe = {"size_px": 16, "noise": 0, "wobble": 0, "faint": 96, "hidden": 0, "seed": 0}
    cycles = []
    for way in ("grow", "shrink"):
        background = np.zeros((16, 16, 3), dtype=int)
        half = desk.draw_shape(np.random.default_rng(5), (way, "disc"), background, recipe)
        cycles.append([picture.tobytes() for picture in half[: desk.CYCLE_FRAMES]])
    assert sorted(cycles[0]) == sorted(cycles[1])
    assert cycles[0] != cycles[1]


@pytest.mark.slow
def test_a_perfect_network_fails_on_two_of_three_hidden_halves():
    """The top of the desk scale: a half without its shape can be any of the three others."""
    full = desk_recipe.recipe()
    drawn = (desk.draw(index, "test", full) for index in range(full["test"]))
    hidden = sum(
        any(np.ptp(half.astype(int), axis=0).max() <= 2 * full["noise"] for half in halves)
        for halves in (np.split(pictures, 2) for pictures in drawn)
    )
    seen = full["test"] - hidden
    assert 100 * (seen + hidden / 3) / full["test"] == desk_recipe.PERFECT


def test_an_altered_file_is_named(tmp_path):
    video = desk.videos(tmp_path, **RECIPE)["test"][3]
    content = bytearray(video.path.read_bytes())
    content[len(content) // 2] ^= 1
    video.path.write_bytes(content)
    with pytest.raises(DamagedVideoError, match=r"test/00003\.mp4.*differs"):
        desk.videos(tmp_path, **RECIPE)


@pytest.mark.slow
def test_a_missing_file_is_named(tmp_path):
    desk.videos(tmp_path, **RECIPE)["train"][5].path.unlink()
    with pytest.raises(DamagedVideoError, match=r"train/00005\.mp4.*missing"):
        desk.videos(tmp_path, **RECIPE)


@pytest.mark.slow
def test_an_interrupted_start_is_finished_with_what_is_there(tmp_path):
    splits = desk.videos(tmp_path, **RECIPE)
    first = splits["train"][0].path
    before = first.stat().st_mtime_ns
    (first.parents[1] / "passport.json").unlink()
    splits["train"][1].path.unlink()
    again = desk.videos(tmp_path, **RECIPE)
    assert digest(again) == digest(splits)
    assert first.stat().st_mtime_ns == before


@pytest.mark.slow
def test_progress_counts_every_video(tmp_path):
    seen = []
    desk.videos(tmp_path, **RECIPE, progress=lambda *step: seen.append(step))
    assert seen == [("desk videos", done, 36) for done in range(1, 37)]


def test_an_unknown_data_set_gets_the_nearest_name(tiny_trial, runtime):
    with pytest.raises(ValueError, match="did you mean 'desk'"):
        data.load_passport(replace(tiny_trial.data, name="dsk"), runtime.data)
