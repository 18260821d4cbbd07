"""Which frames of a video a network sees: integer arithmetic only.

Axes: U snippets, T frames. A frame index beyond the end of a video repeats its last frame.
Source: rule `starts` is the released code of DSANet (whwu95/DSANet, as in MMAction's SampleFrames);
rule `sections` is V4D (Zhang et al. 2020), where a snippet stays in its own U-th of the timeline.
"""

import numpy as np
from jaxtyping import Int

from harness.specs import DataSpec

Indices = Int[np.ndarray, "U T"]


def train_frames(video_frames: int, spec: DataSpec, rng: np.random.Generator) -> Indices:
    """Draw one snippet per segment.

    Args:
        video_frames: Frames in the video.
        spec: Gives U, T, the stride and the rule.
        rng: The randomness of this video in this epoch.

    Returns:
        Frame indices, increasing along both axes unless the video is too short.
    """
    bounds = np.arange(spec.num_snippets + 1) * _timeline(video_frames, spec) // spec.num_snippets
    room = np.diff(bounds) - (_span(spec) - 1 if spec.snippet_rule == "sections" else 0)
    return _snippets(bounds[:-1] + rng.integers(np.maximum(room, 1)), video_frames, spec)


def test_frames(video_frames: int, spec: DataSpec, *, num_passes: int) -> Int[np.ndarray, "P U T"]:
    """Centre `num_passes` snippets in equal parts of each segment and deal them out to passes.

    Args:
        video_frames: Frames in the video.
        spec: Gives U, T, the stride and the rule.
        num_passes: P. Two passes of four snippets see snippets 0 2 4 6 and 1 3 5 7 of eight.

    Returns:
        Frame indices of each pass.
    """
    passes, segments = np.arange(num_passes)[:, None], np.arange(spec.num_snippets)
    timeline = _timeline(video_frames, spec)
    if spec.snippet_rule == "starts":
        snippet = num_passes * segments + passes
        starts = (2 * snippet + 1) * timeline // (2 * num_passes * spec.num_snippets)
    else:
        bounds = np.arange(spec.num_snippets + 1) * timeline // spec.num_snippets
        room = np.maximum(np.diff(bounds) - _span(spec) + 1, 1)
        starts = bounds[:-1] + (2 * passes + 1) * room // (2 * num_passes)
    return np.stack([_snippets(row, video_frames, spec) for row in starts])


def _timeline(video_frames: int, spec: DataSpec) -> int:
    """Return the length of what is cut into segments: possible first frames, or all frames."""
    if spec.snippet_rule == "sections":
        return video_frames
    return max(video_frames - spec.num_frames * spec.frame_stride + 1, 1)


def _span(spec: DataSpec) -> int:
    return (spec.num_frames - 1) * spec.frame_stride + 1


def _snippets(starts: Int[np.ndarray, " U"], video_frames: int, spec: DataSpec) -> Indices:
    frames = starts[:, None] + np.arange(spec.num_frames) * spec.frame_stride
    return np.minimum(frames, video_frames - 1)
