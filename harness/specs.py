"""A trial as plain values: the data, the model, training and evaluation.

Every setting that can change a number is here and enters the key of a trial; devices, workers and
paths are in `harness.runtime`. Standard library only.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Position = Literal["before_conv1", "after_conv1", "after_conv2", "after_conv3", "after_block"]
Schedule = Literal["step", "cosine", "one_cycle"]
Precision = Literal["float32", "bfloat16", "float16"]
SnippetRule = Literal["starts", "sections", "frames"]
Grouping = Literal["interleaved", "neighbouring", "released"]
Crops = Literal[1, 3]
Average = Literal["logits", "probabilities", "top3"]
Scale = Literal["paper", "desk", "own"]
Option = str | int | float | bool | tuple[int, ...]
Options = Mapping[str, Option]

NAME = re.compile(r"[a-z][a-z0-9_]*")


def check_choices(spec: object, **choices: Any) -> None:
    """Check fields of a specification against their `Literal` types.

    Raises:
        ValueError: If a value is not one of the choices.
    """
    for name, choice in choices.items():
        value, allowed = getattr(spec, name), get_args(choice)
        if value not in allowed:
            known = ", ".join(map(str, allowed))
            raise ValueError(f"{name}={value!r} is not a choice; set one of {known}")


def _no_options() -> Options:
    return {}


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """The videos, and the frames and crops of a training view.

    Attributes:
        name: A name in `harness.data.DATASETS`.
        options: Keyword arguments of that data set.
        num_classes: Size of the label set.
        num_snippets: U, snippets per network pass.
        num_frames: T, frames per snippet.
        frame_stride: Source frames from one sampled frame to the next.
        fps: Frame rate in which `frame_stride` counts; None counts the frames of the file.
        snippet_rule: `starts` divides the range of possible first frames into U equal parts (the
            released DSANet code); `sections` divides the timeline and keeps each snippet inside
            its own section if it fits (V4D); `frames` divides the timeline into U x T equal parts
            and takes one frame from each (TSN), so it has no stride.
        num_sections: Sections of the timeline, at least U; U of them are drawn in training. None
            for U.
        crop_px: Side of the square training crop.
        crop_area: Smallest and largest share of the picture that a crop covers.
        crop_aspect: Smallest and largest width-to-height ratio of a crop.
        flip: Mirror half of the videos. Off if labels distinguish left from right.
    """

    name: str
    options: Options = field(default_factory=_no_options)
    num_classes: int
    num_snippets: int = 4
    num_frames: int = 4
    frame_stride: int = 8
    fps: float | None = None
    snippet_rule: SnippetRule = "starts"
    num_sections: int | None = None
    crop_px: int = 224
    crop_area: tuple[float, float] = (0.08, 1.0)
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool = True

    def __post_init__(self) -> None:
        check_choices(self, snippet_rule=SnippetRule)
        if self.snippet_rule == "frames" and (self.frame_stride, self.num_sections) != (1, None):
            found = f"not {self.frame_stride} and {self.num_sections}"
            raise ValueError(f"'frames' needs frame_stride=1 and num_sections=None, {found}")


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A backbone and its inserted modules.

    Attributes:
        backbone: A name in `harness.zoo.BACKBONES`.
        backbone_options: Keyword arguments of the backbone.
        module: A name in `harness.zoo.MODULES`, or None for the plain backbone.
        module_options: Keyword arguments of the module.
        position: Position of the module in a residual block: I to IV in the paper, or after the
            block's last ReLU (V4D).
        blocks: Stage name to the indices of its blocks that carry a module.
        dropout: Probability before the classifier.
        weights: File name of the initial weights under the runtime's weights folder, or None.
    """

    backbone: str
    backbone_options: Options = field(default_factory=_no_options)
    module: str | None = None
    module_options: Options = field(default_factory=_no_options)
    position: Position = "after_conv1"
    blocks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dropout: float = 0.5
    weights: str | None = None

    def __post_init__(self) -> None:
        check_choices(self, position=Position)


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """Stochastic gradient descent with momentum.

    Attributes:
        epochs: Passes over the training videos.
        batch_videos: Global batch size in videos, for any number of devices.
        norm_videos: Videos that share batch norm statistics: those of one device in the original;
            None for the whole batch. A batch runs in chunks of this size, one after the other.
            Unlike on several devices, every chunk updates the running averages: a step of 8 chunks
            updates them 8 times with momentum 0.1, while each device of the original kept its own
            and updated them once.
        lr: Peak learning rate.
        schedule: `step` (times 0.1 at each milestone), `cosine`, or `one_cycle`.
        milestones: Epochs at which `step` drops; fractions are allowed.
        warmup_epochs: Epochs of linear warm-up for `step` and `cosine`; epochs of the rising part
            for `one_cycle`.
        warmup_start: Learning rate at the start of warm-up, as a share of `lr`.
        momentum: Momentum of SGD.
        nesterov: Use Nesterov momentum.
        weight_decay: Of every parameter, batch norm included, as in the released code.
        clip_grad_norm: Largest total norm of the gradient, or None.
        precision: Element type of autocast.
    """

    epochs: int
    batch_videos: int
    norm_videos: int | None = None
    lr: float
    schedule: Schedule = "step"
    milestones: tuple[float, ...] = ()
    warmup_epochs: float = 0.0
    warmup_start: float = 0.01
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 1e-4
    clip_grad_norm: float | None = None
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        check_choices(self, schedule=Schedule, precision=Precision)
        norm = self.norm_videos
        if norm is not None and (norm < 1 or self.batch_videos % norm):
            raise ValueError(
                f"norm_videos={norm} does not divide batch_videos={self.batch_videos}; "
                "set a positive divisor, or None for the whole batch"
            )


