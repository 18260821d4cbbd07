"""A launch: run the trials that tables still need, then write the tables.

One process does it, the driver, which alone uses the results folder meanwhile. It mirrors every
event to MLflow, shows it on the console, and keeps the status file up to date.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from harness import data, record
from harness.data import sizes
from harness.plan import grid
from harness.plan.grid import PlannedTrial
from harness.plan.request import Request, planned_trials
from harness.report import build, preregistration
from harness.report.collect import collect
from harness.report.output import TableOutput
from harness.runtime import Runtime, check_device
from harness.schedule import local_ranks, results_folder, serial
from harness.schedule.attempt import EventCallback, TrialEvent, TrialFunction
from harness.schedule.data_waits import DataWaits
from harness.schedule.progress import Progress
from harness.schedule.ray import tune
from harness.schedule.ray.tune import Resources
from harness.schedule.status_writer import StatusWriter
from harness.schedule.stop import Stop, handle_signals
from harness.tracking.mirror import Mirror
from harness.utils import children, escape, lock
from harness.utils.redaction import redact
from harness.zoo import initial_weights


@dataclass(frozen=True, kw_only=True)
class LaunchResult:
    """The outcome of a launch.

    Attributes:
        outputs: The tables.
        failed: Last events of the trials that failed.
        code: Exit code after a request to stop; 0 without one.
    """

    outputs: Sequence[TableOutput]
    failed: Sequence[TrialEvent] = ()
    code: int = 0


def run(
    requests: Sequence[Request],
    *,
    resources: Resources | None,
    tracking: str,
    console: Console,
    max_trials: int | None = None,
    run_trial: TrialFunction = local_ranks.run,
) -> LaunchResult:
    """Run every trial that lacks a fresh record, then write each table and draw its figure.

    A trial that several tables share runs once. A signal, or `harness stop`, ends the run after
    the epochs in progress; a second one ends it at once.

    Args:
        requests: Tables, all with the same runtime.
        resources: Ray's resources for trials; None runs them in this process, one by one.
        tracking: Address of the MLflow store.
        console: Shows progress and warnings, on the output that it was made with.
        max_trials: Most trials allowed; None for any number.
        run_trial: Trains and scores a trial.

    Raises:
        ValueError: If another process uses the results folder, or a request is wrong.
        Interrupted: If this process is to end at once.
    """
    children.isolate()
    runtime = requests[0].runtime
    if max_trials is not None:
        _check_count(requests, max_trials)
    if resources is None or resources.address is None:
        check_device(runtime.device)
    log = partial(_print, console)
    tables = ", ".join(request.experiment.name for request in requests)

    def on_stop_request() -> None:
        log(f"stopping: {status_writer.on_stop()}; a second request ends the run at once")

    with (
        lock.hold(runtime.results, what=f"running {tables}") as holder,
        handle_signals(runtime.results, holder.run) as stop,
        StatusWriter(runtime.results, holder.run, stop) as status_writer,
        stop.watchdog(on_request=on_stop_request, on_exit=status_writer.on_exit),
    ):
        results_folder.sweep(runtime.results)
        shared = _trials_by_key(requests, log)
        trials = [duplicates[0] for duplicates in shared.values()]
        todo = [trial for trial in trials if _is_open(trial, requests[0])]
        _check_initial_weights(todo, runtime)
        for trial in todo:
            results_folder.set_aside(runtime.results, trial.key)
        progress = Progress(todo, console)
        waits = DataWaits(runtime, log)
        status_writer.expect(trials, todo, seconds_left=progress.seconds_left, advise=waits.advise)
        counts = f"{len(trials) - len(todo)} recorded, {len(todo)} to run"
        log(f"{tables} at {requests[0].scale} scale: {len(trials)} trials, {counts}")
        _declare(requests)
        if not todo:
            return LaunchResult(
                outputs=[build.write(build.collect_and_judge(request)) for request in requests]
            )
        mirror = Mirror(tracking, results=runtime.results, warn=log, campaign=runtime.campaign)
        with mirror, stop.graceful():
            dispatcher = _EventDispatcher(shared, status_writer, mirror, progress, waits)
            _mirror_recorded(mirror, shared, requests[0])
            with progress:
                _schedule(todo, runtime, dispatcher, resources, stop, log, run_trial)
            outputs = [_write_and_mirror(request, mirror) for request in requests]
        return LaunchResult(outputs=outputs, failed=dispatcher.failed, code=stop.code)


def _print(console: Console, sentence: str) -> None:
    console.print(escape.terminal(redact(sentence)), highlight=False, markup=False, soft_wrap=True)


def _check_initial_weights(todo: Sequence[PlannedTrial], runtime: Runtime) -> None:
    """Refuse a run whose initial weights are missing or wrong, before its first trial.

    Raises:
        ValueError: Names each such file.
    """
    networks = ((planned.trial.model, planned.trial.data) for planned in todo)
    checks = initial_weights.check(networks, runtime.weights)
    faults = [
        f"initial weights {result.name}: {result.finding}; {result.remedy}"
        for result in checks
        if result.remedy
    ]
    if faults:
        raise ValueError(". ".join(faults))


def _declare(requests: Sequence[Request]) -> None:
    """Write down the claims of the tables before their first result."""
    for request in requests:
        table = collect(request)
        trials = [row.trial for row in table.rows if row.trial and request.experiment.trains]
        digests = [sizes.passport_digest(trial.data, request.runtime.data) for trial in trials]
        preregistration.preregister(table, passports=[digest for digest in digests if digest])


def _schedule(
    todo: Sequence[PlannedTrial],
    runtime: Runtime,
    on_event: EventCallback,
    resources: Resources | None,
    stop: Stop,
    log: Callable[[str], None],
    run_trial: TrialFunction,
) -> None:
    if resources is None:
        serial.run_serially(todo, runtime, on_event, stop, run_trial=run_trial)
    else:
        tune.run_on_ray(todo, runtime, on_event, resources, stop, log, run_trial=run_trial)


class _EventDispatcher:
    """Pass events on to progress, status and MLflow, which logs a trial in every table."""

    def __init__(
        self,
        shared: Mapping[str, Sequence[PlannedTrial]],
        status_writer: StatusWriter,
        mirror: Mirror,
        progress: Progress,
        waits: DataWaits,
    ) -> None:
        self.shared = shared
        self.status_writer = status_writer
        self.mirror = mirror
        self.progress = progress
        self.waits = waits
        self.failed: list[TrialEvent] = []

    def __call__(self, event: TrialEvent) -> None:
        self.progress.on_event(event)
        self.status_writer.on_event(event)
        self.waits.on_event(event)
        if event.failure is not None:
            self.failed.append(event)
        for trial in self.shared[event.planned.key]:
            if event.record is not None:
                self.mirror.finish_trial(trial, event.record)
            elif event.failure is not None:
                self.mirror.fail_trial(trial, event.failure)
            else:
                self.mirror.log_epochs(trial, list(event.history))


def _check_count(requests: Sequence[Request], limit: int) -> None:
    """Refuse a grid that is larger than anyone would mean."""
    rows = {
        record.trial_key(request.rescale(trial), "")
        for request in requests
        for row in grid.select_rows(request.experiment, request.rows).rows
        for trial in row.trials
        if request.experiment.trains
    }
    count = len(rows) * len(grid.seed_numbers(requests[0].seeds))
    if count > limit:
        raise ValueError(
            f"{count:,} trials are more than the limit of {limit:,}; raise it with --max-trials"
        )


def _mirror_recorded(
    mirror: Mirror, shared: Mapping[str, Sequence[PlannedTrial]], request: Request
) -> None:
    """Mirror trials with a record: an earlier driver may have been killed before it did."""
    for trials in shared.values():
        for trial in trials:
            if trial.record is not None and not _is_open(trial, request):
                mirror.finish_trial(trial, trial.record)


def _trials_by_key(
    requests: Sequence[Request], log: Callable[[str], None]
) -> dict[str, list[PlannedTrial]]:
    """List the trials of all tables by their keys; tables may share one."""
    trials: dict[str, list[PlannedTrial]] = {}
    for request in requests:
        for trial in planned_trials(request, progress=_progress_in_tenths(log)):
            trials.setdefault(trial.key, []).append(trial)
    return trials


def _is_open(trial: PlannedTrial, request: Request) -> bool:
    return trial.state == "missing" or (trial.state == "stale" and not request.keep_stale)


def _write_and_mirror(request: Request, mirror: Mirror) -> TableOutput:
    judged = build.collect_and_judge(request)
    output = build.write(judged)
    mirror.log_table(
        request.experiment, scale=request.scale, output=output, records=judged.table.records
    )
    return output


def _progress_in_tenths(log: Callable[[str], None]) -> data.Progress:
    """Return a progress callback that logs every tenth of a long step."""

    def show(what: str, done: int, total: int) -> None:
        if done * 10 // total > (done - 1) * 10 // total:
            log(f"making {what}: {done} of {total}")

    return show
