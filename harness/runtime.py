"""Runtime settings: devices, workers and paths, which never change a number.

They are not part of the key of a trial.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Machine-dependent settings of a trial.

    Attributes:
        results: Folder of records, tables, figures, and work in progress.
        data: Folder of the data sets.
        weights: Folder of initial weights, or None.
        device: `cpu`, `cuda`, or `cuda:<index>`.
        threads: CPU threads of each rank.
        ranks: Processes that share one trial, one per GPU.
        workers: Loader processes of each rank; 0 loads in the rank itself.
        loader_timeout_s: Longest wait for a batch from loader processes, in seconds; 0 for no
            limit.
        cache_mb: Cache of a loading process, in megabytes: small videos, decoded, and the packet
            tables of others. Also the most that a small data set takes in `frames`.
        io_retries: Further tries after a failure of storage or network that may pass: of a video
            in its loading process, and then of the trial, from its checkpoint.
        io_wait_s: Seconds before each of them; within a loading process less, so that all of them
            together take at most half of `loader_timeout_s`.
        keep_checkpoints: Keep the checkpoints of a finished trial.
        checkpoint_every_s: Seconds between checkpoints within an epoch; None for those after an
            epoch alone.
        compiled: Train the network as `torch.compile` compiles it.
        activation_checkpointing: Keep the inputs of blocks alone, and compute the rest again in the
            backward pass.
        campaign: Name that groups the trials of one or more launches.
        own_code: Files of the user, as the driver read them; see `harness.utils.own_code`.
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
    io_retries: int = 5
    io_wait_s: float = 30.0
    keep_checkpoints: bool = False
    checkpoint_every_s: float | None = None
    compiled: bool = False
    activation_checkpointing: bool = False
    campaign: str = ""
    own_code: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.compiled and self.activation_checkpointing:
            raise ValueError(
                "--compile and --activation-checkpointing exclude each other: a compiled network "
                "decides itself what it computes again; choose one"
            )
        if self.checkpoint_every_s is not None and not self.checkpoint_every_s > 0:
            raise ValueError(
                f"--checkpoint-every {self.checkpoint_every_s:g} is not a number of seconds above 0"
            )

    def work(self, key: str) -> Path:
        """Return the folder of an unfinished trial."""
        return self.results / "work" / key

    @property
    def frames(self) -> Path:
        """Return the folder of decoded small videos, which all trials share."""
        return self.results / "frames"


def check_device(name: str) -> None:
    """Refuse a device that this machine lacks, instead of falling back to another one.

    Raises:
        ValueError: If `name` is a GPU that does not exist.
    """
    import torch

    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device {name}: this machine has {torch.cuda.device_count()} GPUs; choose another"
        )


def home() -> Path:
    """Return the folder of `results` and `data`: the clone within it, else the current folder."""
    current = Path.cwd()
    is_within = current.is_relative_to(ROOT) and (ROOT / "pyproject.toml").is_file()
    return ROOT if is_within else current


def default_results() -> Path:
    """Return the results folder of a command without `--results`."""
    return (
        Path(os.environ.get("HARNESS_RESULTS") or home() / "results" / "local")
        .expanduser()
        .resolve()
    )


def default_data() -> Path:
    """Return the folder of the data sets of a command without `--data`."""
    return Path(os.environ.get("HARNESS_DATA") or home() / "data").expanduser().resolve()
