from dataclasses import replace

import numpy as np
import pytest

from harness.data import sampling
from harness.specs import DataSpec

SPEC = DataSpec(name="any", num_classes=2, num_snippets=4, num_frames=4, frame_stride=8)
SECTIONS = replace(SPEC, frame_stride=4, snippet_rule="sections")


def rng(seed=0):
    return np.random.default_rng(seed)


def test_snippets_start_in_equal_parts_of_the_possible_starts():
    starts = np.stack([sampling.train_frames(300, SPEC, rng(i))[:, 0] for i in range(2000)])
    room = 300 - 4 * 8 + 1
    assert starts.min(0).tolist() == [u * room // 4 for u in range(4)]
    assert starts.max(0).tolist() == [(u + 1) * room // 4 - 1 for u in range(4)]


def test_frames_of_a_snippet_are_a_stride_apart():
    assert (np.diff(sampling.train_frames(300, SPEC, rng())) == 8).all()


def test_a_test_pass_takes_every_other_snippet_of_eight():
    passes = sampling.test_frames(300, SPEC, num_passes=2)
    starts = passes[:, :, 0]
    assert np.sort(starts.ravel()).tolist() == starts.T.ravel().tolist()
    assert starts[0].tolist() == [16, 84, 151, 218]
    assert starts[1].tolist() == [50, 117, 184, 252]


def test_one_pass_is_centred_as_in_the_released_code():
    assert sampling.test_frames(300, SPEC, num_passes=1)[0, :, 0].tolist() == [33, 100, 168, 235]


def test_a_snippet_stays_in_its_section():
    for seed in range(200):
        frames = sampling.train_frames(64, SECTIONS, rng(seed))
        assert (frames // 16 == np.arange(4)[:, None]).all()
    for frames in sampling.test_frames(64, SECTIONS, num_passes=2):
        assert (frames // 16 == np.arange(4)[:, None]).all()


@pytest.mark.parametrize("rule", ["starts", "sections"])
@pytest.mark.parametrize("video_frames", [1, 3, 7, 31, 32, 33, 64])
def test_a_short_video_repeats_its_last_frame(rule, video_frames):
    spec = replace(SPEC, snippet_rule=rule)
    frames = sampling.train_frames(video_frames, spec, rng())
    tested = sampling.test_frames(video_frames, spec, num_passes=2)
    for indices in (frames, *tested):
        assert indices.shape == (4, 4)
        assert indices.min() >= 0
        assert indices.max() <= video_frames - 1
        assert (np.diff(indices, axis=1) >= 0).all()
