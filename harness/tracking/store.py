"""An open store: one experiment per table, one flat run per row and seed, one run per table.

Runs are found by their tags. Every write may be repeated: a point of a curve carries the time of
its epoch, and MLflow keeps equal points once.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from filelock import FileLock

from harness.record import Record
from harness.report.output import Rows
from harness.tracking import runs
from harness.tracking.runs import Subject, Table
from harness.tracking.uri import again_if_raced, artifacts, connect, is_server, redact, store_file
from harness.utils import process

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

_LOCK_S = 120.0
_BATCH = 1_000  # things that one call may hold
_CLAIMS = "claims.json"


@dataclass(kw_only=True)
class _Run:
    """What is known of a run: its state, and when each epoch of its curves ended."""

    id: str
    status: str = "RUNNING"
    tags: dict[str, str] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)
    metrics: set[str] = field(default_factory=set)
    epochs: dict[int, int] = field(default_factory=dict)

    def contradicts(self, history: Rows) -> bool:
        """Say whether the curves are those of another training, or under names of the past."""
        pairs = ((row["epoch"], row["finished_ms"]) for row in history)
        if any(self.epochs.get(epoch, ended) != ended for epoch, ended in pairs):
            return True
        return not all(name.startswith(runs.GROUPS) for name in self.metrics)

    def learn(self, history: Rows) -> None:
        """Remember the epochs that were sent."""
        self.epochs |= {row["epoch"]: row["finished_ms"] for row in history}


class Store:
    """An open store, and what this process knows of its runs. Any call may raise `troubles`."""

    def __init__(self, uri: str, results: Path, campaign: str = "") -> None:
        self._uri = uri
        self._results = results
        self._campaign = campaign
        self._experiments: dict[str, str] = {}
        self._runs: dict[tuple[str, str, str], _Run] = {}
        with self._locked():
            self.client = connect(uri)

    def epochs(self, *, subject: Subject, history: Rows) -> None:
        run = self._continue(subject, history)
        fresh = [row for row in history if row["epoch"] not in run.epochs]
        self._tell(run, subject, runs.curves(fresh), runs.not_finite(history))
        run.learn(fresh)

    def finished(self, *, subject: Subject, record: Record) -> None:
        points, tags = runs.results(record)
        tags |= runs.not_finite(record.history)
        run = self._continue(subject, record.history, tags)
        self._tell(run, subject, runs.curves(record.history) + points, tags)
        inputs = runs.datasets(record)
        again_if_raced(lambda: self.client.log_inputs(run.id, inputs))
        run.learn(record.history)
        self._end(run, "FINISHED", record.finished_ms)

    def failed(self, *, subject: Subject, reason: str) -> None:
        run = self._continue(subject, [])
        self._tell(run, subject, [], {"reason": redact(reason)})
        self._end(run, "FAILED")

    def weights(self, *, subject: Subject, weights: bytes) -> None:
        run = self._continue(subject, [])
        with TemporaryDirectory() as folder:
            path = Path(folder, "weights.safetensors")
            path.write_bytes(weights)
            self.client.log_artifact(run.id, str(path), "weights")

    def table(self, *, table: Table) -> None:
        experiment = self.experiment(table.name)
        tags = {"kind": "table", "table": table.name, "scale": table.scale}
        found = self._of_scale(experiment, "table", table.scale)
        name = f"{table.name} at {table.scale} scale"
        run = found[0] if found else self.client.create_run(experiment, tags=tags, run_name=name)
        self._fill(run.info.run_id, table)
        self.client.set_terminated(run.info.run_id)
        for trial in self._of_scale(experiment, "trial", table.scale):
            self._log(trial.info.run_id, [], table.tags(trial.data.tags))

    def leave(self) -> None:
        """End the runs that this process leaves unfinished."""
        for run in self._runs.values():
            if run.status == "RUNNING":
                self._end(run, "KILLED")

    def experiment(self, table: str) -> str:
        """Return the id of a table's experiment, which may be new."""
        if table not in self._experiments:
            with self._locked():
                self._experiments[table] = again_if_raced(lambda: self._make_experiment(table))
            self._sweep(self._experiments[table])
        return self._experiments[table]

    def finished_runs(self, experiment: str) -> list["Run"]:
        """List the finished trials of a table."""
        return self._search(experiment, "tags.kind = 'trial' and attributes.status = 'FINISHED'")

    def _of_scale(self, experiment: str, kind: str, scale: str) -> list["Run"]:
        return self._search(experiment, f"tags.kind = '{kind}' and tags.scale = '{scale}'")

    def _fill(self, run_id: str, table: Table) -> None:
        """Put the files, records and claims of a table into its run."""
        for file in table.output.files:
            self.client.log_artifact(run_id, str(file), file.parent.name)
        for each in table.records:
            path = self._results / "records" / f"{each.key}.json"
            self.client.log_artifact(run_id, str(path), "records")
        tags = {"mlflow.note.content": runs.note(table.output.markdown)}
        if table.output.claims:
            self.client.log_dict(run_id, runs.claims_table(table.output.claims), _CLAIMS)
            # What makes the page show the file as a table; the client's own call would append.
            tags["mlflow.loggedArtifacts"] = json.dumps([{"path": _CLAIMS, "type": "table"}])
        for name, value in tags.items():
            self.client.set_tag(run_id, name, value)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Make a file store, or something in it, alone: MLflow itself loses this race."""
        with ExitStack() as stack:
            if path := store_file(self._uri):
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(f"{path}.lock", timeout=_LOCK_S))
            yield

    def _make_experiment(self, table: str) -> str:
        found = self.client.get_experiment_by_name(table)
        if found is None:
            # Without a server MLflow puts artifacts into the folder where the command was given.
            place = None if is_server(self._uri) else f"{artifacts(self._results)}/{table}"
            return self.client.create_experiment(table, artifact_location=place)
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _sweep(self, experiment: str) -> None:
        """End the runs that dead processes of this host left running."""
        mine = f"attributes.status = 'RUNNING' and tags.host = '{process.hashed_hostname()}'"
        for run in self._search(experiment, mine):
            if not process.is_alive(run.data.tags.get("process", "")):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def _search(self, experiment: str, query: str) -> list["Run"]:
        return list(self.client.search_runs([experiment], query))

    def _continue(
        self, subject: Subject, history: Rows, tags: Mapping[str, str] | None = None
    ) -> _Run:
        """Return the run of a trial, open; one whose curves cannot go on goes.

        Args:
            subject: The trial.
            history: Its curves.
            tags: What a new run is to say beside what its subject does.
        """
        run = self._runs.get(subject.id) or self._find(subject)
        if run is not None and run.contradicts(history):
            self.client.delete_run(run.id)
            run = None
        if run is None:
            run = self._create(subject, history, subject.tags | dict(tags or {}))
        elif run.status in ("FAILED", "KILLED"):
            self._revive(run)
        self._runs[subject.id] = run
        return run

    def _find(self, subject: Subject) -> _Run | None:
        query = f"tags.kind = 'trial' and tags.`key` = '{subject.key}'"
        found = self._search(self.experiment(subject.table), query)
        for run in found:
            if run.data.tags.get("row") == subject.row:
                points = self.client.get_metric_history(run.info.run_id, runs.CURVES["lr"])
                return _Run(
                    id=run.info.run_id,
                    status=run.info.status,
                    tags=dict(run.data.tags),
                    params=set(run.data.params),
                    metrics=set(run.data.metrics),
                    epochs={point.step: point.timestamp for point in points},
                )
        return None

    def _create(self, subject: Subject, history: Rows, tags: Mapping[str, str]) -> _Run:
        run = self.client.create_run(
            self.experiment(subject.table),
            start_time=runs.started_ms(history),
            tags=self._here() | _cut(tags),
            run_name=subject.name,
        )
        return _Run(id=run.info.run_id, tags=_cut(tags))

    def _revive(self, run: _Run) -> None:
        self.client.update_run(run.id, status="RUNNING")
        self._log(run.id, [], self._here())
        if run.status == "FAILED":
            self.client.delete_tag(run.id, "reason")
            run.tags.pop("reason", None)
        run.status = "RUNNING"

    def _here(self) -> dict[str, str]:
        tags = {"host": process.hashed_hostname(), "process": process.current_process()}
        return tags | ({"campaign": self._campaign} if self._campaign else {})

    def _tell(
        self, run: _Run, subject: Subject, points: list["Metric"], tags: Mapping[str, str]
    ) -> None:
        """Log points, and what the run does not say yet: a parameter cannot be changed."""
        missing = {k: v for k, v in subject.tags.items() if k not in run.tags}
        changed = {k: v for k, v in _cut(tags).items() if run.tags.get(k) != v}
        fields = runs.flatten(subject.trial)
        params = {k: v for k, v in fields.items() if k not in run.params}
        self._log(run.id, points, missing | changed, params)
        run.tags |= missing | changed
        run.params |= set(params)

    def _log(
        self,
        run_id: str,
        points: list["Metric"],
        tags: Mapping[str, str],
        params: Mapping[str, str] | None = None,
    ) -> None:
        """Log in as few calls as may be: each is several transactions."""
        from mlflow.entities import Param, RunTag

        said = [RunTag(name, value) for name, value in tags.items()]
        fields = [Param(name, value) for name, value in (params or {}).items()]
        room = _BATCH - len(said) - len(fields)
        for start in range(0, max(len(points), bool(said or fields)), room):
            batch = points[start : start + room]
            self.client.log_batch(run_id, metrics=batch, tags=said, params=fields)
            said, fields = [], []

    def _end(self, run: _Run, status: str, ended_ms: int | None = None) -> None:
        self.client.set_terminated(run.id, status, end_time=ended_ms)
        run.status = status


def _cut(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value[: runs.TEXT] for name, value in tags.items()}
