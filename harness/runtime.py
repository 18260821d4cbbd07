"""Where and how a trial runs: nothing here may change a number.

Devices, workers and paths live in `Runtime` and never reach the key of a trial. The provenance of
a record (commit, code, libraries, machine) is read here too.
"""

import ast
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[1]
_LIBRARIES = ("torch", "torchvision", "av", "numpy", "einops", "ray", "mlflow")
_SPECS = "harness.specs"
_DIGITS = 16
REGISTRIES = ("DATASETS", "GENERATED", "BACKBONES", "MODULES", "CHECKPOINTS")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The machine's side of a trial.

    Attributes:
        results: Folder of records, tables, figures, and work in progress.
        data: Folder of the data sets.
        weights: Folder of initial weights, or None.
        device: `cpu`, `cuda`, or `cuda:<index>`.
        threads: CPU threads of each rank.
        ranks: Processes that share one trial, one for each GPU.
        workers: Loader processes of each rank; 0 loads in the rank itself.
        loader_timeout_s: Longest wait for a batch from loader processes, in seconds; 0 for no end.
        cache_mb: What one loading process may keep of videos, in megabytes: those that are small,
            decoded, and of others what a plan needs to know.
        keep_checkpoints: Leave the checkpoints of a finished trial where they are.
        campaign: Name that groups the trials of one or more launches.
    """

    results: Path
    data: Path
    weights: Path | None = None
    device: str = "cpu"
    threads: int = 1
    ranks: int = 1
    workers: int = 0
    loader_timeout_s: float = 300.0
    cache_mb: int = 512
    keep_checkpoints: bool = False
    campaign: str = ""

    def work(self, key: str) -> Path:
        """Return the folder of a trial that is not finished."""
        return self.results / "work" / key


def check_device(name: str) -> None:
    """Refuse a device that this machine lacks; nothing falls back to another one.

    Raises:
        ValueError: If `name` is a GPU that is not there.
    """
    import torch

    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"device {name}: this machine has {torch.cuda.device_count()} GPUs")


def provenance(runtime: Runtime) -> dict[str, object]:
    """Describe what made a number: commit, libraries and machine; no user, host or path."""
    return {
        "campaign": runtime.campaign,
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--", "harness", "experiments")),
        "python": platform.python_version(),
        "libraries": {name: _version(name) for name in _LIBRARIES},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "device": _device_name(runtime.device),
        "ranks": runtime.ranks,
        "float32": _float32(runtime.device),
    }


def code_hashes(entry: str, *, registered: Iterable[str] = ()) -> dict[str, str]:
    """Hash each module that a run imports from this package, comments and docstrings left out.

    Dictionaries of names are left out as well; what a trial uses of them is given instead. So a
    new module or data set makes no record stale. Nor does `harness.specs`: it holds values, and
    every value of a trial stands in its key.

    Args:
        entry: Module where the run starts.
        registered: Further modules, those that the trial names.
    """
    reached = sorted(closure([entry, *registered]) - {_SPECS})
    return {module: _hash(_canonical(_source(module))) for module in reached}


def closure(entries: Iterable[str]) -> set[str]:
    """Return the modules of this package that `entries` import, themselves included."""
    seen: set[str] = set()
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen.add(module)
            waiting += imports(module)
    return seen


@cache
def imports(module: str) -> tuple[str, ...]:
    """Return the modules of this package that one module imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(_source(module))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    parents = {name.rpartition(".")[0] for name in found}
    return tuple(sorted(name for name in found | parents if _is_ours(name)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == "harness" and _path(module) is not None


def _path(module: str) -> Path | None:
    stem = _ROOT.joinpath(*module.split("."))
    files = (stem.with_suffix(".py"), stem / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def _source(module: str) -> str:
    path = _path(module)
    assert path is not None, module
    return path.read_text(encoding="utf-8")


def _canonical(source: str) -> str:
    """Dump the syntax tree without docstrings and without the dictionaries of names."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [child for child in node.body if not _is_prose(child)]
    return ast.dump(tree)


def _is_prose(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id in REGISTRIES
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


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


def _float32(device: str) -> str:
    """Say how products of 32-bit numbers are taken: TF32 has 10 bits behind the point, not 23."""
    import torch

    if not device.startswith("cuda"):
        return "float32"
    kinds: dict[str, Any] = {
        "matmul": torch.backends.cuda.matmul,
        "convolution": torch.backends.cudnn,
    }
    rounded = [name for name, each in kinds.items() if each.allow_tf32]
    return f"TF32 in {' and '.join(rounded)}" if rounded else "float32"


def _device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
