"""Facts about the GPUs of a machine, asked in a process of its own: `describe` or `all-reduce`."""

import ctypes
import json
import multiprocessing
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from harness.utils import children
from harness.utils.process import exit_with_parent

_VERSION_FILE = Path("/sys/module/nvidia/version")


def main() -> None:
    """Print the answer to a question as JSON."""
    children.isolate()
    answer = {"describe": describe, "all-reduce": all_reduce}[sys.argv[1]]()
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


def describe() -> dict[str, Any]:
    """Return the driver, the CUDA versions of the driver and of PyTorch, and every GPU."""
    supports = _supported_cuda()
    driver = _VERSION_FILE.read_text(encoding="ascii").strip() if _VERSION_FILE.is_file() else ""
    if not supports:
        return {"driver": driver, "supports": "", "built_for": "", "gpus": []}
    import torch

    built_for = torch.version.cuda or ""
    facts = {"driver": driver, "supports": supports, "built_for": built_for, "gpus": []}
    if not built_for:
        return facts | {"problem": "this PyTorch was built without CUDA"}
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
        return facts | {"gpus": [_gpu(index) for index in range(torch.cuda.device_count())]}
    except RuntimeError as error:
        return facts | {"problem": str(error).strip().splitlines()[0]}


def _gpu(index: int) -> dict[str, Any]:
    import torch

    with torch.cuda.device(index):
        free, total = torch.cuda.mem_get_info()
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        name = torch.cuda.get_device_name()
    return {"name": name, "free_bytes": free, "total_bytes": total, "has_bf16": has_bf16}


def _supported_cuda() -> str:
    """Return the newest CUDA version that the driver supports, as text; nothing without one."""
    try:
        version = ctypes.c_int()
        ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
    except OSError:
        return ""
    return f"{version.value // 1000}.{version.value % 1000 // 10}" if version.value else ""


def all_reduce() -> dict[str, Any]:
    """Sum a number over all GPUs with NCCL, one process each; return the seconds that it took."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        return {"gpus": 0}
    context, start = multiprocessing.get_context("spawn"), time.monotonic()
    with TemporaryDirectory(prefix="harness-nccl-") as folder:
        ranks = [
            context.Process(target=_sum, args=(rank, count, str(Path(folder, "store"))))
            for rank in range(count)
        ]
        for process in ranks:
            process.start()
        for process in ranks:
            process.join()
    failed = [rank for rank, process in enumerate(ranks) if process.exitcode]
    if failed:
        sys.exit(f"NCCL: the process of GPU {failed[0]} exited with {ranks[failed[0]].exitcode}")
    return {"gpus": count, "seconds": round(time.monotonic() - start, 1)}


def _sum(rank: int, count: int, store: str) -> None:
    exit_with_parent()  # who asked may have given up on it
    import torch
    import torch.distributed as dist

    torch.cuda.set_device(rank)
    dist.init_process_group(
        "nccl",
        store=dist.FileStore(store, count),  # type: ignore[attr-defined]
        rank=rank,
        world_size=count,
        device_id=torch.device("cuda", rank),
    )
    value = torch.ones(1_000_000, device="cuda")
    dist.all_reduce(value)
    is_right = bool((value == count).all())
    dist.destroy_process_group()
    if not is_right:
        sys.exit(f"the sum is {value[0].item():g} instead of {count}")
