"""The parts of a trial: data, model, training and evaluation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from harness.specs.fields import check_fields
from harness.specs.rules import (
    AtMost,
    Count,
    Index,
    OneOf,
    Positive,
    Share,
    Text,
    Within,
    ascending,
    file_name,
    recordable,
    whole_as_int,
)

Position = Literal["before_conv1", "after_conv1", "after_conv2", "after_conv3", "after_block"]
Schedule = Literal["step", "cosine", "one_cycle"]
Precision = Literal["float32", "bfloat16", "float16"]
SnippetRule = Literal["starts", "sections", "frames"]
Grouping = Literal["interleaved", "neighbouring", "released"]
Crops = Literal[1, 3]
Average = Literal["logits", "probabilities", "top3"]
Option = Annotated[str | int | float | bool | tuple[int, ...], recordable]
_OptionName = Annotated[Text, AtMost(100, "letters"), recordable]
Options = Annotated[Mapping[_OptionName, Option], AtMost(100, "options")]
STAGES = ("res2", "res3", "res4", "res5")
Stage = Annotated[str, OneOf(STAGES)]
Blocks = Mapping[Stage, Annotated[tuple[Index, ...], ascending, recordable]]
Number = Annotated[float, whole_as_int]

NAME = re.compile(r"[a-z][a-z0-9_]{0,199}")


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

    name: Text
    options: Options = field(default_factory=_no_options)
    num_classes: Annotated[Count, Within(at_most=100_000)]
    num_snippets: Count = 4
    num_frames: Count = 4
    frame_stride: Count = 8
    fps: Annotated[Number, Within(above=0)] | None = None
    snippet_rule: SnippetRule = "starts"
    num_sections: Count | None = None
    crop_px: Count = 224
    crop_area: tuple[Share, Share] = (0.08, 1.0)
    crop_aspect: tuple[Positive, Positive] = (3 / 4, 4 / 3)
    flip: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("crop_area", "crop_aspect"):
            low, high = getattr(self, name)
            if low > high or high == 0:
                raise ValueError(f"{name}={(low, high)} is no range; write the smaller end first")
        if self.snippet_rule == "frames" and (self.frame_stride, self.num_sections) != (1, None):
            found = f"not {self.frame_stride} and {self.num_sections}"
            raise ValueError(f"'frames' needs frame_stride=1 and num_sections=None, {found}")
        if self.num_sections is not None and self.num_sections < self.num_snippets:
            raise ValueError(
                f"num_sections={self.num_sections} is below num_snippets={self.num_snippets}; "
                "a section holds one snippet at most"
            )


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A backbone and its inserted modules.

    Attributes:
        backbone: A name in `harness.zoo.BACKBONES`; `my_net.py:net` of a file beside the table,
            `package.module:net`, or an entry point of an installed package.
        backbone_options: Keyword arguments of the backbone.
        module: A name in `harness.zoo.MODULES`, or of code of one's own in the same forms; None
            for the plain backbone.
        module_options: Keyword arguments of the module.
        position: Position of the module in a residual block: I to IV in the paper, or after the
            block's last ReLU (V4D).
        blocks: Stage name to the indices of its blocks that carry a module.
        dropout: Probability before the classifier.
        weights: File name of the initial weights under the runtime's weights folder, or None.
    """

    backbone: Text
    backbone_options: Options = field(default_factory=_no_options)
    module: Text | None = None
    module_options: Options = field(default_factory=_no_options)
    position: Position = "after_conv1"
    blocks: Blocks = field(default_factory=dict)
    dropout: Annotated[float, Within(at_least=0, below=1)] = 0.5
    weights: Annotated[Text, file_name] | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        # A stage without blocks would be another key of the same network.
        object.__setattr__(self, "blocks", {stage: at for stage, at in self.blocks.items() if at})
        if self.module is None and (self.module_options or self.blocks):
            found = f"module_options={self.module_options} and blocks={self.blocks}"
            raise ValueError(f"module=None takes neither options nor blocks, not {found}")
        if self.module is not None and not self.blocks:
            raise ValueError(f"module={self.module!r} is in no block; name some in blocks")


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

    epochs: Annotated[Count, Within(at_most=100_000)]
    batch_videos: Annotated[Count, Within(at_most=1_000_000)]
    norm_videos: Count | None = None
    lr: Positive
    schedule: Schedule = "step"
    milestones: Annotated[
        tuple[Annotated[Number, Within(above=0)], ...], ascending, recordable
    ] = ()
    warmup_epochs: Annotated[Number, Within(at_least=0)] = 0.0
    warmup_start: Share = 0.01
    momentum: Annotated[float, Within(at_least=0, below=1)] = 0.9
    nesterov: bool = True
    weight_decay: Annotated[float, Within(at_least=0)] = 1e-4
    clip_grad_norm: Annotated[Number, Within(above=0)] | None = None
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        check_fields(self)
        if self.milestones and self.schedule != "step":
            raise ValueError(f"milestones={self.milestones} are for 'step', not {self.schedule!r}")
        if self.milestones and self.milestones[-1] >= self.epochs:
            raise ValueError(
                f"milestones={self.milestones} reach the end, epochs={self.epochs}, after which no "
                "rate drops; set earlier ones"
            )
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                f"warmup_epochs={self.warmup_epochs} is above epochs={self.epochs}, so the rate "
                f"would not reach lr={self.lr}; set {self.epochs} at most"
            )
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov=True needs momentum; set nesterov=False at momentum=0")
        norm = self.norm_videos
        if norm is not None and self.batch_videos % norm:
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

    num_passes: Count = 1
    pass_snippets: Count | None = None
    grouping: Grouping = "interleaved"
    num_crops: Crops = 1
    crop_px: Count = 224
    short_side_px: Count = 256
    average: Average = "logits"
    every_epochs: Index = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.crop_px > self.short_side_px:
            raise ValueError(
                f"crop_px={self.crop_px} is above short_side_px={self.short_side_px}, so a crop "
                "does not fit in the picture; raise short_side_px"
            )
