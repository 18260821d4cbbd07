"""A launch: run the trials that tables still need, then write the tables.

One process does it, the driver, which alone uses the results folder meanwhile; or several do, each
with a shard of the trials. A driver mirrors every event to MLflow, shows it on the console, and
keeps its status file up to date.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

from rich.console import Console

from harness.launch import preparation
from harness.launch.result import LaunchResult
from harness.plan import grid
from harness.plan.grid import PlannedTrial
from harness.plan.request import Request
from harness.report import build
from harness.report.output import TableOutput
from harness.runtime import Runtime, check_device
from harness.schedule import local_ranks, results_folder, serial
from harness.schedule.attempt import EventCallback, TrialEvent, TrialFunction
from harness.schedule.data_waits import DataWaits
from harness.schedule.event_dispatcher import EventDispatcher
from harness.schedule.progress import Progress
from harness.schedule.ray import tune
from harness.schedule.ray.tune import Resources
from harness.schedule.serial import Claim
from harness.schedule.shards import Driver, Shard
from harness.schedule.status.writer import StatusWriter
from harness.schedule.stop import Stop, handle_signals
from harness.tables import each_of
from harness.tracking.mirrors import Mirrors
from harness.utils import children, escape
from harness.utils.lock import InUseError
from harness.utils.redaction import redact


def run(
    requests: Sequence[Request],
    *,
    resources: Resources | None,
    tracking: str,
    console: Console,
    sinks: Sequence[str] = (),
    max_trials: int | None = None,
    run_trial: TrialFunction = local_ranks.run,
    shard: Shard | None = None,
) -> LaunchResult:
    """Run every trial that lacks a fresh record, then write each table and draw its figure.

    A trial that several tables share runs once; a broken table is left out. A signal, or
    `harness stop`, ends the run after the epochs in progress; a second one ends it at once.

    Args:
        requests: Tables, all with the same runtime.
        resources: Ray's resources for trials; None runs them in this process, one by one.
        tracking: Address of the MLflow store.
        sinks: Addresses of further places for curves and metrics.
        console: Shows progress and warnings, on the output that it was made with.
        max_trials: Most trials allowed; None for any number.
        run_trial: Trains and scores a trial.
        shard: Runs this part of the trials, beside drivers of other parts; without Ray.

    Raises:
        ValueError: If another process uses the results folder, a request is wrong, or every table
            is broken.
        Interrupted: If this process is to end at once.
    """
    children.isolate()
    _check(requests, resources, max_trials)
    log = partial(_print, console)
    driver = Driver(requests[0].runtime.results, shard)
    tables = ", ".join(request.experiment.name for request in requests)
    with (
        driver.hold(what=f"running {tables}") as holder,
        handle_signals(driver.folder, holder.run) as stop,
        StatusWriter(driver.folder, holder.run, stop) as status_writer,
        stop.watchdog(
            on_request=partial(_announce_stop, log, status_writer), on_exit=status_writer.on_exit
        ),
    ):
        schedule = partial(_schedule, resources=resources, run_trial=run_trial)
        steps = _Launch(requests, driver, stop, status_writer, console)
        return steps.run(schedule, [tracking, *sinks])


def _check(
    requests: Sequence[Request], resources: Resources | None, max_trials: int | None
) -> None:
    """Refuse more trials than anyone would mean, and a device that is missing here."""
    if max_trials is not None:
        preparation.check_count(requests, max_trials)
    if resources is None or resources.address is None:
        check_device(requests[0].runtime.device)


def _announce_stop(log: Callable[[str], None], status_writer: StatusWriter) -> None:
    log(f"stopping: {status_writer.on_stop()}; a second request ends the run at once")


class _Launch:
    """The steps of a launch by a driver that holds its folder."""

    def __init__(
        self,
        requests: Sequence[Request],
        driver: Driver,
        stop: Stop,
        status_writer: StatusWriter,
        console: Console,
    ) -> None:
        self.requests = requests
        self.runtime = requests[0].runtime
        self.driver = driver
        self.stop = stop
        self.status_writer = status_writer
        self.console = console
        self.log = partial(_print, console)
        self.shared: dict[str, list[PlannedTrial]] = {}
        self.left_out: list[str] = []

    def run(self, schedule: Callable[..., None], sinks: Sequence[str]) -> LaunchResult:
        """Run the trials that lack a record, if there are some, and write the tables."""
        todo = self.prepare()
        if not todo:
            return LaunchResult(outputs=self.write_tables(), left_out=self.left_out)
        return self.run_trials(todo, schedule, sinks)

    def prepare(self) -> list[PlannedTrial]:
        """Return the trials to run, after all that has to be in order before the first of them."""
        with self.driver.starting() as is_alone:
            if is_alone:
                results_folder.sweep(self.runtime.results)
            tables = preparation.plan(self.requests, self.log, self.leave_out)
            self.requests = [table.request for table in tables]
            planned = preparation.trials_by_key(tables)
            keys = list(planned)
            own = keys if self.driver.shard is None else self.driver.shard.part_of(keys)
            self.shared = {key: planned[key] for key in own}
            trials = [duplicates[0] for duplicates in self.shared.values()]
            todo = [trial for trial in trials if preparation.is_open(trial, self.requests[0])]
            preparation.check_initial_weights(todo, self.runtime)
            for trial in todo:
                results_folder.set_aside(self.runtime.results, trial.key)
            preparation.declare(tables)
        self.progress = Progress(todo, self.console)
        self.waits = DataWaits(self.runtime, self.log)
        self.status_writer.expect(
            trials, todo, seconds_left=self.progress.seconds_left, advise=self.waits.advise
        )
        self._log_counts(len(planned), len(trials), len(todo))
        return todo

    def _log_counts(self, planned: int, own: int, todo: int) -> None:
        tables = ", ".join(request.experiment.name for request in self.requests)
        shard = "" if self.driver.shard is None else f", {own} in shard {self.driver.shard}"
        counts = f"{escape.counted(planned, 'trial')}{shard}, {own - todo} recorded, {todo} to run"
        once = sum(len(grid.run_once(each.experiment, each.seeds)) for each in self.requests)
        counts += grid.run_once_text(once)
        self.log(f"{tables} at {self.requests[0].scale} scale: {counts}")

    def run_trials(
        self, todo: Sequence[PlannedTrial], schedule: Callable[..., None], sinks: Sequence[str]
    ) -> LaunchResult:
        """Run trials, mirror their events to MLflow, and write the tables."""
        runtime = self.runtime
        mirror = Mirrors(sinks, results=runtime.results, warn=self.log, campaign=runtime.campaign)
        with mirror, self.stop.graceful():
            dispatcher = EventDispatcher(
                self.shared, self.status_writer, mirror, self.progress, self.waits
            )
            preparation.mirror_recorded(mirror, self.shared, self.requests[0])
            with self.progress:
                claim = None if self.driver.shard is None else partial(self._claim, dispatcher)
                schedule(todo, runtime, dispatcher, stop=self.stop, log=self.log, claim=claim)
            outputs = self.write_tables(mirror)
        is_complete = len(dispatcher.ended) == len(todo)
        return LaunchResult(
            outputs=outputs,
            failed=dispatcher.failed,
            left_out=self.left_out,
            code=0 if is_complete else self.stop.code,
        )

    def write_tables(self, mirror: Mirrors | None = None) -> list[TableOutput]:
        """Write the tables and mirror them, unless another driver still runs trials of them."""
        with self.driver.ending() as is_last:
            if is_last:
                return list(
                    each_of(
                        self.requests,
                        lambda request: _write_and_mirror(request, mirror),
                        self.leave_out,
                    )
                )
        self.log(
            "other shards are still at work: the last one writes the tables; `harness report` "
            "writes them at any time"
        )
        return []

    def leave_out(self, sentence: str) -> None:
        """Say that a table is left out."""
        self.left_out.append(sentence)
        self.log(sentence)

    @contextmanager
    def _claim(self, dispatcher: EventDispatcher, planned: PlannedTrial) -> Iterator[bool]:
        """Take a trial for this driver; yield whether it is to run here."""
        with ExitStack() as held:
            try:
                held.enter_context(self.driver.hold_trial(planned.key))
            except InUseError as error:
                dispatcher.pass_over(planned, f"another driver has it, {error.by}")
                yield False
                return
            recorded = preparation.recorded_since(planned, self.requests[0])
            if recorded is not None:
                dispatcher(TrialEvent(planned=planned, record=recorded))
            yield recorded is None


def _print(console: Console, sentence: str) -> None:
    console.print(escape.terminal(redact(sentence)), highlight=False, markup=False, soft_wrap=True)


def _schedule(
    todo: Sequence[PlannedTrial],
    runtime: Runtime,
    on_event: EventCallback,
    *,
    resources: Resources | None,
    stop: Stop,
    log: Callable[[str], None],
    run_trial: TrialFunction,
    claim: Claim | None,
) -> None:
    if resources is not None:
        tune.run_on_ray(todo, runtime, on_event, resources, stop, log, run_trial=run_trial)
    else:
        serial.run_serially(todo, runtime, on_event, stop, run_trial=run_trial, claim=claim)


def _write_and_mirror(request: Request, mirror: Mirrors | None) -> TableOutput:
    judged = build.collect_and_judge(request)
    output = build.write(judged)
    if mirror is not None:
        mirror.log_table(
            request.experiment, scale=request.scale, output=output, records=judged.table.records
        )
    return output
