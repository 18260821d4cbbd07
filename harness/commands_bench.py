"""The commands `harness bench-data` and `harness bench-train`."""

import json
import sys
from pathlib import Path

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
