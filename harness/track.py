"""The store of runs in MLflow, the only file that knows it.

One experiment per table, one flat run per row and seed, one run per table and scale. Runs are
found by their tags. Every write may be repeated: a point of a curve carries the time of its
epoch, and MLflow keeps equal points once.
"""

import hashlib
import math
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from harness.plan import Planned
from harness.record import Record
from harness.specs import as_dict

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run


CURVES = ("loss", "train_top1", "val_top1", "lr")
_LOCK_S = 120.0
_TEXT = 5_000  # MLflow cuts a parameter at 6,000 characters
_NOTE = 7_900  # and a tag at 8,000
_METRICS = 1_000  # what one batch may hold
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # a locked database is an ERROR with a long trace
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

Rows = Sequence[Mapping[str, Any]]


class TrackingError(RuntimeError):
    """The store of runs does not do what it is asked."""


def store_uri(results: Path) -> str:
    """Return where runs go: MLFLOW_TRACKING_URI, else one SQLite file under `results`."""
    default = f"sqlite:///{results.resolve() / 'mlflow' / 'mlflow.db'}"
    return os.environ.get("MLFLOW_TRACKING_URI") or default


def redact(text: str) -> str:
    """Hide users, passwords and tokens in an address or a message."""
    text = re.sub(r"(\w[\w+.-]*://)?[^\s'\"]*@", r"\1***@", text)
    return re.sub(r"(?i)((?:passw(?:or)?d|token|secret|access_key)\w*=)[^&\s'\"]+", r"\1***", text)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a run stands for: a trial in a row of a table."""

    table: str
    row: str
    key: str
    trial: Mapping[str, Any]

    @property
    def id(self) -> tuple[str, str, str]:
        return self.table, self.row, self.key

    @property
    def name(self) -> str:
        return f"{self.row}, seed {self.trial['seed']}"

    @property
    def tags(self) -> dict[str, str]:
        return {
            "kind": "trial",
            "table": self.table,
            "row": self.row,
            "key": self.key,
            "scale": str(self.trial["scale"]),
            "seed": str(self.trial["seed"]),
        }


@dataclass(frozen=True)
class Table:
    """What the run of a table holds."""

    name: str
    scale: str
    files: tuple[Path, ...]
    markdown: str
    records: tuple[Record, ...]


@dataclass(kw_only=True)
class _Run:
    """What is known of a run: its state, and when each epoch of its curves ended."""

    id: str
    status: str = "RUNNING"
    params: set[str] = field(default_factory=set)
    epochs: dict[int, int] = field(default_factory=dict)

    def contradicts(self, history: Rows) -> bool:
        """Say whether the curves are those of another training of the same trial."""
        pairs = ((row["epoch"], row["finished_ms"]) for row in history)
        return any(self.epochs.get(epoch, ended) != ended for epoch, ended in pairs)

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
            self.client = _connect(uri)

    def epochs(self, *, subject: Subject, history: Rows) -> None:
        run = self._continue(subject, history)
        fresh = [row for row in history if row["epoch"] not in run.epochs]
        self._log(run.id, _curves(fresh), _not_finite(history))
        run.learn(fresh)

    def finished(self, *, subject: Subject, record: Record) -> None:
        run = self._continue(subject, record.history)
        points, tags = _results(record)
        self._log(run.id, _curves(record.history) + points, _not_finite(record.history) | tags)
        run.learn(record.history)
        self._end(run, "FINISHED", record.finished_ms)

    def failed(self, *, subject: Subject, reason: str) -> None:
        run = self._continue(subject, [])
        self.client.set_tag(run.id, "reason", redact(reason)[:_TEXT])
        self._end(run, "FAILED")

    def table(self, *, table: Table) -> None:
        experiment = self.experiment(table.name)
        tags = {"kind": "table", "table": table.name, "scale": table.scale}
        found = self._search(experiment, f"tags.kind = 'table' and tags.scale = '{table.scale}'")
        name = f"{table.name} at {table.scale} scale"
        run = found[0] if found else self.client.create_run(experiment, tags=tags, run_name=name)
        for file in table.files:
            self.client.log_artifact(run.info.run_id, str(file), file.parent.name)
        for each in table.records:
            path = self._results / "records" / f"{each.key}.json"
            self.client.log_artifact(run.info.run_id, str(path), "records")
        self.client.set_tag(run.info.run_id, "mlflow.note.content", _cut_lines(table.markdown))
        self.client.set_terminated(run.info.run_id)

    def leave(self) -> None:
        """End the runs that this process leaves unfinished."""
        for run in self._runs.values():
            if run.status == "RUNNING":
                self._end(run, "KILLED")

    def experiment(self, table: str) -> str:
        """Return the id of a table's experiment, which may be new."""
        if table not in self._experiments:
            with self._locked():
                self._experiments[table] = self._make_experiment(table)
            self._sweep(self._experiments[table])
        return self._experiments[table]

    def finished_runs(self, experiment: str) -> list["Run"]:
        """List the finished trials of a table."""
        return self._search(experiment, "tags.kind = 'trial' and attributes.status = 'FINISHED'")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Make a file store, or something in it, alone: MLflow itself loses this race."""
        with ExitStack() as stack:
            if path := _file(self._uri):
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
        mine = f"attributes.status = 'RUNNING' and tags.host = '{_host()}'"
        for run in self._search(experiment, mine):
            if not _is_alive(run.data.tags.get("process", "")):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def _search(self, experiment: str, query: str) -> list["Run"]:
        return list(self.client.search_runs([experiment], query))

    def _continue(self, subject: Subject, history: Rows) -> _Run:
        """Return the run of a trial, open; one whose curves are of another training goes."""
        run = self._runs.get(subject.id) or self._find(subject)
        if run is not None and run.contradicts(history):
            self.client.delete_run(run.id)
            run = None
        if run is None:
            run = self._create(subject, history)
        elif run.status in ("FAILED", "KILLED"):
            self._revive(run)
        self._runs[subject.id] = run
        self._log_params(run, subject)
        return run

    def _find(self, subject: Subject) -> _Run | None:
        query = f"tags.kind = 'trial' and tags.`key` = '{subject.key}'"
        found = self._search(self.experiment(subject.table), query)
        for run in found:
            if run.data.tags.get("row") == subject.row:
                points = self.client.get_metric_history(run.info.run_id, "lr")
                return _Run(
                    id=run.info.run_id,
                    status=run.info.status,
                    params=set(run.data.params),
                    epochs={point.step: point.timestamp for point in points},
                )
        return None

    def _create(self, subject: Subject, history: Rows) -> _Run:
        run = self.client.create_run(
            self.experiment(subject.table),
            start_time=_start_ms(history),
            tags=subject.tags | self._here(),
            run_name=subject.name,
        )
        return _Run(id=run.info.run_id)

    def _revive(self, run: _Run) -> None:
        self.client.update_run(run.id, status="RUNNING")
        self._log(run.id, [], self._here())
        if run.status == "FAILED":
            self.client.delete_tag(run.id, "reason")
        run.status = "RUNNING"

    def _here(self) -> dict[str, str]:
        tags = {"host": _host(), "process": f"{os.getpid()} {_birth(os.getpid())}"}
        return tags | ({"campaign": self._campaign} if self._campaign else {})

    def _log_params(self, run: _Run, subject: Subject) -> None:
        """Log the parameters that a run lacks: one that is there cannot be changed."""
        from mlflow.entities import Param

        lacking = {k: v for k, v in flatten(subject.trial).items() if k not in run.params}
        if lacking:
            self.client.log_batch(run.id, params=[Param(k, v) for k, v in lacking.items()])
            run.params |= set(lacking)

    def _log(self, run_id: str, points: list["Metric"], tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        named = [RunTag(name, value[:_TEXT]) for name, value in tags.items()]
        if not points and not named:
            return
        for start in range(0, max(len(points), 1), _METRICS - len(named)):
            batch = points[start : start + _METRICS - len(named)]
            self.client.log_batch(run_id, metrics=batch, tags=named)

    def _end(self, run: _Run, status: str, ended_ms: int | None = None) -> None:
        self.client.set_terminated(run.id, status, end_time=ended_ms)
        run.status = status


def flatten(trial: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the fields of a trial under dotted names, as text that MLflow takes whole."""
    flat: dict[str, str] = {}
    for name, value in trial.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(value)[:_TEXT]
    return flat


