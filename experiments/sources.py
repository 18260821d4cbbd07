"""Sources of a recipe: where the value of each field of a trial comes from.

- `slides`: the slides or the abstract of the paper, whose running text was not at hand;
- `release`: the released Kinetics-400 configuration of whwu95/DSANet;
- `V4D`: the paper and code of V4D, whose rows the slides quote;
- `TSM`: the script of mit-han-lab/temporal-shift-module for Something-Something;
- `TANet`: the scripts of liu-zhy/temporal-adaptive-module;
- `TEA`: its settings for Something-Something V1;
- `MVFNet`: the configuration of whwu95/MVFNet for Kinetics-400, and for ActivityNet what the same
  authors say of fine-tuning it on UCF101, in its issue 3;
- `SlowFast`, `X3D`: the configurations of facebookresearch/SlowFast for Kinetics-400;
- `VoV3D`: its published configurations;
- `data set`: its lists or files;
- `guess`: none of these, even if the value is that of the release for another data set.
"""

from collections.abc import Mapping

from experiments.recipes import FINAL_R50
from harness.experiment import Source, Sources
from harness.specs import Trial

_SNIPPETS = ("data.num_snippets", "data.num_frames")
_TIMING = ("data.frame_stride", "data.snippet_rule", "data.num_sections")
_CROPS = ("data.crop_px", "data.crop_area", "data.crop_aspect", "data.flip")
_MODULE = ("model.position", "model.blocks", "model.module_options")
_START = ("model.weights", "model.dropout")
_SCHEDULE = ("train.epochs", "train.lr", "train.schedule", "train.milestones", "train.weight_decay")
_STEPS = (
    "train.batch_videos",
    "train.norm_videos",
    "train.warmup_epochs",
    "train.warmup_start",
    "train.momentum",
    "train.nesterov",
    "train.clip_grad_norm",
)
_PASSES = ("evaluation.num_passes", "evaluation.pass_snippets")
_VIEWS = (*_PASSES, "evaluation.num_crops")
_TEST_PICTURES = ("evaluation.crop_px", "evaluation.short_side_px", "evaluation.average")
_RECIPE = (*_TIMING, *_CROPS, *_START, *_SCHEDULE, *_STEPS, *_TEST_PICTURES)

_Fields = Mapping[Source, tuple[str, ...]]
_EVERYWHERE: _Fields = {
    "slides": ("data.name", "model.backbone", "model.module"),
    "data set": ("data.num_classes",),
    "guess": (
        "data.fps",
        *_SNIPPETS,
        *_RECIPE,
        *_MODULE,
        *_VIEWS,
        "train.precision",
        "evaluation.grouping",
    ),
}
_OF_DATA_SET: Mapping[str, _Fields] = {
    "kinetics400": {"slides": _VIEWS, "release": ("data.fps", *_SNIPPETS, *_RECIPE, *_MODULE)},
    "mini_kinetics200": {
        "slides": (*_SNIPPETS, "data.crop_px", *_VIEWS, *_MODULE),
        "V4D": ("data.frame_stride",),
    },
    "something_v1": {"data set": ("data.fps",), "TSM": (*_SCHEDULE, "model.dropout")},
    "activitynet": {"MVFNet": _SCHEDULE},
}
_STEP = ("train.epochs", "train.lr", "train.schedule", "train.milestones", "train.weight_decay")
_COSINE = (*_STEP, "train.batch_videos", "train.warmup_epochs")
_FROM_CONFIGURATION = (
    *_COSINE,
    "train.norm_videos",
    "train.warmup_start",
    "train.momentum",
    "data.frame_stride",
    "data.crop_px",
    "data.fps",
    *_START,
    *_TEST_PICTURES[:2],
)
_BATCH = ("train.batch_videos", "train.norm_videos", "train.clip_grad_norm")
_OF_OTHERS = (
    *("tanet", "teinet", "tea", "mvfnet", "slowfast", "x3d"),
    *("vov3d", "trn", "eco", "s3d", "bn", "inception"),
)
_REFERENCES = ("c3d", "r2plus1d", "mvit", "swin3d")  # nothing of them is on the slides but a name
# Of other work, by the first word of the backbone and the data set.
_OF_OTHER_WORK: Mapping[tuple[str, str], _Fields] = {
    ("tsm", "kinetics400"): {"TSM": ("train.epochs",)},
    ("tsm", "something_v1"): {"TSM": (*_STEP, *_VIEWS, *_TEST_PICTURES[:2], "model.dropout")},
    ("tanet", "kinetics400"): {"TANet": (*_STEP, *_BATCH, *_VIEWS, *_TEST_PICTURES[:2], *_START)},
    ("tanet", "something_v1"): {"TANet": (*_STEP, *_BATCH, *_VIEWS, "model.dropout")},
    ("tanet", "something_v2"): {"TANet": (*_STEP, *_BATCH, *_VIEWS, "model.dropout")},
    ("tea", "something_v1"): {"TEA": ("train.epochs", "train.lr", "train.milestones")},
    ("mvfnet", "kinetics400"): {
        "MVFNet": ("data.fps", *_SNIPPETS, *_RECIPE, *_VIEWS),
        "guess": ("data.snippet_rule", "data.num_sections", "evaluation.average"),
    },
    ("x3d", "something_v1"): {"VoV3D": _COSINE},
    ("slowfast", "kinetics400"): {"SlowFast": _FROM_CONFIGURATION},
    ("x3d", "kinetics400"): {"X3D": _FROM_CONFIGURATION},
    ("vov3d", "kinetics400"): {"VoV3D": (*_COSINE, *_VIEWS)},
    ("vov3d", "something_v1"): {"VoV3D": (*_COSINE, *_VIEWS)},
    ("vov3d", "something_v2"): {"VoV3D": _VIEWS},
}


