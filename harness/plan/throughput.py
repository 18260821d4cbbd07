"""Throughput of a device in training, in multiply-adds per second: assumed or measured.

An assumed throughput is the dense bf16 peak of the data sheet times one utilisation for all
devices; `harness bench-step` measures the real one.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.specs import Scale
from harness.utils import escape, json_file
from harness.utils.lookup import check_name

FORWARD_AND_BACKWARD = 3
UTILISATION = 0.15
UTILISATION_SOURCE = (
    "15 % of the peak, a guess: NVIDIA prints 2,470 images/s for training ResNet-50 in mixed "
    "precision on an A100, 19.5 % of its peak, and layers of a 3D network are less alike"
)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """The throughput of a device.

    Attributes:
        device: Name of the device.
        macs_per_second: Multiply-adds of training: forward and backward.
        source: Data sheet or measurement.
        is_measured: False for an assumption.
    """

    device: str
    macs_per_second: float
    source: str
    is_measured: bool


def _assumed(device: str, dense_bf16_tflops: float, sheet: str) -> Rate:
    macs = dense_bf16_tflops * 1e12 / 2 * UTILISATION
    source = f"{dense_bf16_tflops:g} TFLOP/s dense bf16 ({sheet}) × {UTILISATION_SOURCE}"
    return Rate(device=device, macs_per_second=macs, source=source, is_measured=False)


GPUS: Mapping[str, Rate] = {
    "h200": _assumed("h200", 989, "NVIDIA H200 SXM data sheet: 1,979 with sparsity"),
    "h100": _assumed("h100", 989, "NVIDIA H100 SXM data sheet: 1,979 with sparsity"),
    "a100": _assumed("a100", 312, "NVIDIA A100 data sheet"),
}


def assumed_rate(gpu: str) -> Rate:
    """Return the assumed throughput of a GPU.

    Raises:
        ValueError: If the GPU is not in the list; measure it instead.
    """
    return GPUS[check_name(gpu, GPUS, what="GPU")]


def read_rate(path: Path, *, scale: Scale) -> Rate:
    """Read a measurement of `harness bench-step --json`.

    Raises:
        ValueError: If the file is not such a measurement, or is one at another scale.
    """
    try:
        measured: dict[str, Any] = json_file.loads(path.read_bytes())
        macs = float(measured["macs_per_second"]["median"])
        device, measured_scale = escape.name(str(measured["device_name"])), measured["scale"]
        row = f"{measured['table']}/{measured['row']}, batch {measured['batch_videos']}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not an output of bench-step --json ({error})") from error
    if measured_scale != scale:
        raise ValueError(
            f"{path} was measured at {escape.name(str(measured_scale))} scale, not at {scale} "
            "scale; measure it again"
        )
    if not 0 < macs < math.inf:
        raise ValueError(f"{path} has {macs} multiply-adds per second; measure it again")
    return Rate(
        device=device,
        macs_per_second=macs,
        source=f"measured on {escape.name(row)}",
        is_measured=True,
    )
