"""Bring MLflow up to what the records say."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from safetensors.torch import save

from harness import checkpoint, record
from harness.plan import records_of
from harness.record import Record
from harness.specs import Experiment, Scale, Trial
from harness.track import Output, Store, Subject, Table, explained, patient

Found = list[tuple[Subject, Record]]


def sync(
    uri: str,
    *,
    results: Path,
    experiments: Sequence[Experiment],
    scales: Mapping[Scale, Callable[[Trial], Trial]],
    tables: Callable[[Experiment, Scale], Output],
    checkpoints: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Replay all records into the store; a second time changes nothing.

    Args:
        uri: Where runs go.
        results: Folder that holds `records/`.
        experiments: The tables.
        scales: Name of each scale and what shrinks.
        tables: Writes a table at a scale.
        checkpoints: Send the final weights of the trials whose checkpoints were kept.
        progress: Takes one line per table and scale.

    Returns:
        Number of runs written.

    Raises:
        TrackingError: If the store refuses or does not answer.
        ValueError: If a record is damaged.
    """
    records = record.read_all(results)
    kept = results / "work" if checkpoints else None
    store: Store | None = None
    written = 0
    for experiment in experiments:
        for scale, shrink in scales.items():
            found = _found(experiment, records, shrink)
            if found:
                table = _table(experiment, scale, found, tables)
                with explained(uri), patient():
                    store = store or Store(uri, results)
                    _replay(store, found, table, kept)
                written += len(found) + 1
                progress(f"{experiment.name} at {scale} scale: {len(found)} trials sent")
    return written


def _found(
    experiment: Experiment, records: Sequence[Record], scale: Callable[[Trial], Trial]
) -> Found:
    """Pair each row of a table with its records."""
    return [
        (Subject(table=experiment.name, row=row.label, key=each.key, trial=each.trial), each)
        for row in experiment.rows
        for each in records_of(row, records, scale=scale)
    ]


def _table(
    experiment: Experiment,
    scale: Scale,
    found: Found,
    tables: Callable[[Experiment, Scale], Output],
) -> Table:
    return Table(
        name=experiment.name,
        scale=scale,
        output=tables(experiment, scale),
        records=tuple({each.key: each for _, each in found}.values()),
    )


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
    state = checkpoint.newest(folder)
    if state is None or state["history"] != record.history:
        return None
    return save({name: value.contiguous() for name, value in state["net"].items()})
