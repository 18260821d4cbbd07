"""A trial, as plain values: the data, the model, training and evaluation.

Everything that can change a number stands here and enters the key of a trial. What cannot
(devices, workers, paths) is in `harness.runtime`. Standard library only.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Position = Literal["before_conv1", "after_conv1", "after_conv2", "after_conv3", "after_block"]
Schedule = Literal["step", "cosine", "one_cycle"]
Precision = Literal["float32", "bfloat16", "float16"]
Grouping = Literal["interleaved", "neighbouring", "released"]
Scale = Literal["paper", "desk", "own"]
Option = str | int | float | bool | tuple[int, ...]
Options = Mapping[str, Option]

NAME = re.compile(r"[a-z][a-z0-9_]*")


def _no_options() -> Options:
    return {}


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """The videos, and what of each video a network sees in training.

    Attributes:
        name: A name in `harness.data.DATASETS`.
        options: Keyword arguments of that data set.
        num_classes: Size of the label set.
        num_snippets: U, snippets per network pass.
        num_frames: T, frames per snippet.
        frame_stride: Source frames from one sampled frame to the next.
        fps: Frames a second that `frame_stride` counts in; None counts the frames of the file.
        snippet_rule: `starts` divides the range of possible first frames into U equal parts (the
            released DSANet code); `sections` divides the timeline and keeps each snippet inside
            its own section wherever it fits (V4D).
        num_sections: Sections of the timeline, at least U; U of them are drawn in training. None
            for U.
        crop_px: Side of the square training crop.
        crop_area: Smallest and largest share of the picture that a crop covers.
        crop_aspect: Smallest and largest width-to-height ratio of a crop.
        flip: Mirror half of the videos. Off where labels have a left and a right.
    """

    name: str
    options: Options = field(default_factory=_no_options)
    num_classes: int
    num_snippets: int = 4
    num_frames: int = 4
    frame_stride: int = 8
    fps: float | None = None
    snippet_rule: Literal["starts", "sections"] = "starts"
    num_sections: int | None = None
    crop_px: int = 224
    crop_area: tuple[float, float] = (0.08, 1.0)
    crop_aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: bool = True


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A backbone and what is inserted into it.

    Attributes:
        backbone: A name in `harness.zoo.BACKBONES`.
        backbone_options: Keyword arguments of the backbone.
        module: A name in `harness.zoo.MODULES`, or None for the plain backbone.
        module_options: Keyword arguments of the module.
        position: Where in a residual block the module stands: I to IV in the paper, or behind the
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


@dataclass(frozen=True, kw_only=True)
class TrainSpec:
    """Stochastic gradient descent with momentum, step by step.

    Attributes:
        epochs: Passes over the training videos.
        batch_videos: Global batch, in videos, whatever the number of devices.
        norm_videos: Videos whose statistics a batch norm computes together: those of one device in
            the original; None for the whole batch. A batch runs in chunks of so many videos, one
            after the other. What differs from as many devices: running averages take in every
            chunk, so a step of 8 chunks updates them 8 times with momentum 0.1, where each device
            of the original kept its own and updated them once.
        lr: Peak learning rate.
        schedule: `step` (times 0.1 at each milestone), `cosine`, or `one_cycle`.
        milestones: Epochs at which `step` drops, perhaps between two whole ones.
        warmup_epochs: Epochs of linear warm-up for `step` and `cosine`; share of the run that
            rises for `one_cycle`, in epochs.
        warmup_start: Learning rate at the start of warm-up, as a share of `lr`.
        momentum: Momentum of SGD.
        nesterov: Nesterov's form of it.
        weight_decay: On every parameter, batch norm included, as in the released code.
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
        norm = self.norm_videos
        if norm is not None and (norm < 1 or self.batch_videos % norm):
            raise ValueError(
                f"a batch of {self.batch_videos} videos does not divide into batch norms of {norm}"
            )


@dataclass(frozen=True, kw_only=True)
class EvalSpec:
    """The views of a test video, over which its scores are averaged.

    Attributes:
        num_passes: Passes over the network: U_infer = passes x snippets of a pass.
        pass_snippets: Snippets of a pass; None for the U of training. Other numbers need a
            network without a module that is built for U.
        grouping: How snippets are dealt out to passes. `interleaved`: 0 2 4 6 and 1 3 5 7, crop by
            crop. `neighbouring`: 0 1 2 3 and 4 5 6 7. `released`: the order of the released test
            code, which takes crops for snippets and mixes them.
        num_crops: 1 (centre) or 3 (left, centre, right; top, centre, bottom if upright).
        crop_px: Side of the square test crop.
        short_side_px: Pictures are resized to this short side first.
        average: Whether logits or probabilities of the views are averaged.
        every_epochs: Score the last epoch of every so many, with one centred view, for the curve
            alone; 0 for never. The reported number is always that of the last epoch.
    """

    num_passes: int = 1
    pass_snippets: int | None = None
    grouping: Grouping = "interleaved"
    num_crops: Literal[1, 3] = 1
    crop_px: int = 224
    short_side_px: int = 256
    average: Literal["logits", "probabilities"] = "logits"
    every_epochs: int = 0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One thing to train and score with one seed; its hash is the key of its record."""

    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    evaluation: EvalSpec
    seed: int = 0
    scale: Scale = "paper"


def as_dict(trial: Trial) -> dict[str, Any]:
    """Return a trial as JSON gives it back: nested dictionaries and lists."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(trial), allow_nan=False))
    return plain


def from_dict(plain: Mapping[str, Any]) -> Trial:
    """Return the trial that `as_dict` wrote.

    Raises:
        ValueError: If its fields are not those of this version.
    """
    values = _tuples(plain)
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
        raise ValueError(f"this trial has other fields than this version: {error}") from error


def _tuples(value: Any) -> Any:
    """Turn the lists of JSON back into tuples."""
    if isinstance(value, Mapping):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
