"""Measure DSA: the operator against a grouped convolution, a network with it against one without.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, L taps. Everything is float32,
forward and backward; docs/performance.md says how, and when to trust it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import click
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from benchmarks.grouped import DSA_I3D_R50, grouped
from benchmarks.mix_forms import other_forms, pass_through
from benchmarks.paired import Comparison, compare
from experiments.recipes import I3D_R50
from harness.runtime import check_device
from harness.specs import Trial
from harness.zoo.build import build
from harness.zoo.layers.dynamic import SnippetMix

SNIPPETS, TAPS = 4, 3


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Settings of the measurement.

    Attributes:
        device: `cpu`, `cuda`, or `cuda:<index>`.
        threads: CPU threads.
        pairs: Pairs of runs per comparison, at least 2.
        crop_px: Side of the network's crop.
        tiny: Take tiny shapes, only to see that everything works.
        compile: Measure what `torch.compile` makes of the operator, too.
    """

    device: str = "cpu"
    threads: int = 1
    pairs: int = 9
    crop_px: int = 112
    tiny: bool = False
    compile: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """Input of a DSA module at position II of I3D R50; it mixes `mixed` of `channels` maps."""

    stage: str
    channels: int
    mixed: int
    size_px: int
    videos: int
    frames: int


def run(setting: Setting, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything; return what JSON can hold.

    Args:
        setting: How.
        progress: Told what is measured next.

    Raises:
        ValueError: If the device is not there.
    """
    check_device(setting.device)
    torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    rows = []
    listed = places(tiny=setting.tiny)
    for number, place in enumerate(listed, start=1):
        progress(f"operator {number}/{len(listed)}: {_words(place)}")
        rows.append(operator(place, setting))
    progress(f"network: I3D R50 with DSA and without, {setting.crop_px} px")
    return {
        "torch": torch.__version__,
        "setting": asdict(setting),
        "operator": rows,
        "network": asdict(network(setting)),
    }


def _words(place: Place) -> str:
    return (
        f"{place.stage} {place.mixed:3} of {place.channels}, {place.size_px} px, "
        f"N {place.videos:2}, T {place.frames}"
    )


def text(measured: dict[str, Any]) -> str:
    """Write what `run` returned as a table, ratios first."""
    setting, net = measured["setting"], measured["network"]
    lines = [
        f"torch {measured['torch']}, {setting['device']}, --threads {setting['threads']}, "
        f"{setting['pairs']} pairs, float32, forward and backward, U {SNIPPETS}",
        "",
        "Grouped convolution / SnippetMix",
        f"{'channels mixed':32}{'time':>6}  {'quartiles':11}{'memory':>7}{'ms':>16}{'differs':>9}",
    ]
    rows = {_words(_place(row)): row for row in measured["operator"]}
    lines += [f"{words:32}{_figures(row)}{row['difference']:9.0e}" for words, row in rows.items()]
    lines += ["", *_other_forms(rows)]
    lines += ["", "I3D R50 with DSA in five blocks / without"]
    lines.append(f"{str(setting['crop_px']) + ' px':32}{_figures(net)}")
    return "\n".join(lines)


def _place(row: dict[str, Any]) -> Place:
    return Place(**{name: row[name] for name in Place.__dataclass_fields__})


def _other_forms(rows: dict[str, dict[str, Any]]) -> list[str]:
    names = next(iter(rows.values()))["others"]
    lines = ["Grouped convolution / others", " " * 32 + "".join(f"{name:>15}" for name in names)]
    for words, row in rows.items():
        ratios = (f"{row['others'][name]['ratio']:15.2f}" for name in names)
        lines.append(f"{words:32}{''.join(ratios)}")
    return lines


def _figures(row: dict[str, Any]) -> str:
    low, high = row["quartiles"]
    memory = row["extra_mb"][0] / row["extra_mb"][1]
    times = " / ".join(f"{value:.1f}" for value in row["milliseconds"])
    return f"{row['ratio']:6.2f}  {low:.2f}–{high:<6.2f}{memory:7.2f}{times:>16}"


def places(*, tiny: bool) -> list[Place]:
    """List where the paper's final setting has DSA, with an eighth and with all channels mixed."""
    stages = [("res3", 128, 28), ("res4", 256, 14)]
    if tiny:
        return [Place(stage="res3", channels=16, mixed=2, size_px=4, videos=2, frames=2)]
    return [
        Place(stage=stage, channels=width, mixed=mixed, size_px=px, videos=videos, frames=frames)
        for stage, width, px in stages
        for mixed in (width // 8, width)
        for videos in (4, 12)
        for frames in (4, 8)
    ]


def operator(place: Place, setting: Setting) -> dict[str, Any]:
    """Compare the grouped convolution with `SnippetMix` at one place; above 1, ours is faster."""
    device = torch.device(setting.device)
    mix = SnippetMix(SNIPPETS, kernel_size=TAPS).to(device)
    x, upstream = (_channels_last(place, device) for _ in range(2))
    taps = torch.randn(place.videos, place.mixed, TAPS, device=device).softmax(2)
    forms = [partial(pass_through, form, x, taps, upstream) for form in (grouped, mix)]
    difference = largest_difference(forms[1](), forms[0]())
    against = partial(compare, forms[0], pairs=setting.pairs, device=device)
    others = other_forms(mix, (x, taps, upstream), is_compiled=setting.compile)
    return {
        **asdict(place),
        "x_mb": x.numel() * x.element_size() / 1e6,
        **asdict(against(forms[1])),
        "difference": difference,
        "others": {name: asdict(against(form)) for name, form in others.items()},
    }


def _channels_last(place: Place, device: torch.device) -> Float[Tensor, "N U C T H W"]:
    """Draw features as a block hands them over: some channels of a channels-last tensor."""
    shape = (place.videos * SNIPPETS, place.channels, place.frames, place.size_px, place.size_px)
    whole = torch.randn(shape, device=device).contiguous(memory_format=torch.channels_last_3d)
    return rearrange(whole[:, : place.mixed], "(n u) c t h w -> n u c t h w", u=SNIPPETS)


def largest_difference(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> float:
    """Return the largest difference of two lists of tensors, relative to each one's maximum."""
    pairs = zip(ours, theirs, strict=True)
    return max(float((a - b).abs().max() / b.abs().max()) for a, b in pairs)


def network(setting: Setting) -> Comparison:
    """Compare DSA+I3D R50 with TSN+I3D R50 over 2 videos; above 1, DSA takes longer."""
    device = torch.device(setting.device)
    videos, frames = (1, 1) if setting.tiny else (2, I3D_R50.data.num_frames)
    shape = (videos, SNIPPETS, 3, frames, setting.crop_px, setting.crop_px)
    clips = torch.randn(shape, device=device)
    width = {"stem_width": 8} if setting.tiny else {}
    nets = [_net(trial, width).to(device) for trial in (DSA_I3D_R50, I3D_R50)]
    passes = [partial(_train, net, clips) for net in nets]
    return compare(passes[0], passes[1], pairs=setting.pairs, device=device)


def _net(trial: Trial, options: dict[str, int]) -> nn.Module:
    return build(replace(trial.model, backbone_options=options), trial.data)


def _train(net: nn.Module, clips: Tensor) -> tuple[Tensor, ...]:
    loss = net(clips).square().mean()
    return torch.autograd.grad(loss, list(net.parameters()))


@click.command("dsa")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:<index>.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--pairs",
    type=click.IntRange(min=2),
    default=9,
    show_default=True,
    help="Pairs of runs per ratio.",
)
@click.option(
    "--crop",
    "crop_px",
    type=click.IntRange(min=16),
    default=112,
    show_default=True,
    help="Side of the network's crop, in pixels.",
)
@click.option(
    "--compile", is_flag=True, help="Measure the operator compiled, too; needs a C++ compiler."
)
@click.option("--tiny", is_flag=True, help="Tiny shapes, only to see that everything works.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool, **setting: Any) -> None:
    """Measure DSA: the operator against a grouped convolution, a network with and without it."""
    measured = run(Setting(**setting), lambda line: click.echo(line, err=True))
    click.echo(json.dumps(measured, indent=1) if as_json else text(measured))
