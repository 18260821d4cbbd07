"""Verdict of one given network against a printed accuracy: an interval over videos alone.

Nothing was trained, so nothing shows how seeds scatter. Accuracies are in percent points.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from harness.stats import resampling
from harness.stats.resampling import Clusters
from harness.stats.row_verdict import coverage_text, coverage_verdict, decide
from harness.stats.verdict import Verdict

_UNDECIDED = Verdict(word="undecided", sentence="")
_OTHER_SCALES = {"desk": "desk scale", "own": "own run"}


@dataclass(frozen=True, kw_only=True)
class VideoInterval:
    """An accuracy, and its intervals over other videos.

    Attributes:
        mean: The accuracy.
        outer: Ends of the 95 % interval.
        inner: Ends of the 90 % interval, that of two one-sided tests at 5 %.
    """

    mean: float
    outer: tuple[float, float]
    inner: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.outer
        return f"{self.mean:.1f} (one given network; {low:z.1f} to {high:z.1f} over other videos)"


def video_interval(
    correct: Bool[np.ndarray, " N"], *, clusters: Clusters | None = None
) -> VideoInterval:
    """Return the accuracy of one network with its intervals over videos.

    Args:
        correct: Whether it classified each video correctly.
        clusters: Number of the cluster of each video; each on its own by default.
    """
    draws = resampling.draw_accuracies(correct[None, None], clusters=clusters)
    low, inner_low, inner_high, high = np.quantile(draws, [0.025, 0.05, 0.95, 0.975]).tolist()
    mean = 100 * float(correct.mean())
    return VideoInterval(mean=mean, outer=(low, high), inner=(inner_low, inner_high))


def given_verdict(
    accuracy: float,
    interval: VideoInterval | None,
    *,
    scale: str,
    printed: float | None,
    margin: float,
    scored: int,
    listed: int,
) -> Verdict:
    """Judge a given network; the order of decision is that of a trained row.

    Args:
        accuracy: Measured.
        interval: Of it; None where the accuracy is no share of videos.
        scale: `paper`, `desk` or `own`: that of views and data.
        printed: The printed accuracy; None if none is.
        margin: Points within which the two count as the same.
        scored: Videos that were tested.
        listed: Videos of the whole list.
    """
    measured = str(interval or f"{accuracy:.1f} (one given network, without an interval)")
    if scale != "paper":
        sentence = f"{measured} measured; no estimate of the printed accuracy"
        return Verdict(word=_OTHER_SCALES[scale], sentence=sentence)
    correct = round(accuracy / 100 * scored) if interval else None
    if missing := coverage_verdict(correct=correct, scored=scored, listed=listed):
        return missing
    if printed is None:
        return Verdict(word="nothing printed", sentence=measured)
    found = _compare(interval, printed, margin) if interval else _UNDECIDED
    parts = (
        f"{measured}, paper {printed:.1f}{found.sentence and ': '}{found.sentence}",
        "how other seeds scatter is unknown",
        coverage_text(correct=correct, scored=scored, listed=listed),
    )
    return replace(found, sentence="; ".join(filter(None, parts)))


def _compare(interval: VideoInterval, printed: float, margin: float) -> Verdict:
    low, high = (end - printed for end in interval.outer)
    is_same = all(abs(end - printed) <= margin for end in interval.inner)
    return decide(interval.mean - printed, (low, high), is_same=is_same, margin=margin)
