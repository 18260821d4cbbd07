"""Reference rows of the Kinetics-400 comparison, which the slides lack: earlier and later work."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from experiments import related_work
from experiments.recipes import SGD_100_EPOCHS
from experiments.related_work import three_dimensional
from harness.experiment import Row
from harness.specs import EvalSpec, Trial

PUBLISHED: Mapping[str, tuple[Mapping[str, float], Trial, str]] = {
    "X3D-M, 16 × 10 × 3": (
        {"top1": 76.0, "top5": 92.3, "params_m": 3.8, "gmacs": 6.2},
        related_work.X3D_M,
        "X3D-M in Feichtenhofer 2020",
    ),
    "VoV3D-M, 16 × 10 × 3": (
        {"top1": 74.7, "top5": 92.1, "params_m": 3.7, "gmacs": 6.4},
        related_work.VOV3D_M,
        "VoV3D-M in the README of its released code, April 2021",
    ),
    "VoV3D-L, 16 × 10 × 3": (
        {"top1": 76.3, "top5": 92.9, "params_m": 6.2, "gmacs": 9.3},
        related_work.VOV3D_L,
        "VoV3D-L in the README of its released code, April 2021",
    ),
}


# By torchvision's name, from the metadata of its weights: label, top-1, top-5, 10^6 parameters and
# 10^9 multiply-adds; then the clips that it tests on: frames, stride, number and crop.
SWIN = (32, 2, 12, 224)
TORCHVISION: Mapping[str, tuple[str, tuple[float, float, float, float], tuple[int, ...]]] = {
    "r2plus1d_18": ("R(2+1)D-18", (67.463, 86.175, 31.505325, 40.519), (16, 2, 5, 112)),
    "mvit_v2_s": ("MViTv2-S", (80.757, 94.665, 34.537744, 64.224), (16, 4, 5, 224)),
    "swin3d_t": ("Swin-T", (77.715, 93.519, 28.15807, 43.882), SWIN),
    "swin3d_s": ("Swin-S", (79.521, 94.158, 49.816678, 82.841), SWIN),
    "swin3d_b": ("Swin-B", (79.427, 94.386, 88.048984, 140.667), SWIN),
}
NOTES = (
    "References enter no claim. R(2+1)D-18, MViTv2-S and Video Swin have the figures of "
    "torchvision's weights; the transformers are later than the paper, and their attention is "
    "counted.",
    "torchvision prints the cost of Video Swin on 16 frames although it tests on 32, twice as "
    "dear: on 16 frames its figure is met to the last digit.",
    "C3D is named on the first slide, without any figure.",
)


def on_one_crop(backbone: str, frames: int, stride: int, clips: int, crop_px: int) -> Trial:
    """Return a network tested on one crop of several dense clips, trained by a guessed recipe."""
    trial = three_dimensional(
        backbone, SGD_100_EPOCHS, frames=frames, stride=stride, crop_px=crop_px
    )
    views = EvalSpec(num_passes=clips, crop_px=crop_px, short_side_px=round(crop_px * 8 / 7))
    return replace(trial, evaluation=views)


def rows() -> Iterator[Row]:
    """Yield the reference rows, from the time of the paper to later work."""
    yield Row(label="C3D, 16 × 10 × 1", trial=on_one_crop("c3d", 16, 2, 10, 112), reference=True)
    for label, (published, trial, source) in PUBLISHED.items():
        yield Row(
            label=label,
            trial=trial,
            published=published,
            source=source,
            reference=True,
            is_truncated="VoV3D" in label,
        )
    for backbone, (name, figures, views) in TORCHVISION.items():
        when = "" if backbone == "r2plus1d_18" else ", later"
        yield Row(
            label=f"{name}, {views[0]} × {views[2]} × 1{when}",
            trial=on_one_crop(backbone, *views),
            published=dict(zip(("top1", "top5", "params_m", "gmacs"), figures, strict=True)),
            source=f"{backbone} in the metadata of torchvision's weights",
            reference=True,
        )
