"""A replay of records into MLflow or another sink."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from safetensors.torch import save

from harness.record import Record, parts_of
from harness.report.output import TableOutput
from harness.report.results import TableResult
from harness.tracking.errors import translate_errors
from harness.tracking.runs import TableRun, TrialRun
from harness.tracking.sinks import Sink, open_sink
from harness.tracking.uri import retry_requests
from harness.training import checkpoint
from harness.utils.escape import counted

TrialRecords = list[tuple[TrialRun, Record]]


def sync(
    uri: str,
    tables: Iterable[tuple[TableResult, TableOutput]],
    *,
    results: Path,
    also: Sequence[str] = (),
    checkpoints: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> int:
    """Replay the records of tables into the store; a second time changes nothing.

    Args:
        uri: Address of the store.
        tables: Collected tables, each with its output.
        results: Folder of their records.
        also: Addresses of further sinks.
        checkpoints: Send the final weights of trials whose checkpoints were kept.
        progress: Takes one line per table and scale.

    Returns:
        Number of runs written.

    Raises:
        TrackingError: If the store refuses or does not respond.
        ValueError: If a record is damaged.
    """
    work = results / "work" if checkpoints else None
    sinks: dict[str, Sink] = {}
    num_written = 0
    for table, output in tables:
        trials, table_run = _trial_records(table), _table_run(table, output)
        for address in (uri, *also):
            with translate_errors(address), retry_requests():
                if address not in sinks:
                    sinks[address] = open_sink(address, results)
                _replay(sinks[address], trials, table_run, work)
        num_written += len(trials) + 1
        progress(
            f"{table_run.name} at {table_run.scale} scale: {counted(len(trials), 'trial')} sent"
        )
    return num_written


def _trial_records(table: TableResult) -> TrialRecords:
    """List the records of a table, each with the identity of its run.

    Networks of an ensemble are listed under its row if they have no row of their own.
    """
    name = table.experiment.name
    own = {record.key for row in table.rows for record in row.records}
    return [
        (TrialRun(table=name, row=row.label, key=part.key, trial=part.trial), part)
        for row in table.rows
        for record in row.records
        for part in parts_of(record)
        if part is record or part.key not in own
    ]


def _table_run(table: TableResult, output: TableOutput) -> TableRun:
    return TableRun(
        name=table.experiment.name,
        scale=table.scale,
        output=output,
        records=tuple(table.records),
    )


def _replay(store: Sink, trials: TrialRecords, table_run: TableRun, work: Path | None) -> None:
    """Send trials and the table; weights too if the folder of kept checkpoints is given."""
    for trial_run, record in trials:
        store.finish_trial(trial_run=trial_run, record=record)
        weights = _weights(work / record.key, record) if work else None
        if weights is not None:
            store.log_weights(trial_run=trial_run, weights=weights)
    store.log_table(table_run=table_run)


def _weights(folder: Path, record: Record) -> bytes | None:
    """Return the trained network of a record, if its last checkpoint was kept."""
    state = checkpoint.load_newest(folder)
    if state is None or state["history"] != record.history:
        return None
    return save({name: value.contiguous() for name, value in state["net"].items()})
