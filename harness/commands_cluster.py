"""Commands around a Ray cluster: `harness doctor`."""

import json
import sys
from dataclasses import asdict
from typing import Any

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
@click.option(
    "--gpus-per-trial", "gpus", type=click.FloatRange(min=0), default=0, show_default=True
)
@click.option("--cpus-per-trial", "cpus", type=click.IntRange(min=1), default=1, show_default=True)
@in_results
@in_data
@as_json
def examine(tables: tuple[str, ...], scale: Scale, seeds: int, as_json: bool, **asked: Any) -> None:
    """Say what would go wrong with a grid of tables, all if none is named, before it starts.

    A line for each thing: ok, problem or unknown, what was found, what to do. The exit code is 1
    if there is a problem.
    """
    chosen = [experiments.load(name) for name in named(tables)]
    here = Here(results=asked["results"], data=asked["data"], scale=scale)
    listed = here.listed(chosen, seeds=seeds)
    from harness import doctor

    trials = [each.trial for each in listed]
    todo = [each.trial for each in listed if each.state != "fresh"]
    found = []
    for each in doctor.examine(doctor.Asked(trials=trials, todo=todo, **asked)):
        found.append(each)
        if not as_json:
            click.echo(each)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=1, ensure_ascii=False))
    if any(each.level == "problem" for each in found):
        sys.exit(_BAD)


COMMANDS = (examine,)