def subjects(planned: Planned) -> list[Subject]:
    """Name the runs of a trial: one in each row that it serves."""
    trial = as_dict(planned.trial)
    return [
        Subject(table=planned.table, row=row, key=planned.key, trial=trial) for row in planned.rows
    ]


def _curves(history: Rows) -> list["Metric"]:
    from mlflow.entities import Metric

    return [
        Metric(name, row[name], row["finished_ms"], row["epoch"])
        for row in history
        for name in CURVES
        if row[name] is not None and math.isfinite(row[name])
    ]


def _not_finite(history: Rows) -> dict[str, str]:
    """Name the values that are no number: MLflow would store infinity as 1.8e308."""
    found: dict[str, list[str]] = {}
    for row in history:
        for name in CURVES:
            if row[name] is not None and not math.isfinite(row[name]):
                found.setdefault(name, []).append(f"{row[name]} at epoch {row['epoch']}")
    return {f"{name}_not_finite": ", ".join(values) for name, values in found.items()}


def _results(record: Record) -> tuple[list["Metric"], dict[str, str]]:
    """Return the last metrics of a trial, and its tags."""
    from mlflow.entities import Metric

    values = dict(record.metrics) | {
        "params_m": record.params / 1e6,
        "gmacs": record.gmacs,
        "seconds": record.seconds,
    }
    ended = record.finished_ms
    bad = {name: str(value) for name, value in values.items() if not math.isfinite(value)}
    points = [Metric(name, value, ended, 0) for name, value in values.items() if name not in bad]
    return points, {f"{name}_not_finite": value for name, value in bad.items()} | _origin(record)


