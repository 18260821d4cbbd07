"""Machine, libraries and commit behind a record."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from harness.runtime import Runtime
from harness.utils.instruction_set import AVX2, NAMES

_ROOT = Path(__file__).resolve().parents[2]
_LIMITS = (*NAMES, "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR")
_LIBRARIES = ("torch", "torchvision", "av", "numpy", "einops", "ray", "mlflow")


SWITCHES = {  # of a runtime, in the words of `harness why`
    "compiled": "trained with torch.compile",
    "activation_checkpointing": "trained with activation checkpointing",
}


def describe(runtime: Runtime) -> dict[str, object]:
    """Describe what made a number: commit, libraries and machine; no user, host or path."""
    return {
        "campaign": runtime.campaign,
        **commit(),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "instruction_set": _instruction_set(),
        "threads": runtime.threads,
        "device": _device_name(runtime.device),
        "ranks": runtime.ranks,
        "float32": _float32(runtime.device),
    } | {name: True for name in SWITCHES if getattr(runtime, name)}


def commit() -> dict[str, object]:
    """Return the commit of this checkout, and whether its code has uncommitted changes.

    Both are None where git does not say: no git, no repository, or one of another user. A harness
    that was installed may lie in a repository of something else, whose commit is not its own.
    """
    top = _git("rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != _ROOT:
        return {"commit": None, "dirty": None}
    changes = _git("status", "--porcelain", "--", "harness", "experiments")
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": None if changes is None else bool(changes),
    }


def _git(*args: str) -> str | None:
    try:
        done = subprocess.run(["git", *args], cwd=_ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _version(library: str) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _instruction_set() -> str:
    """Return what PyTorch's kernels use; another set rounds differently, so trials differ."""
    import torch

    given = {name: limit for name in _LIMITS if (limit := os.environ.get(name))}
    # One of them alone leaves AVX-512 to the other library.
    usual = AVX2.items() if AVX2.items() <= given.items() else set()
    limits = [f"{name}={limit}" for name, limit in given.items() if (name, limit) not in usual]
    return ", ".join([torch.backends.cpu.get_cpu_capability(), *limits])


def _float32(device: str) -> str:
    """Return how products of float32 are computed: TF32 has 10 bits of mantissa instead of 23."""
    import torch

    if not device.startswith("cuda"):
        return "float32"
    kinds: dict[str, Any] = {
        "matmul": torch.backends.cuda.matmul,
        "convolution": torch.backends.cudnn,
    }
    rounded = [name for name, backend in kinds.items() if backend.allow_tf32]
    return f"TF32 in {' and '.join(rounded)}" if rounded else "float32"


def _device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
