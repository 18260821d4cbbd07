"""Scales: what changes when a table of the paper runs on a desk, or on a user's own terms."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from experiments.recipes import with_batch
from harness.specs import STAGES, Blocks, DataSpec, EvalSpec, Options, Scale, TrainSpec, Trial

DESK_TRAIN = TrainSpec(
    epochs=22,
    batch_videos=16,
    lr=0.05,
    schedule="step",
    milestones=(20, 21.5),
    warmup_epochs=2,
    warmup_start=0.1,
    weight_decay=1e-4,
    clip_grad_norm=40,
)
SECTIONS, SECTION_FRAMES = 4, 16
TRAINED_FRAMES = 32  # of a video at most, in all its snippets: a trial takes a minute or two
GENERATED = ("desk_cue",)  # data sets that a table names, which stay at desk scale
STEM_WIDTH = 64
STEM_WIDTHS: Mapping[str, int] = {  # where not as usual: of a network, or of its family
    "x3d": 24,
    "vov3d": 24,
    "vov3d_m": 20,
    "mvit": 96,
    "swin3d": 96,
    "swin3d_b": 128,
}
RESIDUAL_FORM: Options = {"depths": (2, 2, 2, 2), "stem_width": 8}
# For tables that ablate blocks: every other block of a stage is as many as in ResNet-50.
ABLATED_DEPTHS = (2, 4, 6, 2)
DESK_FORMS: Mapping[str, Options] = {  # of a network, or of its family
    # By their usual strides, four frames are too few.
    "i3d_5x7x7_resnet50": {**RESIDUAL_FORM, "time_strides": (1, 1, 2)},
    "i3d_5x7x7_resnet101": {**RESIDUAL_FORM, "time_strides": (1, 1, 2)},
    "i3d_inception": {"stem_width": 8, "stem_stride": 1},
    "slowfast": {**RESIDUAL_FORM, "beta": 1 / 2},
    "vov3d": {**RESIDUAL_FORM, "num_units": 2},
    "bn": {"stem_width": 8, "stem_stride": 1},
    "eco": {"stem_width": 8, "stem_stride": 1},
    "s3d": {"stem_width": 8, "stem_stride": 1},
    "inception": {"stem_width": 4, "strided_stem": False},
    "c3d": {"stem_width": 8},
    "trn_bn_inception": {
        "num_frames": 4,
        "relations": "sampled",
        "stem_width": 8,
        "stem_stride": 1,
    },
    "trn_resnet50": {"num_frames": 4, "relations": "sampled", **RESIDUAL_FORM},
}


def desk_form(backbone: str, ablates: Sequence[str] = ()) -> Options:
    """Return the options that make a backbone small enough for a desk.

    Args:
        backbone: Its name.
        ablates: Fields that the table of a trial ablates: blocks take deeper stages.
    """
    form = DESK_FORMS.get(backbone) or DESK_FORMS.get(family_of(backbone), RESIDUAL_FORM)
    is_of_blocks = any(p == "model" or f"{p}.".startswith("model.blocks.") for p in ablates)
    if is_of_blocks and "depths" in form:
        return {**form, "depths": ABLATED_DEPTHS}
    return form


def stem_width(backbone: str) -> int:
    """Return the width of the stem of a backbone as it is built by default."""
    return STEM_WIDTHS.get(backbone) or STEM_WIDTHS.get(family_of(backbone), STEM_WIDTH)


def family_of(backbone: str) -> str:
    """Return the first word of a name, which networks of one code have in common."""
    return backbone.partition("_")[0]


def desk(trial: Trial) -> Trial:
    """Shrink width, depth, pictures, data and epochs; leave what a row ablates.

    Blocks keep their stage, and their place in it where it is deep enough; otherwise odd stays odd.
    Frames that are spread over a video stay so, 16 of them, and a snippet has 16 at most: as many
    as its section.
    """
    data = _desk_data(trial.data)
    options = {**trial.model.backbone_options, **desk_form(trial.model.backbone, trial.ablates)}
    if "num_frames" in options:
        options["num_frames"] = data.num_frames
    return replace(
        trial,
        scale="desk",
        data=data,
        model=replace(
            trial.model,
            backbone_options=options,
            dropout=0.0,
            weights=None,
            blocks=_fold_blocks(trial.model.blocks, options),
        ),
        train=DESK_TRAIN,
        evaluation=_desk_views(trial.evaluation, data),
    )


def _desk_views(views: EvalSpec, data: DataSpec) -> EvalSpec:
    """Return views of two snippets a section, or two passes over spread frames.

    Passes over fewer snippets than in training stay so, and with them the average of their scores.
    """
    tested = views.pass_snippets
    is_shorter = tested is not None and tested < data.num_snippets
    per_pass = tested if tested is not None and is_shorter else data.num_snippets
    return EvalSpec(
        num_passes=2 if data.snippet_rule == "frames" else 2 * SECTIONS // per_pass,
        pass_snippets=tested if is_shorter else None,
        crop_px=16,
        short_side_px=16,
        average=views.average if is_shorter else "logits",
        every_epochs=4,
    )


def _desk_data(data: DataSpec) -> DataSpec:
    """Return desk videos, with a snippet a section where those of training do not divide them."""
    is_spread = data.snippet_rule == "frames"
    num_snippets = SECTIONS if SECTIONS % data.num_snippets else data.num_snippets
    most = min(SECTION_FRAMES, TRAINED_FRAMES // num_snippets)
    num_frames = SECTION_FRAMES if is_spread else min(data.num_frames, most)
    return replace(
        data,
        name=data.name if data.name in GENERATED else "desk",
        options={},
        num_classes=12,
        num_snippets=num_snippets,
        num_frames=num_frames,
        frame_stride=1 if is_spread else SECTION_FRAMES // num_frames,
        fps=None,
        snippet_rule="frames" if is_spread else "sections",
        num_sections=None if is_spread else SECTIONS,
        crop_px=16,
        crop_area=(0.8, 1.0),
    )


def _fold(at: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({index % 2 for index in at}))


def _fold_blocks(blocks: Blocks, options: Options) -> Blocks:
    """Place the blocks of a stage that is too shallow for them in its first two, odd in odd."""
    depths = options.get("depths")
    depth_of = dict(zip(STAGES, depths, strict=True)) if isinstance(depths, tuple) else {}
    return {
        stage: at if max(at) < depth_of.get(stage, 2) else _fold(at) for stage, at in blocks.items()
    }


def paper(trial: Trial) -> Trial:
    """Change nothing: a table is written at paper scale."""
    return trial


SCALES: Mapping[Scale, Callable[[Trial], Trial]] = {"desk": desk, "paper": paper}
SMOKE_VIDEOS: Options = {"train_videos": 24, "test_videos": 12}
SMOKE_EPOCHS, SMOKE_BATCH = 2, 8


@dataclass(frozen=True, kw_only=True)
class Changes:
    """A user's changes to a table at a scale; None changes nothing.

    Attributes:
        on: Name of another data set.
        num_classes: Of that data set.
        epochs: Drops and warm-up move in proportion.
        width: Channels of every stage, as a share; initial weights no longer fit and are left out.
        batch: Videos in a batch; the learning rate goes with it, by `with_batch`.
        crop: Side of training and test crops, in pixels; the short side goes with the test crop.
        from_scratch: Leave out initial weights.
        lr: Learning rate, for the batch of the table or of `batch`.
        smoke: Few desk videos and epochs: shows within seconds that a trial runs, and no more.
    """

    on: str | None = None
    num_classes: int | None = None
    epochs: int | None = None
    width: float | None = None
    batch: int | None = None
    crop: int | None = None
    from_scratch: bool | None = None
    lr: float | None = None
    smoke: bool | None = None


def own(changes: Changes, base: Scale = "paper") -> Callable[[Trial], Trial]:
    """Return a scale on a user's own terms; without any change it is the one it starts from."""
    rescale = SCALES[base]
    if changes == Changes():
        return rescale
    return lambda trial: _own(rescale(trial), changes)