def _origin(record: Record) -> dict[str, str]:
    """Say where a number comes from; no host, user or path is among it."""
    dirty = "-dirty" if record.provenance.get("dirty") else ""
    tags = {
        "commit": f"{record.provenance.get('commit') or 'unknown'}{dirty}",
        "campaign": str(record.provenance.get("campaign") or ""),
        "code": record.code_hash,
        "passport": record.passport,
        "counting_rule": record.counting_rule,
        "resumed_epochs": ", ".join(map(str, record.resumed_epochs)),
    }
    return {name: value for name, value in tags.items() if value}


def _start_ms(history: Rows) -> int | None:
    """Return the start of the first epoch, so that a replay dates a run as it was."""
    return history[0]["finished_ms"] - round(1000 * history[0]["seconds"]) if history else None


def _cut_lines(text: str) -> str:
    return text if len(text) <= _NOTE else text[:_NOTE].rpartition("\n")[0] + "\n\n(cut)"


def _connect(uri: str) -> "MlflowClient":
    """Import MLflow, which takes seconds, and open a store, which may have to be made."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    path = _file(uri)
    if path is not None and not path.exists():
        # Made aside: a process killed in the middle would leave a store that never opens again.
        aside = path.with_name(f".{path.name}.new")
        aside.unlink(missing_ok=True)
        MlflowClient(f"sqlite:///{aside}").search_experiments(max_results=1)
        aside.replace(path)
    if path is not None:
        path.open("r+b").close()  # MLflow would try a file that it may not write for 102 s
    client = MlflowClient(uri)
    client.search_experiments(max_results=1)
    return client


def _file(uri: str) -> Path | None:
    """Return the file of a store that is one."""
    plain = uri.startswith("sqlite:///") and "?" not in uri
    return Path(uri.removeprefix("sqlite:///")) if plain else None


def is_server(uri: str) -> bool:
    """Say whether a store is behind a server, which then takes care of artifacts too."""
    return uri.startswith(("http:", "https:"))


def artifacts(results: Path) -> str:
    """Return where the artifacts of a store without a server lie."""
    return (results / "mlflow" / "artifacts").resolve().as_uri()


def troubles() -> tuple[type[Exception], ...]:
    """List what a store may raise; anything else is a bug of ours and must be seen."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, SQLAlchemyError, CommandError, OSError, ValueError


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn troubles into one sentence; what they were raised from may hold a password."""
    try:
        yield
    except troubles() as error:
        raise TrackingError(explain(uri, error)) from None


def explain(uri: str, error: Exception) -> str:
    """Say in one sentence what a store did, without what it should not tell."""
    lines = redact(str(error)).splitlines() or [""]
    return f"MLflow at {redact(uri)} failed: {type(error).__name__}: {lines[0][:200]}"


def _host() -> str:
    """Name this machine without telling its name."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def _birth(pid: int) -> str:
    """Return when a process started, in ticks; a number of a process is used again one day."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _is_alive(process: str) -> bool:
    """Say whether a process lives, as `<number> <start>`; yes where that cannot be known."""
    pid, _, birth = process.partition(" ")
    return not birth or _birth(int(pid)) == birth
