"""The commands that measure: `harness bench-data`, `bench-schedule` and `bench-train`."""

import json
import sys
from pathlib import Path
from typing import Any

import click

FAILED = 1


@click.command("bench-data")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path, resolve_path=True),
    default=Path("data", "bench"),
    show_default=True,
    help="Where the made videos are kept.",
)
@click.option("--clips", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--seconds", type=click.IntRange(min=3), default=10, show_default=True)
@click.option("--pairs", type=click.IntRange(min=2), default=9, show_default=True)
@click.option("--tiny", is_flag=True, help="Tiny videos, only to see that everything works.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench_data(
    folder: Path, clips: int, seconds: int, pairs: int, tiny: bool, as_json: bool
) -> None:
    """Measure reading against others; fail where a ratio is more than 15 % below its target."""
    from harness import bench_clips
    from harness import bench_data as bench

    kinds = bench_clips.TINY if tiny else bench_clips.KINDS
    setting = bench.Setting(folder=folder, clips=clips, seconds=seconds, pairs=pairs, kinds=kinds)
    measured = bench.run(setting, lambda line: click.echo(line, err=True))
    click.echo(json.dumps(measured, indent=1) if as_json else bench.text(measured))
    if measured["missed"] and not tiny:
        click.echo(f"harness: {bench.complaint(measured['missed'])}", err=True)
        sys.exit(FAILED)


@click.command(
    "bench-train",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]")
def bench_train(words: tuple[str, ...]) -> None:
    """Measure training steps of TSN, DSA and V4D on a GPU; --help lists the options."""
    from harness import bench_train as bench

    bench.measure(words)


@click.command("bench-schedule")
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
def bench_schedule(
    only: str | None,
    seeds: int,
    pairs: int,
    processes: int,
    epochs: int,
    steps: int,
    as_json: bool,
) -> None:
    """Measure a run beside bare Ray Tune, and what logging costs; fail if MLflow lacks a point."""
    from harness import bench_logger, bench_tracking
    from harness import bench_schedule as bench

    def say(line: str) -> None:
        click.echo(line, err=True)

    def show(words: str) -> None:
        if not as_json:
            click.echo(f"{words}\n")

    found: dict[str, Any] = {}
    if only != "logging":
        found["scheduling"] = bench.run(bench.Setting(seeds=seeds, pairs=pairs), say)
        show(bench.text(found["scheduling"]))
    if only != "scheduling":
        setting = bench_logger.Setting(processes=processes, epochs=epochs, steps=steps)
        found["logging"] = bench_tracking.run(setting, say)
        show(bench_tracking.text(found["logging"]))
    if as_json:
        click.echo(json.dumps(found, indent=1))
    if any(row["lost"] for row in found.get("logging", {}).get("places", {}).values()):
        sys.exit(FAILED)
