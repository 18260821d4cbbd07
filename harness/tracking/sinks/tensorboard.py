"""TensorBoard: curves, final metrics and parameters as event files, one folder per trial and row.

Points carry the time of their epoch, so that files of an earlier process are read back and only
what they lack is added. They are written without PyTorch.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.record import Record
from harness.report.output import Rows
from harness.tracking import runs
from harness.tracking.aspects import aspect_shares
from harness.tracking.outgoing import clean
from harness.tracking.runs import Point, TableRun, TrialRun
from harness.utils.files import make_folder

if TYPE_CHECKING:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

_FILES = "events.out.tfevents.*"


class TensorBoard:
    """A folder of event files. Tables, failures and weights are left to MLflow.

    Args:
        place: The folder.
        results: Folder that holds `records/`.
    """

    def __init__(self, place: str, results: Path) -> None:
        self._folder = Path(place)
        self._results = results
        self._runs: dict[tuple[str, str, str], EventFolder] = {}

    def log_epochs(self, *, trial_run: TrialRun, history: Rows) -> None:
        """Add the epochs of a trial that its files lack."""
        self._open(trial_run).add(runs.curve_points(history))

    def finish_trial(self, *, trial_run: TrialRun, record: Record) -> None:
        """Add the record of a trial."""
        points, _ = runs.record_points(record, aspect_shares(self._results, record))
        run = self._open(trial_run)
        run.add([*runs.curve_points(record.history), *points])
        run.close()

    def fail_trial(self, *, trial_run: TrialRun, reason: str) -> None:
        """Close the files of a trial."""
        del reason  # MLflow shows it
        self._open(trial_run).close()

    def log_weights(self, *, trial_run: TrialRun, weights: bytes) -> None:
        """Write nothing."""

    def log_table(self, *, table_run: TableRun) -> None:
        """Write nothing."""

    def kill_unfinished(self) -> None:
        """Close all files."""
        for run in self._runs.values():
            run.close()

    def _open(self, trial_run: TrialRun) -> "EventFolder":
        if trial_run.id not in self._runs:
            tags = trial_run.tags | {"name": trial_run.name}
            names = clean(tags, str(self._folder))
            words = (names[part].replace("/", "_") for part in ("table", "scale", "name"))
            folder = self._folder.joinpath(*words)
            fields = clean(runs.flatten(trial_run.trial), str(self._folder))
            self._runs[trial_run.id] = EventFolder(folder, fields | {"row": names["row"]})
        return self._runs[trial_run.id]


class EventFolder:
    """The event files of one trial: opened to add points, and closed when it ends.

    Args:
        folder: That holds them.
        fields: Of the trial, for TensorBoard's comparison of parameters.
    """

    def __init__(self, folder: Path, fields: dict[str, str]) -> None:
        self._folder = folder
        self._fields = fields
        self._times = _read(folder)
        self._writer: EventFileWriter | None = None

    def add(self, points: Iterable[Point]) -> None:
        """Write the points that the files lack; points of another training replace all files."""
        points = list(points)
        if any(self._times.get((each.name, each.step), each.ms) != each.ms for each in points):
            self.close()
            for path in self._folder.glob(_FILES):
                path.unlink()
            self._times = {}
        missing = [each for each in points if (each.name, each.step) not in self._times]
        for point in missing:
            self._write(point)
            self._times[point.name, point.step] = point.ms
        if missing and self._writer is not None:
            self._writer.flush()

    def _write(self, point: Point) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        value = Summary.Value(tag=point.name, simple_value=point.value)
        event = Event(wall_time=point.ms / 1e3, step=point.step, summary=Summary(value=[value]))
        self._opened(point).add_event(event)

    def _opened(self, first: Point) -> "EventFileWriter":
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if self._writer is None:
            make_folder(self._folder)
            self._writer = EventFileWriter(str(self._folder))
            if not self._times:
                parameters = hparams_pb(self._fields, start_time_secs=first.ms / 1e3)
                self._writer.add_event(Event(wall_time=first.ms / 1e3, summary=parameters))
        return self._writer

    def close(self) -> None:
        """End the file that is open, if one is."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _read(folder: Path) -> dict[tuple[str, int], int]:
    """Return the time of each point in a folder, in milliseconds, by its name and step."""
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    if not any(folder.glob(_FILES)):
        return {}
    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0}).Reload()
    return {
        (name, event.step): round(event.wall_time * 1e3)
        for name in events.Tags()[SCALARS]
        for event in events.Scalars(name)
    }
