"""An open store: one experiment per table, one flat run per row and seed, one run per table.

Runs are found by their tags. Every write may be repeated: a point of a curve carries the time of
its epoch, and MLflow keeps equal points once.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from harness.record import Record
from harness.report.output import Rows
from harness.tracking import pages, runs
from harness.tracking.aspects import aspect_shares
from harness.tracking.errors import retry_on_race
from harness.tracking.experiments import open_experiment, search, set_tags
from harness.tracking.outgoing import check_file, clean, clean_reason
from harness.tracking.run_state import RunState, read_state
from harness.tracking.runs import Point, TableRun, TrialRun
from harness.tracking.uri import artifact_root, connect, is_server
from harness.utils import process

if TYPE_CHECKING:
    from mlflow.entities import Run

_BATCH = 1_000  # entities that MLflow takes in one call
_CLAIMS_FILE = "claims.json"


class Store:
    """An open store and the state of the runs that this process wrote.

    Any method may raise one of `store_errors`.

    Args:
        uri: Address of the store.
        results: Folder that holds `records/` and the artifacts of a store without a server.
        campaign: Name of this launch, for runs without a record.
    """

    def __init__(self, uri: str, results: Path, campaign: str = "") -> None:
        self._uri = uri
        self._results = results
        self._campaign = campaign
        self._experiments: dict[str, str] = {}
        self._views: set[tuple[str, str]] = set()  # experiments and scales
        self._states: dict[tuple[str, str, str], RunState] = {}
        self.client = connect(uri)

    def log_epochs(self, *, trial_run: TrialRun, history: Rows) -> None:
        """Log the epochs of a trial that its run lacks."""
        with self._open_run(trial_run, history) as state:
            rows = state.unsent(history)
            self._log(state, trial_run, runs.curve_points(rows), runs.nonfinite_tags(history))
            state.add_epochs(rows)

    def finish_trial(self, *, trial_run: TrialRun, record: Record) -> None:
        """Log a record and end its run as finished."""
        points, tags = runs.record_points(record, aspect_shares(self._results, record))
        tags |= runs.nonfinite_tags(record.history)
        inputs = runs.dataset_inputs(record)
        with self._open_run(trial_run, record.history, tags) as state:
            self._log(state, trial_run, runs.curve_points(record.history) + points, tags)
            retry_on_race(partial(self.client.log_inputs, state.id, inputs))
            state.add_epochs(record.history)
            self._end(state, "FINISHED", record.finished_ms)

    def fail_trial(self, *, trial_run: TrialRun, reason: str) -> None:
        """End the run of a trial as failed."""
        reason = clean_reason(reason, self._uri, self._results)
        with self._open_run(trial_run, []) as state:
            self._log(state, trial_run, [], {"reason": reason})
            self._end(state, "FAILED")

    def log_weights(self, *, trial_run: TrialRun, weights: bytes) -> None:
        """Put final weights into the run of a trial."""
        with self._open_run(trial_run, []) as state, TemporaryDirectory() as folder:
            path = Path(folder, "weights.safetensors")
            path.write_bytes(weights)
            self.client.log_artifact(state.id, str(path), "weights")

    def log_table(self, *, table_run: TableRun) -> None:
        """Write the run of a table, and its verdicts into the runs of its trials."""
        experiment, scale = self.experiment(table_run.name), table_run.scale
        existing = self._runs_at_scale(experiment, "table", scale)
        run = existing[0] if existing else self._create_table_run(experiment, table_run)
        note = pages.note(table_run, run.info.run_id, max_length=pages.MAX_EXPERIMENT_NOTE)
        self._log_table_files(run.info.run_id, table_run)
        self._add_view(experiment, scale)
        tags = {"mlflow.note.content": note, "title": table_run.output.title}
        set_tags(self.client, experiment, clean(tags | {pages.SHOWN_SCALE: scale}, self._uri))
        self.client.set_terminated(run.info.run_id)
        for trial in self._runs_at_scale(experiment, "trial", scale):
            self._log_batches(trial.info.run_id, [], table_run.trial_tags(trial.data.tags))

    def kill_unfinished(self) -> None:
        """End the runs of this process that did not finish as killed."""
        for state in self._states.values():
            if state.status == "RUNNING":
                self._end(state, "KILLED")

    def experiment(self, table: str) -> str:
        """Return the id of a table's experiment, which may be new."""
        if table not in self._experiments:
            # Without a server MLflow puts artifacts into the folder where the command was given.
            location = None if is_server(self._uri) else f"{artifact_root(self._results)}/{table}"
            self._experiments[table] = open_experiment(
                self.client, self._uri, table, artifact_location=location
            )
        return self._experiments[table]

    def _runs_at_scale(self, experiment: str, kind: str, scale: str) -> list["Run"]:
        query = f"tags.kind = '{kind}' and tags.scale = '{scale}'"
        return search(self.client, experiment, query)

    def _create_table_run(self, experiment: str, table_run: TableRun) -> "Run":
        tags = {"kind": "table", "table": table_run.name, "scale": table_run.scale}
        name = f"{table_run.name} at {table_run.scale} scale"
        return self.client.create_run(experiment, tags=tags, run_name=name)

    def _add_view(self, experiment: str, scale: str) -> None:
        """Save the view of the runs at a scale, once in this process."""
        if (experiment, scale) not in self._views:
            set_tags(self.client, experiment, pages.KIND | pages.saved_view(scale))
            self._views.add((experiment, scale))

    def _log_table_files(self, run_id: str, table_run: TableRun) -> None:
        """Put the files, records and claims of a table into its run."""
        output = table_run.output
        for file in output.files:
            place = runs.artifact_path(output.folder or self._results, file)
            self.client.log_artifact(run_id, check_file(place), file.parent.name)
        for record in table_run.records:
            path = self._results / "records" / f"{record.key}.json"
            place = runs.artifact_path(self._results, path)
            self.client.log_artifact(run_id, check_file(place), "records")
        tags = {"mlflow.note.content": pages.note(table_run, run_id)}
        if output.claims:
            self.client.log_dict(run_id, runs.claims_table(output.claims), _CLAIMS_FILE)
            # The page shows the file as a table by this tag; the client's own call would append.
            tags["mlflow.loggedArtifacts"] = json.dumps([{"path": _CLAIMS_FILE, "type": "table"}])
        self._log_batches(run_id, [], tags)

    @contextmanager
    def _open_run(
        self, trial_run: TrialRun, history: Rows, tags: Mapping[str, str] | None = None
    ) -> Iterator[RunState]:
        """Give the running run of a trial; a run with other curves is deleted first.

        If the block fails, what is known of the run is forgotten, and read from the store again.

        Args:
            trial_run: Identity of the run.
            history: Its curves.
            tags: Of a new run, in addition to those of its identity.
        """
        state = self._states.pop(trial_run.id, None) or self._find_run(trial_run)
        if state is not None and state.contradicts(history):
            self.client.delete_run(state.id)
            state = None
        if state is None:
            state = self._create_run(trial_run, history, trial_run.tags | dict(tags or {}))
        elif state.status in ("FAILED", "KILLED"):
            self._reopen(state)
        yield state
        self._states[trial_run.id] = state

    def _find_run(self, trial_run: TrialRun) -> RunState | None:
        query = f"tags.kind = 'trial' and tags.`key` = '{trial_run.key}'"
        for run in search(self.client, self.experiment(trial_run.table), query):
            if run.data.tags.get("row") == trial_run.row:
                return read_state(self.client, run)
        return None

    def _create_run(self, trial_run: TrialRun, history: Rows, tags: Mapping[str, str]) -> RunState:
        experiment = self.experiment(trial_run.table)
        self._add_view(experiment, trial_run.tags["scale"])
        run = self.client.create_run(
            experiment,
            start_time=runs.start_ms(history),
            tags=clean(self._process_tags() | runs.truncate_tags(tags), self._uri),
            run_name=trial_run.name,
        )
        return RunState(id=run.info.run_id, tags=runs.truncate_tags(tags))

    def _reopen(self, state: RunState) -> None:
        self._log_batches(state.id, [], self._process_tags())
        if "reason" in state.tags:
            self.client.delete_tag(state.id, "reason")
            del state.tags["reason"]
        self.client.update_run(state.id, status="RUNNING")  # last: a repetition starts from it
        state.status = "RUNNING"

    def _process_tags(self) -> dict[str, str]:
        tags = {"host": process.hashed_hostname(), "process": process.current_process()}
        return tags | ({"campaign": self._campaign} if self._campaign else {})

    def _log(
        self,
        state: RunState,
        trial_run: TrialRun,
        points: list[Point],
        tags: Mapping[str, str],
    ) -> None:
        """Log points, and the tags and parameters that the run lacks: a parameter cannot change."""
        missing = {k: v for k, v in trial_run.tags.items() if k not in state.tags}
        changes = missing | state.tag_changes(runs.truncate_tags(tags))
        fields = runs.flatten(trial_run.trial)
        params = {name: value for name, value in fields.items() if name not in state.params}
        self._log_batches(state.id, points, changes, params)
        state.tags |= changes
        state.params |= set(params)

    def _log_batches(
        self,
        run_id: str,
        points: list[Point],
        tags: Mapping[str, str],
        params: Mapping[str, str] | None = None,
    ) -> None:
        """Log in as few calls as possible: each is several transactions."""
        from mlflow.entities import Metric, Param, RunTag

        run_tags = [RunTag(name, value) for name, value in clean(tags, self._uri).items()]
        run_params = [Param(name, value) for name, value in clean(params or {}, self._uri).items()]
        room = _BATCH - len(run_tags) - len(run_params)
        for start in range(0, max(len(points), bool(run_tags or run_params)), room):
            batch = [Metric(*point) for point in points[start : start + room]]
            self.client.log_batch(run_id, metrics=batch, tags=run_tags, params=run_params)
            run_tags, run_params = [], []

    def _end(self, state: RunState, status: str, ended_ms: int | None = None) -> None:
        self.client.set_terminated(state.id, status, end_time=ended_ms)
        state.status = status