def _own(trial: Trial, changes: Changes) -> Trial:
    trial = replace(trial, scale="own")
    if changes.smoke:
        trial = _smoke(trial)
    if changes.on is not None:
        num_classes = changes.num_classes or trial.data.num_classes
        data = replace(trial.data, name=changes.on, options={}, num_classes=num_classes)
        trial = replace(trial, data=data)
    if changes.width is not None:
        trial = _with_width(trial, changes.width)
    if changes.from_scratch:
        trial = replace(trial, model=replace(trial.model, weights=None))
    if changes.epochs is not None:
        trial = replace(trial, train=_with_epochs(trial.train, changes.epochs))
    if changes.batch is not None:
        trial = with_batch(trial, changes.batch)
    if changes.lr is not None:
        trial = replace(trial, train=replace(trial.train, lr=changes.lr))
    return trial if changes.crop is None else _with_crop(trial, changes.crop)


def _smoke(trial: Trial) -> Trial:
    """Train and score a trial at desk scale on few videos, in few epochs."""
    return replace(
        trial,
        data=replace(trial.data, options=SMOKE_VIDEOS),
        train=replace(_with_epochs(trial.train, SMOKE_EPOCHS), batch_videos=SMOKE_BATCH),
        evaluation=replace(trial.evaluation, every_epochs=1),
    )


def _with_width(trial: Trial, width: float) -> Trial:
    """Multiply the channels of the stem, and with it those of every stage.

    A stem of other than the usual 64 channels takes the nearest number of them.
    """
    options = trial.model.backbone_options
    usual = stem_width(trial.model.backbone)
    wide = options.get("stem_width", usual)
    assert isinstance(wide, int)
    stem = round(wide * width)
    if usual != STEM_WIDTH:
        stem = max(stem, 1)
    elif stem < 1 or stem != wide * width:
        raise ValueError(f"width {width:g} of {wide} channels is {wide * width:g}, no whole number")
    options = {**options, "stem_width": stem}
    return replace(trial, model=replace(trial.model, backbone_options=options, weights=None))


def _with_epochs(train: TrainSpec, epochs: int) -> TrainSpec:
    """Train for another number of epochs; drops and warm-up stay where they are in proportion."""
    return replace(
        train,
        epochs=epochs,
        milestones=tuple(epoch * epochs / train.epochs for epoch in train.milestones),
        warmup_epochs=train.warmup_epochs * epochs / train.epochs,
    )


def _with_crop(trial: Trial, crop_px: int) -> Trial:
    views = trial.evaluation
    short_side_px = round(views.short_side_px * crop_px / views.crop_px)
    return replace(
        trial,
        data=replace(trial.data, crop_px=crop_px),
        evaluation=replace(views, crop_px=crop_px, short_side_px=short_side_px),
    )
