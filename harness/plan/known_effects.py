"""Expected effects of deviations from a recipe, in points of accuracy, with their sources.

Most effects are unknown, and marked as such. The figures were reported by others on other data
sets, in the threads named as sources; none of them is an estimate for this harness.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Certainty = Literal["reported", "suspected", "predicted", "unknown"]


@dataclass(frozen=True, kw_only=True)
class ExpectedEffect:
    """The expected effect of a deviation from the recipe.

    Attributes:
        points: Smallest and largest loss of accuracy; None if unknown.
        certainty: `reported` in a thread, `suspected` there, `predicted` by a formula.
        source: Thread or paper, and what was compared there.
    """

    points: tuple[float, float] | None = None
    certainty: Certainty = "unknown"
    source: str = ""


UNKNOWN = ExpectedEffect()
OTHER_VIDEOS = ExpectedEffect(source="other videos altogether: no estimate of a printed number")
COPY = ExpectedEffect(
    points=(0.5, 2.0),
    certainty="reported",
    source="another copy of Kinetics, as facebookresearch/SlowFast#255; 17 once, with videos that "
    "could not be decoded",
)
LISTS = ExpectedEffect(
    points=(2.0, 4.0),
    certainty="reported",
    source="labels or lists made by another script: MCG-NJU/TDN#19, open-mmlab/mmaction2#705",
)
SEEDS = ExpectedEffect(
    points=(0.25, 0.43),
    certainty="predicted",
    source="deviation from seed to seed on 5,000 videos, by arXiv 2304.01910",
)
_VIEWS = ExpectedEffect(
    points=(2.6, 10.0),
    certainty="reported",
    source="2.6 between 1 and 30 views in MCG-NJU/TDN#49; 3 to 10 for a whole protocol",
)
_BATCH = ExpectedEffect(
    points=(1.2, 9.0),
    certainty="reported",
    source="batch, devices and learning rate: open-mmlab/mmaction2#2322, "
    "facebookresearch/SlowFast#197",
)
_NORM = ExpectedEffect(
    source="part of the gap of 9 points at 2 videos a device instead of 8 in "
    "open-mmlab/mmaction2#2322, with batch and rate",
)
_WEIGHTS = ExpectedEffect(
    points=(0.0, 16.0),
    certainty="suspected",
    source="IBM/bLVNet-TAM#5: 55 for 71, where pretrained weights may not have been loaded",
)
_FRAMES = ExpectedEffect(
    source="part of a gap of 5.3 to 10.6 in pytorch/vision#6241, with the number of clips",
)
GROUPING = ExpectedEffect(source="only the order of indices in the released test code was traced")
WORKERS = ExpectedEffect(
    source="pytorch/pytorch#5059: NumPy's state is the same in every worker of PyTorch 1.5"
)
_BY_FIELD: Mapping[str, ExpectedEffect] = {
    "evaluation.num_passes": _VIEWS,
    "evaluation.num_crops": _VIEWS,
    "evaluation.pass_snippets": _VIEWS,
    "evaluation.grouping": GROUPING,
    "train.batch_videos": _BATCH,
    "train.lr": _BATCH,
    "train.norm_videos": _NORM,
    "model.weights": _WEIGHTS,
    "data.frame_stride": _FRAMES,
    "data.num_frames": _FRAMES,
}


def expected_effect(path: str) -> ExpectedEffect:
    """Return the expected effect of a deviation in a field of a trial."""
    return _BY_FIELD.get(path, UNKNOWN)
