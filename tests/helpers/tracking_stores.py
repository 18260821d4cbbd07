"""Small trials, records and stores for the tests of tracking; nothing is trained."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import record, tracking
from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.report import output
from harness.report.collect import collect
from harness.specs import as_dict
from harness.tracking import mirror as mirroring
from harness.tracking import ui
from harness.tracking.errors import translate_errors
from harness.tracking.sinks import Sink, open_sink
from harness.tracking.sync import sync
from harness.tracking.uri import ENVIRONMENT
from harness.tracking.worker import Task, run_tasks
from harness.training.loop import Epoch
from tests.helpers.collected_tables import request
from tests.test_record import PROVENANCE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ROOT = Path(__file__).resolve().parents[2]
START_MS = 1_700_000_000_000
SECRET = "s3cret-Pa55"
LABEL = "DSA at II"
PATIENCE_S = 300  # for an event that must come, on a busy machine
WRITER = "mlflow mirror"
CLAIM = {
    "claim": "II is the best",
    "word": "undecided",
    "sentence": "more seeds would decide",
    "estimate": 0.25,
    "low": -1.5,
    "high": 2.0,
    "p": 0.5,
    "late": False,
    "origin": "read off",
}


def client(uri: str) -> "MlflowClient":
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient(uri)


class InProcessStore:
    """A `StoreProcess` without a process, which would import MLflow anew."""

    def __init__(self, uri: str, results: Path, campaign: str) -> None:
        self._make_store = partial(open_sink, uri, results, campaign)
        self._uri = uri
        self._store: Sink | None = None

    def run_task(self, task: Task) -> None:
        with translate_errors(self._uri):
            self._store = self._store or self._make_store()
            task(self._store)

    def close(self) -> None:
        pass

    kill = close


def run_in_thread(uri: str, results: Path, tasks: Sequence[Task]) -> list[str]:
    """Run tasks as the process of a store does, without a process; return the failure of each."""
    ours, theirs = Pipe()

    def run() -> None:
        with theirs, suppress(EOFError):
            run_tasks(theirs)

    thread = threading.Thread(target=run)
    failures = []
    with ours:
        thread.start()
        ours.send((uri, results, "c1"))
        for task in tasks:
            ours.send(task)
            failure, bug = ours.recv()
            assert not bug, bug
            failures.append(failure)
    thread.join()
    return failures


@contextmanager
def open_mirror(results: Path, *, uri: str = "") -> Iterator[mirroring.Mirror]:
    """Open a mirror that writes from this process and must not warn."""
    warnings: list[str] = []
    with (
        patch.object(mirroring, "StoreProcess", InProcessStore),
        mirroring.Mirror(
            uri or tracking.store_uri(results), results=results, warn=warnings.append, campaign="c1"
        ) as opened,
    ):
        yield opened
        opened.close(timeout_s=PATIENCE_S)
    assert not warnings


def planned_trial(label: str = LABEL, *, seed: int = 0) -> PlannedTrial:
    row = next(row for row in EXPERIMENT.rows if row.label == label)
    assert row.trial is not None
    trial = replace(desk(row.trial), seed=seed)
    return PlannedTrial(
        table=EXPERIMENT.name,
        rows=(label,),
        trial=trial,
        key=record.trial_key(trial, "passport"),
        state="missing",
        record=None,
    )


def epochs(count: int, *, start_ms: int = START_MS, loss: float = 2.0) -> list[Epoch]:
    return [
        Epoch(
            epoch=number,
            loss=loss / number,
            train_top1=10.0 * number,
            val_top1=9.0 * number if number % 2 else None,
            lr=0.1,
            seconds=1.5,
            waited_s=0.5,
            finished_ms=start_ms + 2_000 * number,
        )
        for number in range(1, count + 1)
    ]


def make_record(
    planned: PlannedTrial, *, history: Sequence[Epoch] = (), top1: float = 61.5
) -> Record:
    return Record(
        key=planned.key,
        trial=as_dict(planned.trial),
        passport="passport",
        code={"m": "code"},
        metrics={"top1": top1, "top5": 90.0, "map": 60.0, "videos": 48},
        params=1_250_000,
        gmacs=0.125,
        counting_rule="mac",
        history=[asdict(epoch) for epoch in history or epochs(3)],
        scores_sha256="0" * 64,
        provenance=PROVENANCE | {"dirty": True},
        seconds=7.5,
        resumed_epochs=[2],
    )


def runs(results: Path, kind: str = "trial") -> list["Run"]:
    store = client(tracking.store_uri(results))
    table = store.get_experiment_by_name(EXPERIMENT.name)
    assert table is not None
    return list(store.search_runs([table.experiment_id], f"tags.kind = '{kind}'"))


def only_run(results: Path) -> "Run":
    (run,) = runs(results)
    return run


def curve(results: Path, run: "Run", name: str) -> list[tuple[int, float, int]]:
    points = client(tracking.store_uri(results)).get_metric_history(run.info.run_id, name)
    return [(point.step, point.value, point.timestamp) for point in points]


def artifact_paths(results: Path, run: "Run") -> set[str]:
    store = client(tracking.store_uri(results))
    folders = store.list_artifacts(run.info.run_id)
    return {
        file.path
        for folder in folders
        for file in store.list_artifacts(run.info.run_id, folder.path)
    }


def table_output(results: Path) -> output.TableOutput:
    """Write the files of a table and return its output."""
    files = [results / "tables" / "table_b.md", results / "figures" / "table_b.svg"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("| row | top1 |")
    return output.TableOutput(
        files=tuple(files),
        markdown=files[0].read_text(),
        verdicts={LABEL: "undecided"},
        claims=[CLAIM],
        stale=frozenset({planned_trial(seed=1).key}),
    )


def run_sync(
    results: Path, *, uri: str = "", also: Sequence[str] = (), checkpoints: bool = False
) -> int:
    table = collect(request(EXPERIMENT, results, rescale=desk))
    return sync(
        uri or tracking.store_uri(results),
        [(table, table_output(results))] if table.records else [],
        results=results,
        also=also,
        checkpoints=checkpoints,
    )


@contextmanager
def silent_server() -> Iterator[int]:
    """Give a port that accepts connections and never answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(16)
        yield server.getsockname()[1]


