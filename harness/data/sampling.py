"""Which frames of a video a network sees: integer arithmetic only.

Axes: U snippets of a pass, S of all passes, T frames, V views. A frame index beyond the end of a
video repeats its last frame.
Source: rule `starts` is the released code of DSANet (whwu95/DSANet, as in MMAction's SampleFrames);
rule `sections` is V4D (Zhang et al. 2020), where a snippet stays in its own U-th of the timeline.

With a frame rate, frame k of the timeline is the last frame of the file that is shown at k / rate
seconds. Where one step tells all time stamps it counts without their rounding; other time stamps
are rounded to their unit, and so is k / rate. The last frame is shown as long as the one before it.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

import numpy as np
from jaxtyping import Int

from harness.data.video import Timing, Video
from harness.specs import DataSpec, EvalSpec

Indices = Int[np.ndarray, "S T"]


def check_rate(videos: Iterable[Video], fps: float | None) -> None:
    """Refuse a frame rate that has no meaning for a video.

    Raises:
        ValueError: If it is not above 0, or the frames of a video do not say when they are shown.
    """
    if fps is None:
        return
    if not 0 < fps < float("inf"):
        raise ValueError(f"a frame rate of {fps}: it has to be above 0")
    for video in videos:
        if video.timing is None or not _is_increasing(video.timing):
            raise ValueError(
                f"{video.id}: its frames do not say when they are shown, so none can be taken at "
                f"{fps:g} a second"
            )


def _is_increasing(timing: Timing) -> bool:
    if timing.step:
        return Fraction(timing.step) > 0
    return all(before < after for before, after in pairwise(timing.stamps))


def timeline_frames(video: Video, fps: float | None) -> int:
    """Return the number of frames of the timeline of a video, at least 1.

    Args:
        video: With a timing that `check_rate` accepts.
        fps: Frames a second; None for those of the file.
    """
    if fps is None or video.timing is None:
        return video.frames
    return max(-(-_end_time(video.timing, video.frames) // _timeline_step(video.timing, fps)), 1)


def timeline(video: Video, fps: float | None) -> Int[np.ndarray, " K"]:
    """Return the frame of the file that is shown at each frame of the timeline.

    Args:
        video: With a timing that `check_rate` accepts.
        fps: Frames a second; None for those of the file.
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
    """Return the way between frames of the timeline: in steps, or in units if there is no step."""
    return 1 / (Fraction(str(fps)) * Fraction(timing.unit) * Fraction(timing.step or 1))


def _end_time(timing: Timing, frames: int) -> int:
    """Return when the last frame ends, in steps, or in units if there is no step."""
    if timing.step:
        return frames
    before, last = (0, 0, *timing.stamps)[-2:]
    return 2 * last - before


def is_short(frames: int, spec: DataSpec) -> bool:
    """Say whether a snippet can reach beyond the end of a timeline: its last frame repeats there.

    Args:
        frames: Of the timeline.
        spec: Gives U, T, the stride and the rule.
    """
    low, room = _segments(frames, spec)
    return bool((low + room).max() - 1 + _span(spec) > frames)


def train_frames(video_frames: int, spec: DataSpec, rng: np.random.Generator) -> Indices:
    """Draw one snippet per segment.

    Args:
        video_frames: Frames in the video.
        spec: Gives U, T, the stride and the rule.
        rng: The randomness of this video in this epoch.

    Returns:
        Frame indices, increasing along both axes unless the video is too short.
    """
    low, room = _segments(video_frames, spec)
    chosen = np.sort(rng.permutation(len(low))[: spec.num_snippets])
    return _snippets(low[chosen] + rng.integers(room[chosen]), video_frames, spec)


def test_frames(video_frames: int, spec: DataSpec, *, num_snippets: int) -> Int[np.ndarray, "S T"]:
    """Centre snippets in equal parts of the timeline.

    Args:
        video_frames: Frames in the video.
        spec: Gives T, the stride and the rule.
        num_snippets: S, those of all passes. A multiple of the sections under that rule.

    Returns:
        Frame indices of each snippet, in the order of time.
    """
    if spec.snippet_rule == "starts":
        timeline = _segmented_length(video_frames, spec)
        starts = (2 * np.arange(num_snippets) + 1) * timeline // (2 * num_snippets)
    else:
        low, room = _segments(video_frames, spec)
        each, rest = divmod(num_snippets, len(low))
        if rest:
            raise ValueError(f"{num_snippets} snippets do not divide among {len(low)} sections")
        parts = np.arange(each)
        starts = (low[:, None] + (2 * parts + 1) * room[:, None] // (2 * each)).ravel()
    return _snippets(starts, video_frames, spec)


def view_table(views: EvalSpec, num_snippets: int) -> Int[np.ndarray, "V U 2"]:
    """Say which crop and which snippet each place of each view shows.

    Args:
        views: Passes, crops and how snippets are grouped.
        num_snippets: U, snippets of a pass.
    """
    passes, crops = views.num_passes, views.num_crops
    total = passes * num_snippets
    snippets = np.arange(total).reshape(num_snippets, passes).T
    if views.grouping == "neighbouring":
        snippets = np.arange(total).reshape(passes, num_snippets)
    if views.grouping == "released":
        # Items lie crop by crop; the released code reads them as if they lay snippet by snippet.
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
    """Return the lowest first frame in each segment, and how many first frames it has."""
    sections = spec.snippet_rule == "sections"
    count = spec.num_sections if sections and spec.num_sections else spec.num_snippets
    bounds = np.arange(count + 1) * _segmented_length(video_frames, spec) // count
    room = np.diff(bounds) - (_span(spec) - 1 if sections else 0)
    return bounds[:-1], np.maximum(room, 1)


def _segmented_length(video_frames: int, spec: DataSpec) -> int:
    """Return the length of what is cut into segments: possible first frames, or all frames."""
    if spec.snippet_rule == "sections":
        return video_frames
    return max(video_frames - spec.num_frames * spec.frame_stride + 1, 1)


def _span(spec: DataSpec) -> int:
    return (spec.num_frames - 1) * spec.frame_stride + 1


def _snippets(starts: Int[np.ndarray, " S"], video_frames: int, spec: DataSpec) -> Indices:
    frames = starts[:, None] + np.arange(spec.num_frames) * spec.frame_stride
    return np.minimum(frames, video_frames - 1)
