from collections import Counter

import numpy as np
import pytest
import torch

from harness.data.datasets import desk_cue, desk_recipe
from harness.data.datasets.desk import CYCLE_FRAMES, NUM_FRAMES
from harness.data.reading.decode import read_frames

RECIPE = {"train_videos": 24, "test_videos": 24, "size_px": 16}


@pytest.fixture(scope="module")
def groups(tmp_path_factory):
    """The decoded sections of the test videos, in groups of four, and their labels."""
    videos = desk_cue.videos(tmp_path_factory.mktemp("cue"), **RECIPE)["test"]
    sections = [torch.split(read_frames(video.path), CYCLE_FRAMES) for video in videos]
    labels = [video.label for video in videos]
    return [(sections[at : at + 4], labels[at : at + 4]) for at in range(0, len(videos), 4)]


def test_the_four_videos_of_a_group_show_the_same_snippets(groups):
    """The first half of the proof of 50 %."""
    for sections, _ in groups:
        shown = {
            tuple(sorted(section.numpy().tobytes() for section in video)) for video in sections
        }
        assert len(shown) == 1


def test_what_a_place_shows_depends_on_the_order_or_on_the_cue_alone(groups):
    """The first half of the proof of 75 %: weights by place see one of the two at a time."""
    for (plain, swapped, late, late_swapped), _ in groups:
        for one, other in ((plain, swapped), (late, late_swapped)):  # the same cue
            assert torch.equal(one[0], other[0])
            assert torch.equal(one[3], other[3])
        for one, other in ((plain, late), (swapped, late_swapped)):  # the same order
            assert torch.equal(one[1], other[1])
            assert torch.equal(one[2], other[2])
        assert not torch.equal(plain[0], late[0])
        assert not torch.equal(plain[1], swapped[1])


def test_no_sum_of_what_order_and_cue_add_is_right_on_a_whole_group(groups):
    """The second half of both proofs."""
    rng = np.random.default_rng(0)
    order, cue = rng.normal(size=(2, 1000, 2))
    ceilings = desk_recipe.CEILINGS[desk_recipe.DESK_CUE]
    for _, labels in groups:
        assert set(Counter(labels).values()) == {2}
        sign = [1 if label == labels[0] else -1 for label in labels]
        leads = np.stack([order[:, k & 1] + cue[:, k >> 1] for k in range(4)])
        right = (leads.T * sign > 0).sum(axis=1)
        assert right.max() == 4 * ceilings["fixed weights of snippets"] / 100
        alike = (order[:, :1] * sign > 0).sum(axis=1)  # the same lead on all four
        assert alike.max() == 4 * ceilings["average of snippets"] / 100


@pytest.mark.slow
def test_every_class_occurs_equally_often(tmp_path):
    splits = desk_cue.videos(tmp_path, **RECIPE)
    for videos in splits.values():
        assert set(Counter(video.label for video in videos).values()) == {2}
        assert {video.frames for video in videos} == {NUM_FRAMES}


def test_a_late_cue_turns_the_order_round():
    first, second = desk_recipe.PAIRS[0]
    read = [desk_recipe.CLASSES[desk_cue.label_of(index)] for index in range(4)]
    assert read == [(first, second), (second, first), (second, first), (first, second)]


def test_the_cue_is_a_bar_that_no_other_section_shows():
    recipe = desk_recipe.cue_recipe(noise=0, wobble=0)
    for index in range(4):
        sections = np.split(desk_cue.draw(index, "train", recipe).astype(int), 4)
        is_still = [bool((section == section[0]).all()) for section in sections]
        assert is_still == [True, False, False, True]
        brightest = [section.max() for section in (sections[0], sections[3])]
        assert (brightest[1] > brightest[0]) == bool(index & 2)