def closed_port() -> int:
    with silent_server() as port:
        return port


def wait_until(condition: Callable[[], bool], *, within_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:g} s"
        time.sleep(0.1)


def runs_with_curves(results: Path) -> list["Run"]:
    store = client(tracking.store_uri(results))
    table = store.get_experiment_by_name(EXPERIMENT.name)
    candidates = store.search_runs([table.experiment_id]) if table else []
    return [run for run in candidates if "train/lr" in run.data.metrics]


def start_child(call: str) -> subprocess.Popen[str]:
    """Call a function of this file in another process."""
    return subprocess.Popen(
        [sys.executable, "-c", f"from tests.helpers.tracking_stores import *; {call}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def send_and_hang(results: str) -> None:
    opened = mirroring.Mirror(tracking.store_uri(Path(results)), results=Path(results), warn=print)
    opened.log_epochs(planned_trial(), epochs(2))
    time.sleep(600)


def finish_one(results: str, seed: int) -> None:
    with open_mirror(Path(results)) as opened:
        opened.finish_trial(planned_trial(seed=seed), make_record(planned_trial(seed=seed)))


def serve_ui(results: str, port: int) -> None:
    # A job in the background of a shell ignores Ctrl-C, and so would this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    uri = tracking.store_uri(Path(results))
    sys.exit(ui.serve(Path(results), uri, port=port, tables=["table_b"]))


@contextmanager
def ui_server(results: Path) -> Iterator[tuple[int, list[str]]]:
    """Run `serve` until Ctrl-C, and give its port and its output lines."""
    port = closed_port()
    with start_child(f"serve_ui({str(results)!r}, {port})") as process:
        try:
            assert process.stdout is not None
            yield port, [process.stdout.readline() for _ in range(3)]
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE_S) == 0
