"""Bring MLflow up to what the records say."""

from collections.abc import Callable, Iterable
from pathlib import Path

from safetensors.torch import save

from harness.record import Record
from harness.report.output import TableOutput
from harness.report.results import TableResult
from harness.tracking import Store, Subject, Table, explained, patient
from harness.training import checkpoint

Found = list[tuple[Subject, Record]]


def sync(
    uri: str,
    tables: Iterable[tuple[TableResult, TableOutput]],
    *,
    results: Path,
    checkpoints: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Replay the records of some tables into the store; a second time changes nothing.

    Args:
        uri: Where runs go.
        tables: Each with what was written for it.
        results: Folder of their records.
        checkpoints: Send the final weights of the trials whose checkpoints were kept.
        progress: Takes one line per table and scale.

    Returns:
        Number of runs written.

    Raises:
        TrackingError: If the store refuses or does not answer.
        ValueError: If a record is damaged.
    """
    kept = results / "work" if checkpoints else None
    store: Store | None = None
    written = 0
    for collected, output in tables:
        found = _found(collected)
        name, scale = collected.experiment.name, collected.scale
        table = Table(name=name, scale=scale, output=output, records=tuple(collected.records))
        with explained(uri), patient():
            store = store or Store(uri, results)
            _replay(store, found, table, kept)
        written += len(found) + 1
        progress(f"{name} at {scale} scale: {len(found)} trials sent")
    return written


def _found(collected: TableResult) -> Found:
    """Pair each row of a table with its records."""
    table = collected.experiment.name
    return [
        (Subject(table=table, row=row.label, key=record.key, trial=record.trial), record)
        for row in collected.rows
        for record in row.records
    ]


def _replay(store: Store, found: Found, table: Table, kept: Path | None) -> None:
    """Send trials, their weights if the folder of kept checkpoints is given, and the table."""
    for subject, each in found:
        store.finished(subject=subject, record=each)
        weights = _weights(kept / each.key, each) if kept else None
        if weights is not None:
            store.weights(subject=subject, weights=weights)
    store.table(table=table)


def _weights(folder: Path, record: Record) -> bytes | None:
    """Return the network that a record was made with, if its last checkpoint is there."""
    state = checkpoint.load_newest(folder)
    if state is None or state["history"] != record.history:
        return None
    return save({name: value.contiguous() for name, value in state["net"].items()})
