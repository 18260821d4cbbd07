"""Devices of trials: options that belong together, and a default that uses the GPUs at hand."""

import re
from dataclasses import dataclass

from harness.runtime import check_device

_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


@dataclass(frozen=True, kw_only=True)
class Devices:
    """The devices of a trial.

    Attributes:
        device: `cpu`, `cuda`, or `cuda:<index>`.
        gpus: GPUs that Ray reserves for a trial; a fraction shares one.
        ranks: Processes of a trial.
        note: What was chosen for the user, in a sentence; empty if nothing was.
    """

    device: str
    gpus: float
    ranks: int
    note: str = ""


def choose(
    *, device: str | None, gpus: float | None, ranks: int | None, on_ray: bool, is_remote: bool
) -> Devices:
    """Complete the options of a run, each None if not given, and refuse those that contradict.

    Args:
        device: Value of `--device`.
        gpus: Value of `--gpus-per-trial`.
        ranks: Value of `--ranks`.
        on_ray: Trials run on Ray, which gives each the GPUs that it reserved.
        is_remote: The cluster is not this machine, whose GPUs then say nothing.

    Raises:
        ValueError: If they contradict each other, or this machine lacks the device.
    """
    _check_values(device, gpus, on_ray=on_ray)
    note = ""
    if device is None:
        device, note = _default_device(gpus, is_remote=is_remote)
    if device == "cpu":
        if gpus:
            raise ValueError(
                f"--gpus-per-trial {gpus:g} reserves GPUs, and --device cpu leaves them idle: pass "
                "--device cuda, or no --gpus-per-trial"
            )
        return Devices(device=device, gpus=0, ranks=ranks or 1, note=note)
    if gpus == 0 and on_ray:
        raise ValueError(
            f"--device {device} with --gpus-per-trial 0 would run one trial per processor core, "
            "all of them on the same GPU: pass --gpus-per-trial 1 or more"
        )
    count = ranks or max(int(gpus or 0), 1)
    _check_ranks(device, gpus, count)
    if not is_remote:
        check_device(device if count == 1 else f"cuda:{count - 1}")
    return Devices(device=device, gpus=gpus or count, ranks=count, note=note)


def _check_values(device: str | None, gpus: float | None, *, on_ray: bool) -> None:
    """Refuse values that are wrong whatever the others are."""
    if device is not None and not _DEVICE.fullmatch(device):
        raise ValueError(f"--device {device} is none of cpu, cuda, cuda:<index>")
    if device is not None and ":" in device and on_ray:
        raise ValueError(
            f"--device {device}: Ray numbers the GPUs of a trial from 0; pass --device cuda, and "
            "choose GPUs by CUDA_VISIBLE_DEVICES"
        )
    if gpus is not None and gpus > 1 and gpus != int(gpus):
        raise ValueError(f"--gpus-per-trial {gpus:g} is neither a whole number nor less than 1")


def _default_device(gpus: float | None, *, is_remote: bool) -> tuple[str, str]:
    """Return the device of a run that names none, and a sentence on it."""
    if gpus is not None:
        return ("cuda" if gpus else "cpu"), ""
    count = 0 if is_remote else _count_gpus()
    if not count:
        return "cpu", ""
    noun = "a GPU" if count == 1 else f"{count} GPUs"
    return "cuda", f"this machine has {noun}: trials run with --device cuda; pass --device cpu " + (
        "for the processor"
    )


def _count_gpus() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _check_ranks(device: str, gpus: float | None, ranks: int) -> None:
    """Refuse ranks that would have to share a GPU."""
    if ranks > 1 and ":" in device:
        raise ValueError(f"--device {device} is one GPU, and {ranks} ranks need one each")
    if gpus and ranks != max(int(gpus), 1):
        raise ValueError(
            f"--ranks {ranks} with --gpus-per-trial {gpus:g}: each rank needs one whole GPU; pass "
            f"--gpus-per-trial {ranks}"
        )