@dataclass(frozen=True, kw_only=True)
class EvalSpec:
    """The views of a test video and the average of their scores.

    Attributes:
        num_passes: Passes over the network: U_infer = passes x snippets of a pass.
        pass_snippets: Snippets of a pass; None for the U of training. Other numbers need a
            network without modules built for a fixed U.
        grouping: Assignment of snippets to passes. `interleaved`: 0 2 4 6 and 1 3 5 7, crop by
            crop. `neighbouring`: 0 1 2 3 and 4 5 6 7. `released`: the order of the released test
            code, which confuses crops with snippets and mixes them.
        num_crops: 1 (centre) or 3 (left, centre, right; top, centre, bottom if upright).
        crop_px: Side of the square test crop.
        short_side_px: Pictures are resized to this short side first.
        average: Quantity that is averaged over views: `logits`, `probabilities`, or `top3`, for
            each class the three highest probabilities (TSN on untrimmed videos).
        every_epochs: Interval, in epochs, of a validation on one centred view, for the training
            curve only; 0 for never. The reported number is always that of the last epoch.
    """

    num_passes: int = 1
    pass_snippets: int | None = None
    grouping: Grouping = "interleaved"
    num_crops: Crops = 1
    crop_px: int = 224
    short_side_px: int = 256
    average: Average = "logits"
    every_epochs: int = 0

    def __post_init__(self) -> None:
        check_choices(self, grouping=Grouping, num_crops=Crops, average=Average)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A network to train and score with one seed; the key of its record is a hash of it."""

    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    evaluation: EvalSpec
    seed: int = 0
    scale: Scale = "paper"

    def __post_init__(self) -> None:
        check_choices(self, scale=Scale)


def as_dict(trial: Trial) -> dict[str, Any]:
    """Return a trial as JSON holds it: nested dictionaries and lists."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(trial), allow_nan=False))
    return plain


def from_dict(plain: Mapping[str, Any]) -> Trial:
    """Return a trial from the dictionary of `as_dict`.

    Raises:
        ValueError: If its fields are not those of this version, or a value is not allowed.
    """
    values = _to_tuples(plain)
    try:
        return Trial(
            **{
                **values,
                "data": DataSpec(**values["data"]),
                "model": ModelSpec(**values["model"]),
                "train": TrainSpec(**values["train"]),
                "evaluation": EvalSpec(**values["evaluation"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"trial of another version, with other fields: {error}; run it again"
        ) from error


def _to_tuples(value: Any) -> Any:
    """Return a value of JSON with its lists as tuples."""
    if isinstance(value, Mapping):
        return {name: _to_tuples(item) for name, item in value.items()}
    return tuple(map(_to_tuples, value)) if isinstance(value, list) else value
