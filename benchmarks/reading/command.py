"""The command `python -m benchmarks reading`."""

import json
import sys
from pathlib import Path
from typing import Any

import click


@click.command("reading")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path, resolve_path=True),
    default=Path("data", "bench"),
    show_default=True,
    help="Folder of the generated videos.",
)
@click.option("--clips", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--seconds", type=click.IntRange(min=3), default=10, show_default=True)
@click.option("--pairs", type=click.IntRange(min=2), default=9, show_default=True)
@click.option("--tiny", is_flag=True, help="Tiny videos, only to see that everything works.")
@click.option("--only", default="", metavar="TEXT", help="Only comparisons whose name holds it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(folder: Path, pairs: int, tiny: bool, as_json: bool, **chosen: Any) -> None:
    """Measure reading against others; fail where a ratio is more than 15 % below its target."""
    from benchmarks.reading import run, videos

    kinds = videos.TINY if tiny else videos.KINDS
    setting = run.Setting(folder=folder, pairs=pairs, kinds=kinds, **chosen)
    measured = run.run(setting, lambda line: click.echo(line, err=True))
    click.echo(json.dumps(measured, indent=1) if as_json else run.text(measured))
    if measured["missed"] and not tiny:
        click.echo(f"harness: {run.complaint(measured['missed'])}", err=True)
        sys.exit(1)
