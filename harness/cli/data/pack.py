"""The command `harness data pack`."""

from pathlib import Path

import click

from harness.cli.data.copy import report_lines
from harness.cli.options import json_option, print_result
from harness.cli.printing import echo
from harness.utils.escape import counted

_FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)


@click.command("pack")
@click.argument("source", type=_FOLDER)
@click.argument("folder", type=_FOLDER)
@click.option(
    "--shard-mb",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Megabytes after which a shard is full.",
)
@json_option
def pack_videos(source: Path, folder: Path, shard_mb: int, as_json: bool) -> None:
    """Pack a data set into a few large tar files: SOURCE holds its passport.json, FOLDER gets them.

    For file systems that are slow with many small files. The bytes of the videos are the same, and
    so are the keys of trials. The same command goes on after a stop.
    """
    from harness.data.prepare.copies import pack

    shards = pack.pack_data_set(source, folder, shard_mb=shard_mb, progress=report_lines())
    if as_json:
        print_result({"shards": shards, "folder": str(folder)})
    else:
        echo(f"{counted(shards, 'shard')} in {folder}")
