"""The benchmarks: `python -m benchmarks dsa`, `reading`, `training` and `scheduling`."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from harness.tracking import TrackingError

FAILED, MISTAKE, INTERRUPTED = 1, 2, 130


@click.command("reading")
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
    from benchmarks.reading import run as bench
    from benchmarks.reading import videos

    kinds = videos.TINY if tiny else videos.KINDS
    setting = bench.Setting(folder=folder, clips=clips, seconds=seconds, pairs=pairs, kinds=kinds)
    measured = bench.run(setting, lambda line: click.echo(line, err=True))
    click.echo(json.dumps(measured, indent=1) if as_json else bench.text(measured))
    if measured["missed"] and not tiny:
        click.echo(f"harness: {bench.complaint(measured['missed'])}", err=True)
        sys.exit(FAILED)


@click.command(
    "training",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]")
def bench_train(words: tuple[str, ...]) -> None:
    """Measure training steps of TSN, DSA and V4D on a GPU; --help lists the options."""
    from benchmarks.training import run as bench

    bench.measure(words)


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
    from benchmarks.scheduling import log_writers, tracking
    from benchmarks.scheduling import run as bench

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
        setting = log_writers.Setting(processes=processes, epochs=epochs, steps=steps)
        found["logging"] = tracking.run(setting, say)
        show(tracking.text(found["logging"]))
    if as_json:
        click.echo(json.dumps(found, indent=1))
    if any(row["lost"] for row in found.get("logging", {}).get("places", {}).values()):
        sys.exit(FAILED)


@click.command("dsa")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:<index>.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--pairs",
    type=click.IntRange(min=2),
    default=9,
    show_default=True,
    help="Pairs of runs per ratio.",
)
@click.option(
    "--crop",
    "crop_px",
    type=click.IntRange(min=16),
    default=112,
    show_default=True,
    help="Side of the network's crop, in pixels.",
)
@click.option("--tiny", is_flag=True, help="Tiny shapes, only to see that everything works.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def measure(as_json: bool, **setting: Any) -> None:
    """Measure DSA: the operator against a grouped convolution, a network with and without it."""
    from benchmarks import dsa

    measured = dsa.run(dsa.Setting(**setting), lambda line: click.echo(line, err=True))
    click.echo(json.dumps(measured, indent=1) if as_json else dsa.text(measured))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Measure the harness beside other software."""


for command in (measure, bench_data, bench_train, bench_schedule):
    app.add_command(command)


def main() -> None:
    """Run a benchmark; a mistake or a full disk is one sentence and a non-zero exit code."""
    try:
        app.main(prog_name="python -m benchmarks", standalone_mode=False)
    except (click.ClickException, TrackingError, ValueError, OSError) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"harness: {text}", err=True)
        sys.exit(MISTAKE)
    except (KeyboardInterrupt, click.Abort) as error:
        click.echo("harness: interrupted; the same command goes on from here", err=True)
        sys.exit(getattr(error.__cause__ or error, "code", INTERRUPTED))


if __name__ == "__main__":
    main()
