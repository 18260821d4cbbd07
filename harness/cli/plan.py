"""Commands that look ahead: `harness plan`, `bench-step` and `recount`.

The first one runs without PyTorch, so that it answers at once.
"""

import os
from pathlib import Path
from typing import Any

import click

import experiments
from experiments.scales import SCALES
from harness.cli.options import (
    _show,
    as_json,
    at_scale,
    given_tables,
    in_data,
    in_results,
    labels,
    named,
    one_row,
    only_rows,
    with_seeds,
)
from harness.plan import grid
from harness.plan.throughput import GPUS, Rate, assumed, read
from harness.plan.workspace import Workspace, found_row
from harness.specs import Scale


@click.command("plan")
@given_tables
@at_scale
@only_rows
@with_seeds
@click.option(
    "--gpu", default="h200", show_default=True, help=f"At paper scale: {', '.join(GPUS)}."
)
@click.option(
    "--gpus",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="At paper scale: how many, one trial each.",
)
@click.option(
    "--throughput",
    type=click.Path(path_type=Path),
    help="What bench-step --json printed, instead of an assumption.",
)
@in_results
@in_data
@as_json
def plan_tables(
    tables: tuple[str, ...],
    rows: str,
    seeds: int,
    gpu: str,
    gpus: int,
    throughput: Path | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Say which trials tables need, what they cost and what they can decide.

    Makes no data: where they are not here, nothing counts as recorded.
    """
    here = Workspace(**where)
    chosen = [grid.select_rows(experiments.load(name), labels(rows)) for name in named(tables)]
    rate = _rate(here.scale, gpu, throughput)
    from harness.plan import preview

    devices = gpus if here.scale == "paper" else os.cpu_count() or 1
    found = preview.look(here, chosen, seeds=seeds, rate=rate, devices=devices)
    _show(preview.as_json(found) if as_json else preview.text(found))


def _rate(scale: Scale, gpu: str, throughput: Path | None) -> Rate | None:
    """Return the rate to plan with; at desk scale the records tell it."""
    declared = assumed(gpu)
    if throughput is not None:
        return read(throughput, scale=scale)
    return declared if scale == "paper" else None


@click.command("bench-step")
@one_row
@at_scale
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:<index>.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--batch", type=click.IntRange(min=1), help="Videos in a step.  [default: the row's]")
@click.option("--steps", type=click.IntRange(min=2), default=20, show_default=True)
@as_json
def measure_steps(row: str, scale: Scale, batch: int | None, as_json: bool, **setting: Any) -> None:
    """Time training steps of a row on this machine; `plan --throughput` reads the JSON."""
    experiment, chosen = found_row(row)
    if chosen.trial is None:
        raise ValueError(f"{experiment.name}/{chosen.label} has no network")
    trial = SCALES[scale](chosen.trial)
    from harness.plan import measure_throughput

    measured = measure_throughput.measure(
        trial,
        table=experiment.name,
        row=chosen.label,
        batch_videos=batch or trial.train.batch_videos,
        **setting,
    )
    _show(measure_throughput.as_json(measured) if as_json else measure_throughput.text(measured))


@click.command("recount")
def count_again() -> None:
    """Count the networks of every table again; plans read the counts instead of a network."""
    from harness.cost import cache

    written = cache.write(
        rescale(row.trial)
        for name in experiments.names()
        for row in experiments.load(name).rows
        for rescale in SCALES.values()
        if row.trial is not None
    )
    click.echo(f"{written} networks counted")


COMMANDS = (plan_tables, measure_steps, count_again)
