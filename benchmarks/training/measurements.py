"""The rows of `python -m benchmarks training`: the peak, networks side by side, and batches."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmarks.training import networks, steps
from benchmarks.training.networks import Variant
from benchmarks.training.setting import Setting
from benchmarks.training.steps import FLOP_PER_MAC
from harness.cost.count import count
from harness.plan import measure_throughput
from harness.plan.throughput import FORWARD_AND_BACKWARD
from harness.specs import Trial

Row = dict[str, Any]
Say = Callable[[str], None]
PAIRS = (("dsa", "tsn"), ("v4d", "tsn"), ("grouped", "tsn"), ("grouped", "dsa"))
_COUNTING_RULE = "mac"  # batch norm is no matrix work


def peak(setting: Setting) -> Row:
    """Measure the FLOP per second of large products of bfloat16 matrices; the largest counts."""
    device = torch.device(setting.device)
    rates = {side: steps.product_rate(side, device) for side in setting.sides}
    side = max(rates, key=lambda each: rates[each])
    return {"flop_per_second": rates[side], "side": side}


def side_by_side(setting: Setting, variant: Variant, *, peak: float, say: Say) -> Row:
    """Measure all networks in one way, next to each other.

    Raises:
        ValueError: If no network's batch fits, or one not beside the others.
    """
    torch.compiler.reset()
    steps.free()
    batch = _batch(setting, setting.batch_videos)
    found: dict[str, Row] = {}
    runs: dict[str, Callable[[], float]] = {}
    for name in setting.networks:
        say(f"{variant}: first steps of {name}")
        net, found[name] = _started(name, setting, variant, batch)
        if net is not None:
            trial = _trial(name, setting, variant)
            runs[name] = partial(steps.mean_step, net, batch, trial, steps=setting.steps)
    if all("does_not_fit" in row for row in found.values()):
        raise ValueError(f"{_too_many(setting)}; give a smaller --batch")
    times = turns(runs, setting, lambda line: say(f"{variant}: {line}"))
    for name, taken in times.items():
        found[name] |= _speed(taken, setting.batch_videos)
        found[name] |= share(found[name], peak=peak)
    return {**asdict(variant), "networks": found, "ratios": ratios(times)}


def _batch(setting: Setting, videos: int) -> measure_throughput.Batch:
    trial = _trial("tsn", setting, setting.batch_variant())
    return measure_throughput.random_batch(trial.data, videos, torch.device(setting.device))


def _trial(name: str, setting: Setting, variant: Variant) -> Trial:
    return networks.shaped(
        name,
        num_frames=setting.num_frames,
        crop_px=setting.crop_px,
        stem_width=setting.stem_width,
        precision=variant.precision,
    )


def _started(
    name: str, setting: Setting, variant: Variant, batch: measure_throughput.Batch
) -> tuple[nn.Module | None, Row]:
    """Build a network and run its first steps; None where that is not possible, and why."""
    try:
        started = steps.fitting(partial(_start, name, setting, variant, batch))
    except steps.NotCompiledError as error:
        return None, {"note": f"torch.compile does not work here: {error}"}
    return started or (None, {"note": _too_many(setting), "does_not_fit": True})


def _start(
    name: str, setting: Setting, variant: Variant, batch: measure_throughput.Batch
) -> tuple[nn.Module, Row]:
    trial = _trial(name, setting, variant)
    net = networks.build(name, trial, variant, batch.clips.device)
    row = {
        "first_step_s": steps.first_step(net, batch, trial),
        "peak_mb": steps.peak_bytes(net, batch, trial) / 1e6,
        "macs_per_video": count(trial, rule=_COUNTING_RULE).macs,
    }
    return net, row


def _too_many(setting: Setting) -> str:
    return f"a batch of {setting.batch_videos} videos does not fit into the memory"


def turns(
    runs: Mapping[str, Callable[[], float]], setting: Setting, say: Say
) -> dict[str, list[float]]:
    """Let networks take turns; return the seconds of a step by round.

    Raises:
        ValueError: If memory does not suffice for all of them.
    """
    turn = partial(steps.laps, runs, rounds=setting.rounds, progress=say)
    if (times := steps.fitting(turn)) is None:
        raise ValueError(f"{_too_many(setting)} beside all networks; give a smaller --batch")
    return times


def _speed(seconds: list[float], videos: int) -> Row:
    return {
        "videos_per_second": asdict(
            measure_throughput.quartiles([videos / duration for duration in seconds])
        )
    }


def share(row: Row, *, peak: float) -> Row:
    """Return FLOP per second and their share of the peak.

    Training takes three times the multiply-adds of a forward pass, two FLOP each.
    """
    per_video = FORWARD_AND_BACKWARD * FLOP_PER_MAC * row["macs_per_video"]
    rate = per_video * row["videos_per_second"]["median"]
    return {"flop_per_second": rate, "peak_share": rate / peak}


def ratios(times: Mapping[str, list[float]]) -> dict[str, Row]:
    """Return median and quartiles, over rounds, of the ratio of times of pairs of networks."""
    return {
        f"{one}/{other}": asdict(
            measure_throughput.quartiles(
                [a / b for a, b in zip(times[one], times[other], strict=True)]
            )
        )
        for one, other in PAIRS
        if one in times and other in times
    }


def batches(
    name: str, setting: Setting, *, keep: Callable[[str, Callable[[], Row]], Row], say: Say
) -> None:
    """Measure a network with 1, 2, 4 … videos in a step, each a row, until they do not fit.

    Args:
        name: Of the network.
        setting: How.
        keep: Given the name of a row and what measures it; returns the row.
        say: Told what is measured next.
    """
    variant = setting.batch_variant()
    trial = _trial(name, setting, variant)
    net = networks.build(name, trial, variant, torch.device(setting.device))

    def measure(videos: int) -> Row | None:
        say(f"best batch: {name}, {videos} videos")
        timed = partial(_with_batch, net, trial, setting, videos)
        row = keep(f"{name}, batch {videos}", lambda: {"network": name, "batch": videos, **timed()})
        return None if "note" in row else row

    steps.doubling(measure, largest=setting.largest_batch)


def _with_batch(net: nn.Module, trial: Trial, setting: Setting, videos: int) -> Row:
    def measured() -> Row:
        batch = _batch(setting, videos)
        peak_mb = steps.peak_bytes(net, batch, trial) / 1e6
        taken = steps.step_seconds(net, batch, trial, steps=setting.rounds)
        return _speed(taken, videos) | {"peak_mb": peak_mb}

    row = steps.fitting(measured)
    net.zero_grad()
    return row or {"note": "does not fit"}
