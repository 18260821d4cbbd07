"""Commands before a run: `harness plan`, `bench-step` and `recount`.

`plan` imports no PyTorch, to start fast.
"""

import os
from pathlib import Path
from typing import Any

import click

from experiments.scales import SCALES
from harness import tables as all_tables
from harness.cli.options import (
    data_option,
    json_option,
    open_workspace,
    print_result,
    results_option,
    row_argument,
    row_labels,
    rows_option,
    scale_change_options,
    scale_option,
    seeds_option,
    tables_argument,
)
from harness.cli.requests import leave_out, warn_once
from harness.plan import grid
from harness.plan.grid import Seeds
from harness.plan.throughput import GPUS, Rate, assumed_rate, read_rate
from harness.plan.workspace import find_table_row
from harness.specs import Scale
from harness.utils.escape import counted


@click.command("plan")
@tables_argument
@scale_option
@scale_change_options
@rows_option
@seeds_option
@click.option(
    "--gpu",
    default="h200",
    show_default=True,
    help=f"GPU to plan for at paper scale: {', '.join(GPUS)}.",
)
@click.option(
    "--gpus",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Number of GPUs at paper scale.",
)
@click.option(
    "--gpus-per-trial",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="GPUs that share a trial, at paper scale.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Loader processes of each GPU, at paper scale.  [default: the time leaves reading out]",
)
@click.option(
    "--throughput",
    type=click.Path(path_type=Path),
    help="JSON of bench-step, instead of an assumed throughput.",
)
@results_option
@data_option
@json_option
def plan_tables(
    tables: tuple[str, ...],
    rows: str,
    seeds: Seeds,
    gpu: str,
    gpus: int,
    gpus_per_trial: int,
    workers: int | None,
    throughput: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show the trials of tables, their cost, and the claims that they can decide.

    Generates no data; without local data, all trials count as missing.
    """
    workspace = open_workspace(**options)
    chosen = [
        grid.select_rows(experiment, row_labels(rows))
        for experiment in all_tables.select(tables, leave_out)
    ]
    rate = _rate(workspace.base, gpu, throughput)
    from harness.plan import preview

    _check_gpus(workspace.base, gpus, gpus_per_trial, workers)
    result = preview.preview_tables(
        workspace,
        chosen,
        seeds=seeds,
        rate=rate,
        devices=gpus if workspace.base == "paper" else os.cpu_count() or 1,
        devices_per_trial=gpus_per_trial,
        workers=workers,
        warn=warn_once,
        leave_out=leave_out,
    )
    print_result(preview.as_json(result) if as_json else preview.text(result))


def _check_gpus(scale: Scale, gpus: int, gpus_per_trial: int, workers: int | None) -> None:
    """Refuse GPUs and loaders of a trial that a plan cannot take into account."""
    if scale != "paper" and (gpus_per_trial > 1 or workers is not None):
        raise ValueError(
            "--gpus-per-trial and --workers plan for GPUs, and at desk scale the time is that of "
            "records: add --scale paper"
        )
    if gpus_per_trial > gpus:
        raise ValueError(
            f"--gpus-per-trial {gpus_per_trial} is more than --gpus {gpus}; pass --gpus "
            f"{gpus_per_trial} or more"
        )


def _rate(scale: Scale, gpu: str, throughput: Path | None) -> Rate | None:
    """Return the throughput to plan with; None to estimate from records, at desk scale."""
    rate = assumed_rate(gpu)
    if throughput is not None:
        return read_rate(throughput, scale=scale)
    return rate if scale == "paper" else None


@click.command("bench-step")
@row_argument
@scale_option
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:<index>.")
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads."
)
@click.option(
    "--batch", type=click.IntRange(min=1), help="Videos per step.  [default: as in the row]"
)
@click.option(
    "--steps", type=click.IntRange(min=2), default=20, show_default=True, help="Timed steps."
)
@json_option
def measure_steps(
    row: str, scale: Scale, batch: int | None, as_json: bool, **settings: Any
) -> None:
    """Time training steps of a row on this machine; plan --throughput reads the JSON."""
    experiment, chosen = find_table_row(row)
    if chosen.trial is None:
        raise ValueError(
            f"{experiment.name}/{chosen.label} quotes other work and has no network; "
            "name a row that runs"
        )
    trial = SCALES[scale](chosen.trial)
    from harness.plan import measure_throughput

    measured = measure_throughput.measure(
        trial,
        table=experiment.name,
        row=chosen.label,
        batch_videos=batch or trial.train.batch_videos,
        **settings,
    )
    print_result(
        measure_throughput.as_json(measured) if as_json else measure_throughput.text(measured)
    )


@click.command("recount")
@json_option
def recount(as_json: bool) -> None:
    """Count the networks of every table and save the counts for plans."""
    from harness.cost import cache

    count = cache.write(
        rescale(trial)
        for experiment in all_tables.load_all(warn_once)
        for row in experiment.rows
        for trial in row.trials
        for rescale in SCALES.values()
    )
    print_result({"networks": count} if as_json else f"{counted(count, 'network')} counted")


COMMANDS = (plan_tables, measure_steps, recount)