def sources_of(trial: Trial) -> Sources:
    """Return the source of every field of a trial of the paper's tables, module options as one."""
    data, model = trial.data, trial.model
    on_kinetics, on_mini = data.name == "kinetics400", data.name == "mini_kinetics200"
    is_v4d, is_r18 = model.module == "v4d", model.backbone == "i3d_resnet18"
    is_other_work = is_v4d or (on_kinetics and model.module != "dsa")
    family, is_attention = model.backbone.partition("_")[0], model.module in ("non_local", "cgnl")
    rules: tuple[tuple[bool, _Fields], ...] = (  # later rules override earlier ones
        (True, _EVERYWHERE),
        (True, _OF_DATA_SET.get(data.name, {})),
        (is_other_work, {"guess": _RECIPE}),  # trained by the recipe of DSA, not by its own
        (on_kinetics and is_other_work, {"slides": _SNIPPETS}),
        (on_kinetics and is_v4d, {"V4D": ("data.frame_stride",)}),
        (family in _OF_OTHERS, {"guess": _RECIPE}),
        (family in _REFERENCES, {"guess": ("data.fps", *_SNIPPETS, *_RECIPE, *_VIEWS)}),
        (is_attention, {"guess": _MODULE}),
        (model.module is None, _OF_OTHER_WORK.get((family, data.name), {})),
        (on_kinetics and data.num_frames == 4, {"slides": _SNIPPETS, "guess": _TIMING[:1]}),
        (on_mini and not is_r18, {"slides": ("data.crop_px",)}),
        (on_mini and is_r18, {"guess": ("data.crop_px",)}),
        (on_mini and data.frame_stride == 8, {"V4D": ("data.frame_stride",)}),
        (on_mini and data.frame_stride != 8, {"guess": ("data.frame_stride",)}),
        # The slides print neither snippets nor frames of TSM R50 and I3D R50 in (g) and (h).
        (on_mini and model.module is None and not is_r18, {"guess": (*_SNIPPETS, *_PASSES)}),
        (on_mini and "tsm" in model.backbone, {"guess": ("data.num_frames",)}),
        (on_mini and model.blocks == FINAL_R50, {"release": ("model.blocks",)}),
        (on_mini and model.blocks != FINAL_R50, {"guess": ("model.blocks",)}),
        (model.module == "se", {"guess": ("model.module_options",)}),
        (is_r18, {"guess": _MODULE}),
        (is_v4d, {"V4D": _MODULE}),
        # Its paper combines units of sections; one pass over ten is what its released code does.
        (is_v4d and on_mini, {"guess": _PASSES}),
    )
    found = {
        path: source
        for holds, fields in rules
        if holds
        for source, paths in fields.items()
        for path in paths
    }
    return found if model.module else {k: v for k, v in found.items() if k not in _MODULE}
