"""Measure what logging costs: what is lost when many processes log, and what their trials pay."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from benchmarks import paired
from benchmarks.scheduling import idle_trial
from benchmarks.scheduling.log_writers import Logged, Setting, together
from harness.plan.request import Request
from harness.report.collect import collect
from harness.report.output import TableOutput
from harness.runtime import Runtime
from harness.tracking import ui
from harness.tracking.experiments import finished_runs
from harness.tracking.runs import CURVES
from harness.tracking.store import Store
from harness.tracking.sync import sync
from harness.tracking.ui.server import HOST

AT_MOST = 0.01
Where = Literal["server", "file"]
PLACES: tuple[Where, ...] = ("server", "file")


def run(setting: Setting, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure a server and a file; return what JSON can hold.

    Args:
        setting: How.
        progress: Told what is measured next.
    """
    places: dict[str, Any] = {}
    for where in PLACES:
        progress(f"logging: {setting.processes} processes, {where}")
        places[where] = crowd(where, setting)
        progress(f"logging: one trial after the other, {where}")
        places[where]["alone"] = _slowed(_alone(where, setting))
    return {"setting": asdict(setting), "at_most": AT_MOST, "places": places}


def crowd(where: Where, setting: Setting) -> dict[str, Any]:
    """Have all processes log at once; say what was lost, and what their trials paid."""
    with TemporaryDirectory() as folder, store(where, Path(folder)) as uri:
        runtime = _runtime(Path(folder))
        count = setting.processes
        logged = together(uri, runtime, range(count), setting, at_once=count)
        warnings = [sentence for entry in logged for sentence in entry.warnings]
        if warnings:
            _sync(uri, runtime.results)
        lost = missing(uri, runtime.results, logged)
    return {
        "points": sum(len(entry.losses) for entry in logged),
        "lost": lost,
        "warnings": warnings,
    } | (_slowed(logged))


def _alone(where: Where, setting: Setting) -> list[Logged]:
    with TemporaryDirectory() as folder, store(where, Path(folder)) as uri:
        return together(uri, _runtime(Path(folder)), range(setting.alone), setting, at_once=1)


def _slowed(logged: Sequence[Logged]) -> dict[str, Any]:
    """Return what logging adds to a trial's time, as shares of it."""
    used = paired.ratio([(entry.logging.used, entry.silent.used) for entry in logged])
    wall = paired.ratio([(entry.logging.wall, entry.silent.wall) for entry in logged])
    calls = [entry.calls.used / entry.silent.used for entry in logged]
    return {
        "calls_most": max(calls),
        "longest_call_ms": 1e3 * max(entry.longest_s for entry in logged),
        "processor": {"ratio": used[0], "quartiles": used[1]},
        "wall": {"ratio": wall[0], "quartiles": wall[1]},
    }


def text(measured: dict[str, Any]) -> str:
    """Write what `run` returned as a table."""
    setting = measured["setting"]
    lines = [
        f"{setting['processes']} processes, {setting['epochs']} epochs of {setting['steps']} steps;"
        f" aim: nothing lost, calls ≤ {measured['at_most']:.0%} of a trial's time",
        "",
        f"{'':18}{'lost':>12}{'warned':>8}{'calls':>8}{'longest':>10}"
        f"{'  with / without: processor':29}wall",
    ]
    for where in PLACES:
        found = measured["places"][where]
        counts = f"{found['lost']} of {found['points']}"
        lines.append(f"{where + ', all':18}{counts:>12}{len(found['warnings']):8}{_figures(found)}")
        lines.append(f"{where + ', alone':18}{'':12}{'':8}{_figures(found['alone'])}")
    return "\n".join(lines)


def _figures(row: dict[str, Any]) -> str:
    both = "".join(_ratio(row[kind]) for kind in ("processor", "wall"))
    return f"{row['calls_most']:8.2%}{row['longest_call_ms']:7.1f} ms{both}"


def _ratio(found: dict[str, Any]) -> str:
    low, high = found["quartiles"]
    return f"  {found['ratio']:.3f}  {low:.3f}–{high:.3f}"


def _runtime(folder: Path) -> Runtime:
    runtime = Runtime(results=folder / "results", data=folder / "data")
    idle_trial.videos(runtime.data)
    return runtime


@contextmanager
def store(where: Where, folder: Path) -> Iterator[str]:
    """Give the address of a new SQLite store, or of a server before one."""
    results = folder / "results"
    uri = f"sqlite:///{results / 'mlflow' / 'mlflow.db'}"
    Store(uri, results)
    if where == "file":
        yield uri
        return
    port = ui.free_port()
    with ui.run_server(results, uri, port):
        yield f"http://{HOST}:{port}"


def _sync(uri: str, results: Path) -> None:
    """Do what the mirror's warning says."""
    request = Request(
        experiment=idle_trial.TABLE,
        scale="desk",
        rescale=idle_trial.shrunk,
        seeds=1,
        runtime=Runtime(results=results, data=results),
    )
    sync(uri, [(collect(request), TableOutput(files=(), markdown=""))], results=results)


def missing(uri: str, results: Path, logged: Sequence[Logged]) -> int:
    """Count the points of the processes' curves that a store lacks, or has in another value."""
    opened = Store(uri, results)
    runs = finished_runs(opened.client, opened.experiment(idle_trial.TABLE.name))
    ids = {entry.data.tags["key"]: entry.info.run_id for entry in runs}
    found = {
        key: {
            point.step: point.value
            for point in opened.client.get_metric_history(run, CURVES["loss"])
        }
        for key, run in ids.items()
    }
    return sum(
        found.get(entry.key, {}).get(epoch) != loss
        for entry in logged
        for epoch, loss in entry.losses.items()
    )
