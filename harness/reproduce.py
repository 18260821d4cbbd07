"""A table from its file to its numbers: plan, run, mirror, write the table, draw the figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from rich.console import Console

from harness import data, figures, lock, plan, record, report, schedule, trial
from harness.data import desk
from harness.data.passport import digest
from harness.mirror import Mirror
from harness.plan import Planned
from harness.progress import Progress
from harness.record import Record
from harness.report import Line
from harness.runtime import Runtime, check_device
from harness.schedule import Event, Resources
from harness.specs import Experiment, Scale, Trial


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user asks of a table.

    Attributes:
        experiment: The table, at paper scale.
        scale: Name of the scale.
        shrink: What the scale does to a trial.
        seeds: Trials per row.
        runtime: Where and how trials run.
        keep_stale: Count records that other code made, instead of running their trials again.
    """

    experiment: Experiment
    scale: Scale
    shrink: Callable[[Trial], Trial]
    seeds: int
    runtime: Runtime
    keep_stale: bool = False


@dataclass(frozen=True, kw_only=True)
class Output:
    """A table as files and as text, and the trials of it that failed just now."""

    files: tuple[Path, ...]
    markdown: str
    failed: tuple[Event, ...] = ()


def planned(request: Request, *, progress: data.Progress | None = None) -> list[Planned]:
    """List the trials of a request; the data are made or checked on the way.

    Raises:
        ValueError: If the data are not there or damaged, or the table asks for what is not there.
    """
    passports: dict[str, str] = {}

    def passport(each: Trial) -> str:
        place = f"{each.data.name} {sorted(each.data.options.items())}"
        if place not in passports:
            passports[place] = digest(data.videos(each.data, request.runtime, progress))
        return passports[place]

    return plan.trials(
        request.experiment,
        scale=request.shrink,
        seeds=request.seeds,
        passport=passport,
        code=trial.code,
        results=request.runtime.results,
    )


def run(
    request: Request, *, resources: Resources | None, tracking: str, console: Console
) -> Output:
    """Run what has no fresh record, then write the table and draw the figure.

    Args:
        request: The table.
        resources: What Ray gives to a trial; None runs here, one after the other.
        tracking: Address of the MLflow store.
        console: Shows progress and warnings, on the output it was made with.

    Raises:
        ValueError: If another process works in the results folder, or the request is wrong.
    """
    results, experiment = request.runtime.results, request.experiment
    if resources is None or resources.address is None:
        check_device(request.runtime.device)
    say = partial(console.print, highlight=False, markup=False, soft_wrap=True)
    with lock.held(results, what=f"running {experiment.name}"):
        listed = planned(request, progress=steps(say))
        counted = ("missing",) if request.keep_stale else ("missing", "stale")
        todo = [each for each in listed if each.state in counted]
        say(
            f"{experiment.name} at {request.scale} scale: {len(listed)} trials, "
            f"{len(listed) - len(todo)} recorded, {len(todo)} to run"
        )
        if not todo:
            return write(request)
        campaign = request.runtime.campaign
        with Mirror(tracking, results=results, warn=say, campaign=campaign) as mirror:
            for each in listed:
                if each.record is not None and each not in todo:
                    mirror.finished(each, each.record)  # it may have ended with a killed driver
            progress = Progress(todo, console)
            failed = _run(todo, request.runtime, resources, mirror, progress)
            output = write(request)
            mirror.table(
                experiment,
                scale=request.scale,
                files=output.files,
                markdown=output.markdown,
                records=_records(request),
            )
    return replace(output, failed=failed)


def write(request: Request) -> Output:
    """Write the table and draw its figure from the records that are there."""
    experiment, scale = request.experiment, request.scale
    lines = _lines(request)
    tables = report.write(experiment, lines, scale=scale, results=request.runtime.results)
    return Output(
        files=(*tables, *_draw(request, lines)),
        markdown=report.markdown(experiment, lines, scale=scale),
    )


def draw(request: Request) -> list[Path]:
    """Draw the figure of the table from the records that are there."""
    return _draw(request, _lines(request))


def _records(request: Request) -> list[Record]:
    """Return the distinct records that the table is made from."""
    records = record.read_all(request.runtime.results)
    found = [
        each
        for row in request.experiment.rows
        for each in plan.records_of(row, records, scale=request.shrink)
    ]
    return list({each.key: each for each in found}.values())


def _lines(request: Request) -> list[Line]:
    records = record.read_all(request.runtime.results)
    return report.lines(request.experiment, records, scale=request.shrink, code=trial.code)


def _draw(request: Request, lines: Sequence[Line]) -> list[Path]:
    return figures.table(
        request.experiment,
        lines,
        scale=request.scale,
        ceilings=desk.CEILINGS if request.scale == "desk" else {},
        results=request.runtime.results,
    )


def steps(say: Callable[[str], None]) -> data.Progress:
    """Return a progress report that speaks at every tenth of a long step."""

    def show(what: str, done: int, total: int) -> None:
        if done * 10 // total > (done - 1) * 10 // total:
            say(f"making {what}: {done} of {total}")

    return show


def _run(
    todo: Sequence[Planned],
    runtime: Runtime,
    resources: Resources | None,
    mirror: Mirror,
    progress: Progress,
) -> tuple[Event, ...]:
    failed: list[Event] = []
    with progress:

        def watch(event: Event) -> None:
            progress.watch(event)
            if event.record is not None:
                mirror.finished(event.planned, event.record)
            elif event.failure is not None:
                mirror.failed(event.planned, event.failure)
                failed.append(event)
            else:
                mirror.epochs(event.planned, list(event.history))

        if resources is None:
            schedule.in_process(todo, runtime, watch)
        else:
            schedule.on_ray(todo, runtime, watch, resources)
    return tuple(failed)
