"""Frame indices of the snippets of a video: integer arithmetic only.

Axes: U snippets of a pass, S of all passes, T frames, V views. A frame index beyond the end of a
video repeats its last frame.
Source: rule `starts` is the released code of DSANet (whwu95/DSANet, as in MMAction's SampleFrames);
rule `sections` is V4D (Zhang et al. 2020), where a snippet stays in its own U-th of the timeline;
rule `frames` is TSN (Wang et al. 2016), with integers where its released code rounds.

With a frame rate, frame k of the timeline is the frame of the file on display at k / rate seconds.
Where time stamps have a constant step, that step is exact and their rounding is ignored; otherwise
k / rate is rounded to the unit of the time stamps. The last frame lasts as long as the one before.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

import numpy as np
from jaxtyping import Int

from harness.data.passport.columns import first_untimed
from harness.data.video import Timing, Video
from harness.specs import DataSpec, EvalSpec

Indices = Int[np.ndarray, "S T"]


def check_rate(videos: Iterable[Video], fps: float | None) -> None:
    """Refuse a frame rate that cannot be applied to a video.

    Raises:
        ValueError: If it is not positive, or a video has no increasing presentation times.
    """
    if fps is None:
        return
    if not 0 < fps < float("inf"):
        raise ValueError(f"frame rate {fps} is not a positive number")
    video = first_untimed(videos)
    if video is not None:
        raise ValueError(
            f"{video.id}: frames lack increasing presentation times, so the video cannot be "
            f"sampled at {fps:g} frames a second"
        )


def timeline_frames(video: Video, fps: float | None) -> int:
    """Return the length of the timeline of a video, in frames; at least 1.

    Args:
        video: One that `check_rate` accepts.
        fps: Frames a second; None for every frame of the file.
    """
    if fps is None or video.timing is None:
        return video.frames
    return max(-(-_end_time(video.timing, video.frames) // _timeline_step(video.timing, fps)), 1)


def timeline(video: Video, fps: float | None) -> Int[np.ndarray, " K"]:
    """Return the frame of the file for each frame of the timeline.

    Args:
        video: One that `check_rate` accepts.
        fps: Frames a second; None for every frame of the file.
    """
    count, timing = timeline_frames(video, fps), video.timing
    if fps is None or timing is None:
        return np.arange(count)
    up, down = _timeline_step(timing, fps).as_integer_ratio()
    if timing.step:
        return np.array([frame * up // down for frame in range(count)])
    moments = [(2 * frame * up + down) // (2 * down) for frame in range(count)]
    return np.searchsorted(timing.stamps, moments, side="right") - 1


def _timeline_step(timing: Timing, fps: float) -> Fraction:
    """Return the distance of timeline frames: in steps, or in time units without a step."""
    return _distance(timing.unit, timing.step or "1", fps)


@lru_cache
def _distance(unit: str, step: str, fps: float) -> Fraction:
    return 1 / (Fraction(str(fps)) * Fraction(unit) * Fraction(step))


def _end_time(timing: Timing, frames: int) -> int:
    """Return the end of the last frame: in steps, or in time units without a step."""
    if timing.step:
        return frames
    previous, last = (0, 0, *timing.stamps)[-2:]
    return 2 * last - previous


def is_short(frames: int, spec: DataSpec) -> bool:
    """Return whether a snippet can reach past the end of a timeline, where its last frame repeats.

    Args:
        frames: Length of the timeline.
        spec: U, T, the stride and the rule.
    """
    if spec.snippet_rule == "frames":
        return frames < spec.num_snippets * spec.num_frames
    low, room = _segments(frames, spec)
    return bool((low + room).max() - 1 + _span(spec) > frames)


def train_frames(video_frames: int, spec: DataSpec, rng: np.random.Generator) -> Indices:
    """Draw one snippet per segment.

    Args:
        video_frames: Frames in the video.
        spec: U, T, the stride and the rule.
        rng: Random generator of this video in this epoch.

    Returns:
        Frame indices, increasing along both axes unless the video is too short.
    """
    if spec.snippet_rule == "frames":
        return _random_frames(video_frames, spec, rng)
    low, room = _segments(video_frames, spec)
    segments = np.sort(rng.permutation(len(low))[: spec.num_snippets])
    return _snippets(low[segments] + rng.integers(room[segments]), video_frames, spec)


def test_frames(video_frames: int, spec: DataSpec, *, num_snippets: int) -> Int[np.ndarray, "S T"]:
    """Centre snippets in equal parts of the timeline.

    Args:
        video_frames: Frames in the video.
        spec: T, the stride and the rule.
        num_snippets: S, of all passes; under the rule `sections`, a multiple of their number.

    Returns:
        Frame indices of each snippet, in temporal order.
    """
    if spec.snippet_rule == "frames":
        return _centred_frames(video_frames, spec, num_snippets)
    if spec.snippet_rule == "starts":
        timeline = _segmented_length(video_frames, spec)
        starts = (2 * np.arange(num_snippets) + 1) * timeline // (2 * num_snippets)
    else:
        low, room = _segments(video_frames, spec)
        per_section, remainder = divmod(num_snippets, len(low))
        if remainder:
            raise ValueError(f"{num_snippets} snippets are not a multiple of {len(low)} sections")
        parts = np.arange(per_section)
        starts = (low[:, None] + (2 * parts + 1) * room[:, None] // (2 * per_section)).ravel()
    return _snippets(starts, video_frames, spec)


def _random_frames(video_frames: int, spec: DataSpec, rng: np.random.Generator) -> Indices:
    """Draw one frame from each of U x T equal parts."""
    count = spec.num_snippets * spec.num_frames
    bounds = np.arange(count + 1) * video_frames // count
    frames = bounds[:-1] + rng.integers(np.maximum(np.diff(bounds), 1))
    return frames.reshape(spec.num_snippets, spec.num_frames)


def _centred_frames(video_frames: int, spec: DataSpec, num_snippets: int) -> Int[np.ndarray, "S T"]:
    """Divide the timeline among the U snippets of a pass, and each part among all passes.

    Every pass sees the whole timeline: the T parts of a snippet hold one frame of each pass.
    """
    passes, remainder = divmod(num_snippets, spec.num_snippets)
    if remainder:
        raise ValueError(
            f"{num_snippets} snippets are not a multiple of the U = {spec.num_snippets} of a pass"
        )
    count = spec.num_snippets * spec.num_frames * passes
    frames = (2 * np.arange(count) + 1) * video_frames // (2 * count)
    shape = (spec.num_snippets, spec.num_frames, passes)
    return frames.reshape(shape).swapaxes(1, 2).reshape(num_snippets, spec.num_frames)


def view_table(views: EvalSpec, num_snippets: int) -> Int[np.ndarray, "V U 2"]:
    """Return the crop and the snippet at each place of each view.

    Args:
        views: Passes, crops and the grouping of snippets.
        num_snippets: U, snippets of a pass.
    """
    passes, crops = views.num_passes, views.num_crops
    total = passes * num_snippets
    snippets = np.arange(total).reshape(num_snippets, passes).T
    if views.grouping == "neighbouring":
        snippets = np.arange(total).reshape(passes, num_snippets)
    if views.grouping == "released":
        # Stored crop by crop; the released code reads them as if stored snippet by snippet.
        read = snippets[:, :, None] * crops + np.arange(crops)
        items = read.reshape(passes * crops, num_snippets)
        return np.stack(np.divmod(items, total), axis=-1)
    shape = (passes, crops, num_snippets)
    crop = np.broadcast_to(np.arange(crops)[:, None], shape)
    snippet = np.broadcast_to(snippets[:, None], shape)
    return np.stack([crop, snippet], axis=-1).reshape(passes * crops, num_snippets, 2)


def _segments(
    video_frames: int, spec: DataSpec
) -> tuple[Int[np.ndarray, " S"], Int[np.ndarray, " S"]]:
    """Return the lowest first frame of each segment, and its number of possible first frames."""
    sections = spec.snippet_rule == "sections"
    count = spec.num_sections if sections and spec.num_sections else spec.num_snippets
    bounds = np.arange(count + 1) * _segmented_length(video_frames, spec) // count
    room = np.diff(bounds) - (_span(spec) - 1 if sections else 0)
    return bounds[:-1], np.maximum(room, 1)


def _segmented_length(video_frames: int, spec: DataSpec) -> int:
    """Return the length that segments divide: possible first frames, or all frames."""
    if spec.snippet_rule == "sections":
        return video_frames
    return max(video_frames - spec.num_frames * spec.frame_stride + 1, 1)


def _span(spec: DataSpec) -> int:
    return (spec.num_frames - 1) * spec.frame_stride + 1


def _snippets(starts: Int[np.ndarray, " S"], video_frames: int, spec: DataSpec) -> Indices:
    frames = starts[:, None] + np.arange(spec.num_frames) * spec.frame_stride
    return np.minimum(frames, video_frames - 1)
