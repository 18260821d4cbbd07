"""A table from its file to its numbers: plan, run, mirror, write the table, draw the figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from harness import (
    copies,
    data,
    declared,
    figures,
    judge,
    lock,
    plan,
    record,
    report,
    schedule,
    stopping,
    tradeoff,
    trial,
)
from harness.board import Board
from harness.data import desk
from harness.data.passport import Passport
from harness.evidence import Evidence
from harness.judge import Judged
from harness.mirror import Mirror
from harness.plan import Planned
from harness.progress import Progress
from harness.record import Record
from harness.report import Line
from harness.runtime import Runtime, check_device
from harness.schedule import Event, Resources
from harness.specs import Experiment, Scale, Trial
from harness.stopping import Stop
from harness.track import Output


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asks of a table.

    Attributes:
        experiment: The table, at paper scale.
        scale: Name of the scale.
        shrink: What the scale does to a trial.
        seeds: Trials per row.
        runtime: Where and how trials run.
        rows: Labels of the rows to run; none for all.
        keep_stale: Count records that other code made, instead of running their trials again.
    """

    experiment: Experiment
    scale: Scale
    shrink: Callable[[Trial], Trial]
    seeds: int
    runtime: Runtime
    rows: tuple[str, ...] = ()
    keep_stale: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run left.

    Attributes:
        outputs: The tables.
        failed: Last events of the trials that failed.
        code: Exit code that a request to stop asks for; 0 without one.
    """

    outputs: Sequence[Output]
    failed: Sequence[Event] = ()
    code: int = 0


def planned(request: Request, *, progress: data.Progress | None = None) -> list[Planned]:
    """List the trials of a request; the data are made or checked on the way.

    Raises:
        ValueError: If the data are not there or damaged, or the table asks for what is not there.
    """
    passports: dict[str, Passport] = {}

    def passport(each: Trial) -> str:
        place = f"{each.data.name} {sorted(each.data.options.items())}"
        if place not in passports:
            passports[place] = data.known(each.data, request.runtime.data, progress)
        videos, batch = len(passports[place].splits["train"]), each.train.batch_videos
        if videos < batch:
            few = f"{each.data.name} has {videos} training videos, no batch of {batch}"
            raise ValueError(f"{few}; --batch asks for a smaller one")
        return passports[place].digest

    return plan.trials(
        plan.narrowed(request.experiment, request.rows),
        scale=request.shrink,
        seeds=request.seeds,
        passport=passport,
        code=trial.code,
        results=request.runtime.results,
    )


def run(
    requests: Sequence[Request],
    *,
    resources: Resources | None,
    tracking: str,
    console: Console,
    max_trials: int | None = None,
) -> Outcome:
    """Run what has no fresh record, then write each table and draw its figure.

    A trial that several tables share runs once. A signal, or `harness stop`, ends it after the
    epochs that run, a second one at once.

    Args:
        requests: Tables, all with the same runtime.
        resources: What Ray gives to a trial; None runs here, one after the other.
        tracking: Address of the MLflow store.
        console: Shows progress and warnings, on the output it was made with.
        max_trials: Refuse more than that; None for any number.

    Raises:
        ValueError: If another process works in the results folder, or a request is wrong.
        Interrupted: If this process is to leave at once.
    """
    runtime = requests[0].runtime
    names = ", ".join(request.experiment.name for request in requests)
    if max_trials is not None:
        _refuse(requests, max_trials)
    if resources is None or resources.address is None:
        check_device(runtime.device)
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with (
        lock.held(runtime.results, what=f"running {names}") as holder,
        stopping.handled(runtime.results, holder.run) as stop,
        Board(runtime.results, holder.run, stop, say) as board,
    ):
        listed = [each for request in requests for each in planned(request, progress=steps(say))]
        for request in requests:
            _declare(request)
        sharing = _by_key(listed)
        todo = [each[0] for each in sharing.values() if _is_open(each[0], requests[0])]
        progress = Progress(todo, console)
        board.expect(
            [each[0] for each in sharing.values()], todo, seconds_left=progress.seconds_left
        )
        say(
            f"{names} at {requests[0].scale} scale: {len(sharing)} trials, "
            f"{len(sharing) - len(todo)} recorded, {len(todo)} to run"
        )
        if not todo:
            return Outcome(outputs=[write(request) for request in requests])
        campaign = runtime.campaign
        with (
            Mirror(tracking, results=runtime.results, warn=say, campaign=campaign) as mirror,
            stop.patience(),
        ):
            _complete(mirror, [each for each in listed if not _is_open(each, requests[0])])
            watch = _Watch(sharing, board, mirror, progress)
            with progress:
                _schedule(todo, runtime, watch, resources, stop)
            outputs = [_write_and_mirror(request, mirror) for request in requests]
        return Outcome(outputs=outputs, failed=watch.failed, code=stop.code)


def _declare(request: Request) -> None:
    declared.declare(
        request.experiment,
        scale=request.scale,
        results=request.runtime.results,
        records=_records(request),
    )


def _schedule(
    todo: Sequence[Planned],
    runtime: Runtime,
    watch: Callable[[Event], None],
    resources: Resources | None,
    stop: Stop,
) -> None:
    if resources is None:
        schedule.in_process(todo, runtime, watch, stop)
    else:
        schedule.on_ray(todo, runtime, watch, resources, stop)


class _Watch:
    """Pass events on to all who want them; a trial that tables share counts for each."""

    def __init__(
        self,
        sharing: Mapping[str, Sequence[Planned]],
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
        record.key(request.shrink(row.trial), "")
        for request in requests
        for row in plan.narrowed(request.experiment, request.rows).rows
        if request.experiment.trains and row.trial is not None and not row.ensemble
    }
    count = len(rows) * requests[0].seeds
    if count > limit:
        raise ValueError(f"{count:,} trials, limit {limit:,}; --max-trials changes the limit")


def _complete(mirror: Mirror, recorded: Sequence[Planned]) -> None:
    """Mirror what has a record: its driver may have been killed before it could."""
    for each in recorded:
        if each.record is not None:
            mirror.finished(each, each.record)


def _by_key(listed: Sequence[Planned]) -> dict[str, list[Planned]]:
    sharing: dict[str, list[Planned]] = {}
    for each in listed:
        sharing.setdefault(each.key, []).append(each)
    return sharing


def _is_open(each: Planned, request: Request) -> bool:
    return each.state == "missing" or (each.state == "stale" and not request.keep_stale)


def _write_and_mirror(request: Request, mirror: Mirror) -> Output:
    output = write(request)
    mirror.table(request.experiment, scale=request.scale, output=output, records=_records(request))
    return output


def write(request: Request) -> Output:
    """Write the table and draw its figure from the records that are there."""
    experiment, scale = request.experiment, request.scale
    known = evidence(request)
    found, claims = lines(known), judge.claims(known)
    tables = report.write(
        experiment, found, scale=scale, results=request.runtime.results, claims=claims
    )
    if tradeoff.compares(experiment):
        tables.append(tradeoff.write(experiment, request.runtime.results))
    return Output(
        files=(*tables, *_draw(request, found)),
        markdown=report.markdown(experiment, found, scale=scale, claims=claims),
        verdicts={line.row.label: line.verdict.word for line in found if line.verdict},
        claims=[_plain(each) for each in claims],
        stale=_stale(known),
    )


def _plain(judged: Judged) -> dict[str, Any]:
    """Return a judged claim as JSON can hold it."""
    return asdict(judged) | {"claim": judged.claim.text}


def _stale(known: Evidence) -> frozenset[str]:
    """Return the keys of the records that other code made."""
    return frozenset(
        each.key
        for row in known.experiment.rows
        if row.trial is not None
        for each in known.of(row)
        if each.code != known.code(known.shrink(row.trial))
    )


def evidence(request: Request) -> Evidence:
    """Return what the table is judged from."""
    return Evidence(
        experiment=request.experiment,
        scale=request.scale,
        shrink=request.shrink,
        code=trial.code,
        results=request.runtime.results,
        records=record.read_all(request.runtime.results),
        passport=lambda each: copies.passport(each.data, request.runtime.data),
    )


def is_written(request: Request) -> bool:
    """Say whether the table was written before."""
    name = report.stem(request.experiment, request.scale)
    return (request.runtime.results / "tables" / f"{name}.md").is_file()


def draw(request: Request) -> list[Path]:
    """Draw the figure of the table from the records that are there."""
    return _draw(request, lines(evidence(request)))


def _records(request: Request) -> list[Record]:
    """Return the distinct records that the table is made from."""
    known = evidence(request)
    found = [each for row in request.experiment.rows for each in known.of(row)]
    return list({each.key: each for each in found}.values())


def lines(known: Evidence) -> list[Line]:
    """Return the rows of the table with what was counted and measured."""
    return report.lines(
        known.experiment,
        known.records,
        scale=known.shrink,
        code=known.code,
        verdicts=judge.cells(known),
    )


def _draw(request: Request, found: Sequence[Line]) -> list[Path]:
    experiment, results = request.experiment, request.runtime.results
    drawn = figures.table(
        experiment,
        found,
        scale=request.scale,
        ceilings=desk.CEILINGS if request.scale == "desk" else {},
        results=results,
    )
    if tradeoff.compares(experiment):
        drawn += figures.comparison(experiment, results=results)
    return drawn


def steps(say: Callable[[str], None]) -> data.Progress:
    """Return a progress report that speaks at every tenth of a long step."""

    def show(what: str, done: int, total: int) -> None:
        if done * 10 // total > (done - 1) * 10 // total:
            say(f"making {what}: {done} of {total}")

    return show
