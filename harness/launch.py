"""A launch: what tables still need runs, is mirrored, shown and kept on the board; then tables.

One process does it, the driver; the results folder is its own while it lasts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from harness import data, record
from harness.plan import grid
from harness.plan.grid import PlannedTrial
from harness.plan.request import Request, planned_trials
from harness.report import build, preregistration
from harness.report.output import TableOutput
from harness.report.results import collect
from harness.runtime import Runtime, check_device
from harness.schedule import local_ranks, serial
from harness.schedule.attempt import Event, Work
from harness.schedule.progress import Progress
from harness.schedule.ray import tune
from harness.schedule.ray.tune import Resources
from harness.schedule.status_writer import Board
from harness.schedule.stop import Stop, handled
from harness.tracking.mirror import Mirror
from harness.utils import lock


@dataclass(frozen=True, kw_only=True)
class LaunchResult:
    """What a run left.

    Attributes:
        outputs: The tables.
        failed: Last events of the trials that failed.
        code: Exit code that a request to stop asks for; 0 without one.
    """

    outputs: Sequence[TableOutput]
    failed: Sequence[Event] = ()
    code: int = 0


def run(
    requests: Sequence[Request],
    *,
    resources: Resources | None,
    tracking: str,
    console: Console,
    max_trials: int | None = None,
    work: Work = local_ranks.run,
) -> LaunchResult:
    """Run what has no fresh record, then write each table and draw its figure.

    A trial that several tables share runs once. A signal, or `harness stop`, ends it after the
    epochs that run, a second one at once.

    Args:
        requests: Tables, all with the same runtime.
        resources: What Ray gives to a trial; None runs here, one after the other.
        tracking: Address of the MLflow store.
        console: Shows progress and warnings, on the output it was made with.
        max_trials: Refuse more than that; None for any number.
        work: What a trial does.

    Raises:
        ValueError: If another process works in the results folder, or a request is wrong.
        Interrupted: If this process is to leave at once.
    """
    runtime, what = requests[0].runtime, ", ".join(each.experiment.name for each in requests)
    if max_trials is not None:
        _refuse(requests, max_trials)
    if resources is None or resources.address is None:
        check_device(runtime.device)
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with (
        lock.held(runtime.results, what=f"running {what}") as holder,
        handled(runtime.results, holder.run) as stop,
        Board(runtime.results, holder.run, stop, say) as board,
    ):
        sharing = _sharing(requests, say)
        todo = [each[0] for each in sharing.values() if _is_open(each[0], requests[0])]
        progress = Progress(todo, console)
        board.expect([each[0] for each in sharing.values()], todo, left_s=progress.seconds_left)
        counts = f"{len(sharing) - len(todo)} recorded, {len(todo)} to run"
        say(f"{what} at {requests[0].scale} scale: {len(sharing)} trials, {counts}")
        _declare(requests)
        if not todo:
            return LaunchResult(
                outputs=[build.write(build.collect_and_judge(request)) for request in requests]
            )
        mirror = Mirror(tracking, results=runtime.results, warn=say, campaign=runtime.campaign)
        with mirror, stop.patience():
            watch = _Watch(sharing, board, mirror, progress)
            _mirror_recorded(mirror, sharing, requests[0])
            with progress:
                _schedule(todo, runtime, watch, resources, stop, say, work)
            outputs = [_write_and_mirror(request, mirror) for request in requests]
        return LaunchResult(outputs=outputs, failed=watch.failed, code=stop.code)


def _declare(requests: Sequence[Request]) -> None:
    """Write down what the tables claim before their first result."""
    for request in requests:
        preregistration.preregister(
            request.experiment,
            scale=request.scale,
            results=request.runtime.results,
            records=collect(request).records,
        )


def _schedule(
    todo: Sequence[PlannedTrial],
    runtime: Runtime,
    watch: Callable[[Event], None],
    resources: Resources | None,
    stop: Stop,
    say: Callable[[str], None],
    work: Work,
) -> None:
    if resources is None:
        serial.in_process(todo, runtime, watch, stop, work=work)
    else:
        tune.on_ray(todo, runtime, watch, resources, stop, say, work=work)


class _Watch:
    """Pass events on to all who want them; a trial that tables share counts for each."""

    def __init__(
        self,
        sharing: Mapping[str, Sequence[PlannedTrial]],
        board: Board,
        mirror: Mirror,
        progress: Progress,
    ) -> None:
        self.sharing = sharing
        self.board = board
        self.mirror = mirror
        self.progress = progress
        self.failed: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.progress.watch(event)
        self.board.watch(event)
        if event.failure is not None:
            self.failed.append(event)
        for each in self.sharing[event.planned.key]:
            if event.record is not None:
                self.mirror.finished(each, event.record)
            elif event.failure is not None:
                self.mirror.failed(each, event.failure)
            else:
                self.mirror.epochs(each, list(event.history))


def _refuse(requests: Sequence[Request], limit: int) -> None:
    """Refuse a grid that is larger than anybody means."""
    rows = {
        record.key(request.rescale(row.trial), "")
        for request in requests
        for row in grid.select_rows(request.experiment, request.rows).rows
        if request.experiment.trains and row.trial is not None and not row.ensemble
    }
    count = len(rows) * requests[0].seeds
    if count > limit:
        raise ValueError(f"{count:,} trials, limit {limit:,}; --max-trials changes the limit")


def _mirror_recorded(
    mirror: Mirror, sharing: Mapping[str, Sequence[PlannedTrial]], request: Request
) -> None:
    """Mirror what has a record: its driver may have been killed before it could."""
    for each in (each for shared in sharing.values() for each in shared):
        if each.record is not None and not _is_open(each, request):
            mirror.finished(each, each.record)


def _sharing(
    requests: Sequence[Request], say: Callable[[str], None]
) -> dict[str, list[PlannedTrial]]:
    """List the trials of all tables by their keys; tables may share one."""
    sharing: dict[str, list[PlannedTrial]] = {}
    for request in requests:
        for each in planned_trials(request, progress=_steps(say)):
            sharing.setdefault(each.key, []).append(each)
    return sharing


def _is_open(each: PlannedTrial, request: Request) -> bool:
    return each.state == "missing" or (each.state == "stale" and not request.keep_stale)


def _write_and_mirror(request: Request, mirror: Mirror) -> TableOutput:
    judged = build.collect_and_judge(request)
    output = build.write(judged)
    mirror.table(
        request.experiment, scale=request.scale, output=output, records=judged.table.records
    )
    return output


def _steps(say: Callable[[str], None]) -> data.Progress:
    """Return a progress report that speaks at every tenth of a long step."""

    def show(what: str, done: int, total: int) -> None:
        if done * 10 // total > (done - 1) * 10 // total:
            say(f"making {what}: {done} of {total}")

    return show
