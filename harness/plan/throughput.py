"""How many training multiply-adds a device does in a second: assumed, or measured.

What is assumed is the dense bf16 peak of a data sheet times one share for all; `harness
bench-step` measures the real one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.specs import Scale
from harness.utils.lookup import check_name

FORWARD_AND_BACKWARD = 3
USED_SHARE = 0.15
USED_SHARE_SOURCE = (
    "15 % of the peak, a guess: NVIDIA prints 2,470 images/s for training ResNet-50 in mixed "
    "precision on an A100, 19.5 % of its peak, and layers of a 3D network are less alike"
)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """What a device does.

    Attributes:
        device: Its name.
        macs_per_second: Multiply-adds of training: forward and backward.
        source: Who says so.
        measured: False for an assumption.
    """

    device: str
    macs_per_second: float
    source: str
    measured: bool


def _assumed(device: str, dense_bf16_tflops: float, sheet: str) -> Rate:
    macs = dense_bf16_tflops * 1e12 / 2 * USED_SHARE
    source = f"{dense_bf16_tflops:g} TFLOP/s dense bf16 ({sheet}) × {USED_SHARE_SOURCE}"
    return Rate(device=device, macs_per_second=macs, source=source, measured=False)


GPUS: Mapping[str, Rate] = {
    "h200": _assumed("h200", 989, "NVIDIA H200 SXM data sheet: 1,979 with sparsity"),
    "h100": _assumed("h100", 989, "NVIDIA H100 SXM data sheet: 1,979 with sparsity"),
    "a100": _assumed("a100", 312, "NVIDIA A100 data sheet"),
}


def assumed(gpu: str) -> Rate:
    """Return what is assumed of a GPU.

    Raises:
        ValueError: If nothing is; measure it.
    """
    return GPUS[check_name(gpu, GPUS, what="GPU")]


def read(path: Path, *, scale: Scale) -> Rate:
    """Read what `harness bench-step --json` measured.

    Raises:
        ValueError: If the file is not that, or was measured at another scale.
    """
    try:
        measured: dict[str, Any] = json.loads(path.read_bytes())
        macs = float(measured["macs_per_second"]["median"])
        device, at = str(measured["device_name"]), measured["scale"]
        where = f"{measured['table']}/{measured['row']}, batch {measured['batch_videos']}"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is nothing that bench-step --json printed ({error})") from error
    if at != scale:
        raise ValueError(f"{path} was measured at {at} scale and says nothing of {scale} scale")
    if not macs > 0:
        raise ValueError(f"{path} says {macs} multiply-adds per second; measure it again")
    return Rate(device=device, macs_per_second=macs, source=f"measured on {where}", measured=True)
