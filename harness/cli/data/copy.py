"""The command `harness data copy`."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from harness.cli.printing import echo
from harness.utils import escape

FAILED = 1
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower")
_LINE_EVERY_S = 10.0
_FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)


@click.command("copy")
@click.argument("source", type=_FOLDER)
@click.argument("folder", type=_FOLDER)
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Encoding processes, one thread each.",
)
@click.option(
    "--short-side",
    "short_side_px",
    type=click.IntRange(min=16),
    default=256,
    show_default=True,
    help="Longest short side, in pixels; smaller videos keep their size.",
)
@click.option(
    "--crf", type=click.IntRange(0, 51), default=23, show_default=True, help="Lower is better."
)
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    default="medium",
    show_default=True,
    help="Effort of x264.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def copy_videos(
    source: Path,
    folder: Path,
    processes: int,
    as_json: bool,
    short_side_px: int,
    crf: int,
    preset: str,
) -> None:
    """Copy a data set for fast training: SOURCE holds its passport.json, FOLDER gets the copies.

    The same command goes on after a stop. Damaged videos are listed and left out; then the
    exit code is 1.
    """
    from harness.data.prepare.copies import copy
    from harness.data.prepare.copies.reencode import EncodeSettings

    copies = copy.copy_data_set(
        source,
        folder,
        settings=EncodeSettings(short_side_px=short_side_px, crf=crf, preset=preset),
        processes=processes,
        progress=report_lines(),
    )
    damaged = [item for item in copies if item.damage]
    body = {
        "copies": len(copies) - len(damaged),
        "bytes": sum(item.bytes for item in copies),
        "damaged": {item.id: item.damage for item in damaged},
    }
    for item in damaged:
        echo(f"harness: no copy of {item.id}: {item.damage}", is_error=True)
    text = f"{body['copies']} copies in {folder}, {len(damaged)} damaged videos left out"
    click.echo(json.dumps(body, indent=1) if as_json else escape.terminal(text))
    if damaged:
        sys.exit(FAILED)


def report_lines() -> Callable[[str, int, int], None]:
    """Report progress in a line now and then, on stderr."""
    last = time.monotonic()

    def report(what: str, done: int, total: int) -> None:
        nonlocal last
        if done == total or time.monotonic() - last > _LINE_EVERY_S:
            last = time.monotonic()
            click.echo(f"{what}: {done} of {total}", err=True)

    return report
