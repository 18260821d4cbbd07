"""Where and how a trial runs: nothing here may change a number.

Devices, workers and paths live in `Runtime` and never reach the key of a trial.
"""

from dataclasses import dataclass
from pathlib import Path


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
