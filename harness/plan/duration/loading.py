"""The time of reading videos in loader processes, from assumed rates."""

from dataclasses import dataclass

from harness.specs import DataSpec

_ORIGINALS_PER_SECOND = 17.0  # whatever the frames: most of a group of pictures is decoded
_COPIED_FRAMES_PER_SECOND = 1_500.0
LOADING_SOURCE = (
    "a loader process reads 17 videos/s of 340x256, or 1,500 frames/s of training copies: the "
    "middle of 14 to 20 and of 1,200 to 1,840 measured on one core; half of it on a hyperthread; "
    "3 videos/s of 1280x720"
)


@dataclass(frozen=True, kw_only=True)
class Loading:
    """The loader processes of a trial, all its ranks together.

    Attributes:
        workers: Loader processes of each rank; without any, a rank loads while it does not train.
        ranks: GPUs of the trial.
    """

    workers: int
    ranks: int

    def seconds(self, spec: DataSpec, videos: int, *, of_copies: bool = False) -> float:
        """Return the time in which all processes read videos of a data set."""
        frames = spec.num_snippets * spec.num_frames
        rate = _COPIED_FRAMES_PER_SECOND / frames if of_copies else _ORIGINALS_PER_SECOND
        return videos / rate / (max(self.workers, 1) * self.ranks)

    def with_training(self, loading_s: float, training_s: float) -> float:
        """Return the time of both: the larger one, or their sum where nothing overlaps."""
        return max(loading_s, training_s) if self.workers else loading_s + training_s
