"""The command `python -m benchmarks scheduling`."""

import json
import sys
from functools import partial
from typing import Any

import click


@click.command("scheduling")
@click.option("--only", type=click.Choice(["scheduling", "logging"]), help="Leave out the other.")
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="Trials that do nothing, of each of four rows.",
)
@click.option("--pairs", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Processes that log at once.",
)
@click.option("--epochs", type=click.IntRange(min=2), default=100, show_default=True)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Work in an epoch, about a millisecond each.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    only: str | None,
    seeds: int,
    pairs: int,
    processes: int,
    epochs: int,
    steps: int,
    as_json: bool,
) -> None:
    """Measure a run beside bare Ray Tune, and what logging costs; fail if MLflow lacks a point."""
    from benchmarks.scheduling import log_writers, run, tracking

    progress = partial(click.echo, err=True)

    def show(text: str) -> None:
        if not as_json:
            click.echo(f"{text}\n")

    measured: dict[str, Any] = {}
    if only != "logging":
        measured["scheduling"] = run.run(run.Setting(seeds=seeds, pairs=pairs), progress)
        show(run.text(measured["scheduling"]))
    if only != "scheduling":
        setting = log_writers.Setting(processes=processes, epochs=epochs, steps=steps)
        measured["logging"] = tracking.run(setting, progress)
        show(tracking.text(measured["logging"]))
    if as_json:
        click.echo(json.dumps(measured, indent=1))
    if any(row["lost"] for row in measured.get("logging", {}).get("places", {}).values()):
        sys.exit(1)
