from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from harness.data import sampling
from harness.data.video import Timing, Video
from harness.specs import DataSpec, EvalSpec

SPEC = DataSpec(name="any", num_classes=2, num_snippets=4, num_frames=4, frame_stride=8)
SECTIONS = replace(SPEC, frame_stride=4, snippet_rule="sections")
SPREAD = replace(SPEC, num_snippets=1, num_frames=8, frame_stride=1, snippet_rule="frames")


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
    starts = sampling.test_frames(300, SPEC, num_snippets=8)[:, 0]
    table = sampling.view_table(EvalSpec(num_passes=2), 4)
    assert starts[table[0, :, 1]].tolist() == [16, 84, 151, 218]
    assert starts[table[1, :, 1]].tolist() == [50, 117, 184, 252]


def test_one_pass_is_centred_as_in_the_released_code():
    assert sampling.test_frames(300, SPEC, num_snippets=4)[:, 0].tolist() == [33, 100, 168, 235]


def test_a_snippet_stays_in_its_section():
    for seed in range(200):
        frames = sampling.train_frames(64, SECTIONS, rng(seed))
        assert (frames // 16 == np.arange(4)[:, None]).all()
    frames = sampling.test_frames(64, SECTIONS, num_snippets=8)
    assert (frames // 16 == np.arange(8)[:, None] // 2).all()


def test_spread_frames_are_drawn_one_from_each_equal_part():
    drawn = np.stack([sampling.train_frames(50, SPREAD, rng(seed))[0] for seed in range(2000)])
    bounds = [part * 50 // 8 for part in range(9)]
    assert drawn.min(0).tolist() == bounds[:-1]
    assert drawn.max(0).tolist() == [bound - 1 for bound in bounds[1:]]


def test_spread_frames_are_centred_in_their_parts_at_test():
    assert sampling.test_frames(80, SPREAD, num_snippets=1).tolist() == [
        [5, 15, 25, 35, 45, 55, 65, 75]
    ]


@pytest.mark.parametrize("num_snippets", [1, 2])
def test_every_pass_over_spread_frames_sees_the_whole_video(num_snippets):
    spec = replace(SPREAD, num_snippets=num_snippets, num_frames=4)
    frames = sampling.test_frames(480, spec, num_snippets=3 * num_snippets)
    passes = sampling.view_table(EvalSpec(num_passes=3), num_snippets)[..., 1]
    count = 4 * num_snippets
    for order, snippets in enumerate(passes):
        seen = frames[snippets].ravel()
        assert (seen // (480 // count)).tolist() == list(range(count))
        assert (seen % (480 // count)).tolist() == [(2 * order + 1) * 480 // (6 * count)] * count


def test_spread_frames_refuse_snippets_that_are_no_whole_passes():
    spec = replace(SPREAD, num_snippets=4)
    with pytest.raises(ValueError, match="10 snippets are not a multiple of the U = 4 of a pass"):
        sampling.test_frames(64, spec, num_snippets=10)


def test_a_video_is_short_for_spread_frames_if_one_repeats():
    assert [sampling.is_short(frames, SPREAD) for frames in (7, 8)] == [True, False]


@pytest.mark.parametrize("rule", ["starts", "sections", "frames"])
@pytest.mark.parametrize("video_frames", [1, 3, 7, 31, 32, 33, 64])
def test_a_short_video_repeats_its_last_frame(rule, video_frames):
    spec = replace(SPEC, snippet_rule=rule, frame_stride=1 if rule == "frames" else 8)
    frames = sampling.train_frames(video_frames, spec, rng())
    tested = sampling.test_frames(video_frames, spec, num_snippets=4)
    for indices in (frames, tested):
        assert indices.shape == (4, 4)
        assert indices.min() >= 0
        assert indices.max() <= video_frames - 1
        assert (np.diff(indices, axis=1) >= 0).all()


def test_a_single_snippet_is_drawn_from_every_section():
    single = replace(SECTIONS, num_snippets=1, num_sections=4)
    drawn = [sampling.train_frames(64, single, rng(seed)) for seed in range(100)]
    assert {int(frames[0, 0]) // 16 for frames in drawn} == {0, 1, 2, 3}
    assert all((frames // 16 == frames[0, 0] // 16).all() for frames in drawn)


def test_snippets_that_do_not_divide_among_sections_are_refused():
    with pytest.raises(ValueError, match="10 snippets are not a multiple of 4 sections"):
        sampling.test_frames(64, SECTIONS, num_snippets=10)


@pytest.mark.parametrize("grouping", ["interleaved", "neighbouring", "released"])
def test_every_crop_of_every_snippet_is_seen_once(grouping):
    table = sampling.view_table(EvalSpec(num_passes=2, num_crops=3, grouping=grouping), 4)
    assert table.shape == (6, 4, 2)
    seen = {(int(crop), int(snippet)) for crop, snippet in table.reshape(-1, 2)}
    assert seen == {(crop, snippet) for crop in range(3) for snippet in range(8)}


@pytest.mark.parametrize(
    ("grouping", "snippets"), [("interleaved", [0, 2, 4, 6]), ("neighbouring", [0, 1, 2, 3])]
)
def test_a_view_shows_one_crop_in_the_order_of_time(grouping, snippets):
    table = sampling.view_table(EvalSpec(num_passes=2, num_crops=3, grouping=grouping), 4)
    assert (table[..., 0] == table[:, :1, 0]).all()
    assert (np.diff(table[..., 1], axis=1) > 0).all()
    assert table[0, :, 1].tolist() == snippets


def test_the_released_order_mixes_crops_and_snippets():
    views = EvalSpec(num_passes=2, num_crops=3, grouping="released")
    first, second, third = sampling.view_table(views, 4)[:3].tolist()
    assert first == [[0, 0], [0, 1], [0, 2], [0, 6]]
    assert second == [[0, 7], [1, 0], [1, 4], [1, 5]]
    assert third == [[1, 6], [2, 2], [2, 3], [2, 4]]


def timed(frames, **timing):
    return Video(id="v", path=Path("v"), labels=(0,), frames=frames, timing=Timing(**timing))


@pytest.mark.parametrize(
    ("step", "unit", "rate", "frames", "expected"),
    [
        ("512", "1/15360", 30.0, 300, list(range(300))),
        ("100/3", "1/1000", 30.0, 300, list(range(300))),
        ("1001", "1/30000", 29.97, 4, [0, 1, 2, 3]),
        ("256", "1/15360", 30.0, 7, [0, 2, 4, 6]),
        ("40", "1/1000", 30.0, 5, [0, 0, 1, 2, 3, 4]),
        ("40", "1/1000", 12.5, 5, [0, 2, 4]),
        ("40", "1/1000", 0.1, 5, [0]),
    ],
)
def test_a_frame_of_a_rate_is_the_last_one_shown_by_then(step, unit, rate, frames, expected):
    video = timed(frames, unit=unit, step=step)
    assert sampling.timeline(video, rate).tolist() == expected
    assert sampling.timeline_frames(video, rate) == len(expected)


def test_a_frame_is_shown_through_a_gap():
    gap = timed(6, unit="1/600", stamps=(0, 20, 40, 140, 160, 180))
    assert sampling.timeline(gap, 30.0).tolist() == [0, 1, 2, 2, 2, 2, 2, 3, 4, 5]
    assert sampling.timeline_frames(gap, 30.0) == 10


def test_time_stamps_in_milliseconds_lose_no_frame():
    stamps = tuple(round(1000 * frame / 30) + 500 * (frame > 4) for frame in range(10))
    found = sampling.timeline(timed(10, unit="1/1000", stamps=stamps), 30.0)
    assert found.tolist() == [0, 1, 2, 3, *[4] * 16, 5, 6, 7, 8, 9]


@pytest.mark.slow
def test_a_rate_agrees_with_time_stamps_one_by_one():
    times = np.cumsum(rng(1).integers(1, 90, 50))
    times -= times[0]
    video = timed(50, unit="1/600", stamps=tuple(times.tolist()))
    for rate in (1.0, 7.0, 24.0, 59.94):
        unit = Fraction(1, 600)
        moments = [Fraction(k) / Fraction(str(rate)) + unit / 2 for k in range(3000)]
        end = (2 * times[-1] - times[-2]) * unit
        expected = [
            max(i for i in range(50) if times[i] * unit <= moment)
            for moment in moments
            if moment - unit / 2 < end
        ]
        assert sampling.timeline(video, rate).tolist() == expected


def test_without_a_rate_the_frames_are_those_of_the_file():
    video = timed(6, unit="1/600", stamps=(0, 20, 40, 140, 160, 180))
    assert sampling.timeline(video, None).tolist() == list(range(6))


def test_a_single_frame_makes_a_timeline():
    assert sampling.timeline(timed(1, unit="1/600", stamps=(0,)), 30.0).tolist() == [0]


@pytest.mark.parametrize("timing", [None, {"stamps": (0, 20, 20)}, {"step": "0"}])
def test_a_rate_needs_time_stamps_that_increase(timing):
    video = timed(3, unit="1/600", **(timing or {"step": "20"}))
    video = replace(video, timing=video.timing if timing else None)
    sampling.check_rate([video], None)
    with pytest.raises(ValueError, match="v: frames lack increasing presentation times"):
        sampling.check_rate([timed(3, unit="1/600", step="20"), video], 30.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_is_above_zero(rate):
    with pytest.raises(ValueError, match="is not a positive number"):
        sampling.check_rate([], rate)


@pytest.mark.parametrize("spec", [SPEC, SECTIONS, replace(SECTIONS, num_sections=5)])
def test_a_video_is_short_if_a_snippet_can_reach_beyond_its_end(spec):
    found = set()
    for frames in range(1, 90):
        drawn = [sampling.train_frames(frames, spec, rng(seed)) for seed in range(60)]
        repeats = any((np.diff(each, axis=1) < spec.frame_stride).any() for each in drawn)
        assert sampling.is_short(frames, spec) is repeats
        found.add(repeats)
    assert found == {True, False}
