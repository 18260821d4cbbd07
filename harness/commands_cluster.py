"""Commands around a Ray cluster: `harness doctor`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

import experiments
from harness.here import Here
from harness.options import as_json, at_scale, in_data, in_results, named, some_tables, with_seeds
from harness.specs import Scale

_BAD = 1


@click.command("doctor")
@some_tables
@at_scale
@with_seeds
@click.option("--address", help="A running Ray cluster.  [default: this machine alone]")
@click.option("--ray", is_flag=True, help="Start Ray on this machine and look at that.")
@click.option("--gpus-per-trial", type=click.FloatRange(min=0), default=0, show_default=True)
@click.option("--cpus-per-trial", type=click.IntRange(min=1), default=1, show_default=True)
@in_results
@in_data
@as_json
def examine(
    tables: tuple[str, ...],
    scale: Scale,
    seeds: int,
    results: Path,
    data: Path,
    as_json: bool,
    address: str | None,
    ray: bool,
    gpus_per_trial: float,
    cpus_per_trial: int,
) -> None:
    """Say what would go wrong with a grid of tables, all if none is named, before it starts.

    A line for each thing: ok, problem or unknown, what was found, what to do. The exit code is 1
    if there is a problem.
    """
    chosen = [experiments.load(name) for name in named(tables)]
    here = Here(results=results, data=data, scale=scale)
    listed = here.listed(chosen, seeds=seeds)
    from harness import doctor

    found = []
    for each in doctor.examine(
        doctor.Asked(
            results=results,
            data=data,
            address=address,
            ray=ray,
            cpus=cpus_per_trial,
            gpus=gpus_per_trial,
            trials=[planned.trial for planned in listed],
            todo=[planned.trial for planned in listed if planned.state != "fresh"],
        )
    ):
        found.append(each)
        if not as_json:
            click.echo(each)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=1, ensure_ascii=False))
    if any(each.level == "problem" for each in found):
        sys.exit(_BAD)


COMMANDS = (examine,)
