"""Places that a mirror writes to: one interface, and one line for each kind of place.

An address names a place: that of an MLflow store, `tensorboard:FOLDER` or `wandb:PROJECT`.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from harness.record import Record
from harness.report.output import Rows
from harness.tracking.errors import title_of
from harness.tracking.runs import TableRun, TrialRun
from harness.tracking.sinks.tensorboard import TensorBoard
from harness.tracking.sinks.wandb import WandB


class Sink(Protocol):
    """A place for curves, metrics and tables; every call may be repeated, and changes nothing then.

    Any method may raise one of `store_errors`.
    """

    def log_epochs(self, *, trial_run: TrialRun, history: Rows) -> None:
        """Log the epochs of a trial that the place lacks."""

    def finish_trial(self, *, trial_run: TrialRun, record: Record) -> None:
        """Log the record of a trial."""

    def fail_trial(self, *, trial_run: TrialRun, reason: str) -> None:
        """Note that a trial failed."""

    def log_weights(self, *, trial_run: TrialRun, weights: bytes) -> None:
        """Store the final weights of a trial."""

    def log_table(self, *, table_run: TableRun) -> None:
        """Log a table."""

    def kill_unfinished(self) -> None:
        """End what this process left unfinished."""


KINDS: Mapping[str, Callable[[str, Path], Sink]] = {"tensorboard": TensorBoard, "wandb": WandB}
_REMEDIES = {
    "tensorboard": "uv pip install 'dsanet-harness[tensorboard]', in a clone '.[tensorboard]'",
    "wandb": "pip install wandb",
}


def open_sink(address: str, results: Path, campaign: str = "") -> Sink:
    """Open the place at an address.

    Args:
        address: Of an MLflow store, or a kind of place and its name.
        results: Folder that holds `records/`.
        campaign: Name of this launch, for runs without a record.
    """
    scheme, _, place = address.partition(":")
    if scheme in KINDS:
        return KINDS[scheme](place, results)
    from harness.tracking.store import Store

    return Store(address, results, campaign)


def addresses(**places: Path | str | None) -> list[str]:
    """Return the addresses of places by their kind; None stands for no place of a kind.

    Raises:
        ValueError: If a package is not installed.
    """
    chosen = {kind: place for kind, place in places.items() if place is not None}
    for kind in chosen:
        if not _is_installed(kind):
            raise ValueError(f"--{kind} needs the package of {title_of(kind)}: {_REMEDIES[kind]}")
    return [f"{kind}:{place}" for kind, place in chosen.items()]


def _is_installed(package: str) -> bool:
    """Return whether a package can be imported; a mere folder of its name cannot."""
    spec = find_spec(package)
    return spec is not None and spec.origin is not None
