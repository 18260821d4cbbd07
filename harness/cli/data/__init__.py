"""Commands about data sets: `harness data check`."""

import sys
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from harness.cli.data.copy import copy_videos
from harness.cli.data.describe import describe
from harness.cli.data.pack import pack_videos
from harness.cli.data.progress import Progress
from harness.cli.options import FOLDER, data_option, json_option, print_result
from harness.cli.printing import echo
from harness.runtime import home
from harness.utils import escape

if TYPE_CHECKING:
    from harness.data.prepare.probe_pool import ProbeSettings
    from harness.data.prepare.sources import DataSource
    from harness.data.prepare.summary import Summary

SPLITS = ("train", "test")
_EXIT_NOT_CLEAN = 1
_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path, resolve_path=True)


@click.group("data")
def data() -> None:
    """Check a data set for broken and missing videos; copy it for fast training."""


data.add_command(copy_videos)
data.add_command(describe)
data.add_command(pack_videos)


@data.command("check")
@click.argument("name", metavar="NAME")
@click.option("--root", type=_FOLDER, help="Folder of the videos.  [default: as at the last check]")
@click.option(
    "--list",
    "lists",
    multiple=True,
    metavar="SPLIT=FILE",
    help="Rows to go by instead of the official lists; SPLIT is train or test.",
)
@click.option(
    "--fps", metavar="RATE", help="At which folders of pictures were taken; they do not say."
)
@click.option(
    "--also",
    type=_FOLDER,
    multiple=True,
    help="Another folder that links below --root may lead into; repeat it for several.",
)
@click.option(
    "--only", type=click.Choice(SPLITS), help="The only split to check: test suffices to evaluate."
)
@data_option
@click.option("--out", type=FOLDER, help="Journal and results.  [default: <data>/NAME]")
@click.option(
    "--processes",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Videos read at a time.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Time for a video.",
)
@click.option(
    "--memory-mb",
    type=click.IntRange(min=50),
    default=1000,
    show_default=True,
    help="Memory for a video.",
)
@click.option(
    "--min-frames",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Fewer are too short.",
)
@json_option
def check(
    name: str,
    root: Path | None,
    lists: tuple[str, ...],
    fps: str | None,
    also: tuple[Path, ...],
    only: str | None,
    data: Path,
    out: Path | None,
    min_frames: int,
    as_json: bool,
    **how: Any,
) -> None:
    """Read every video of a data set once, and say exactly what is there and what is broken.

    NAME is a data set of the paper, `desk`, any name that you give to videos of your own, in
    --root/<class>/, or a Python file that lists them: my_clips.py for the data set my_clips.
    Stopped at any time, the same command goes on from there. Trials read the passport that it
    leaves. The exit code is 1 if a listed video is not good or is in two splits.
    """
    from harness.data import GENERATED
    from harness.data.gate import Limits
    from harness.data.prepare import sources
    from harness.data.prepare.probe_pool import ProbeSettings
    from harness.tables import own_datasets

    name = own_datasets.open_reader(name)
    settings = ProbeSettings(limits=Limits(min_frames=min_frames), **how)
    if name in GENERATED:
        if root is not None or lists or fps or also or only:
            raise click.UsageError(
                f"{name} is made by the harness: it has no --root, --list, --fps, --also or --only"
            )
        checked = sources.generated_sources(name, data)
    else:
        check_keeps_splits(name, out or data / name, only)
        rows = _rows(lists)
        with own_datasets.blamed(name):
            checked = [
                sources.read_source(name, root, data, rows=rows, fps=fps, also=also, only=only)
            ]
    totals = {
        source.name: check_source(
            source,
            _out(source, name, data, out, several=len(checked) > 1),
            settings,
            is_error=as_json,
        )
        for source in checked
    }
    if as_json:
        print_result(
            [{"name": key, "clean": found.clean, **vars(found)} for key, found in totals.items()]
        )
    if not all(found.clean for found in totals.values()):
        sys.exit(_EXIT_NOT_CLEAN)


def check_source(
    source: "DataSource", out: Path, settings: "ProbeSettings", *, is_error: bool
) -> "Summary":
    """Check a data set, write and print the findings, and return them.

    Args:
        source: The data set.
        out: Folder of the findings.
        settings: Processes and limits.
        is_error: Print on standard error.
    """
    from harness.data.prepare import check, summary, summary_files
    from harness.utils.lock import hold

    console = Console(stderr=True)
    settings = replace(settings, also=source.also)
    with hold(out, what="harness data check"), Progress(console) as progress:
        videos = check.check_videos(
            source.splits, source.root, out, settings, progress=progress.watch
        )
    totals = summary.summarise(videos, source, out=out)
    paths = summary_files.write(videos, totals, source, out)
    paths += check.write_index(out, totals.passport, videos, source.root, settings)
    echo(summary_files.to_markdown(totals), is_error=is_error)
    for path in paths:
        click.echo(escape.terminal(str(path)), err=is_error)
    return totals


def check_keeps_splits(name: str, out: Path, only: str | None) -> None:
    """Refuse to replace the passport of two splits by that of one.

    Raises:
        ValueError: If a check of one split would do so.
    """
    from harness.data import passport

    path = out / passport.FILE
    lost = set(passport.read(path).splits) - {only} if only and path.is_file() else set()
    if lost:
        raise ValueError(
            f"{path} also has the {min(lost)} split of {name}, which a check of {only} alone would "
            "drop; give it another name or folder: --out FOLDER with data check, --on with evaluate"
        )


def _out(source: "DataSource", name: str, data: Path, out: Path | None, *, several: bool) -> Path:
    """Return where to write; a made data set keeps the passport that it has."""
    from harness.data import GENERATED

    if name in GENERATED:
        there = out or home() / "results" / "local" / "check"
        return there / source.name if several or out is None else there
    return out or data / name


def _rows(lists: tuple[str, ...]) -> dict[str, Path]:
    """Turn what was given to `--list` into a file for each split."""
    files: dict[str, Path] = {}
    for text in lists:
        split, found, file = text.partition("=")
        if not found or split not in SPLITS:
            raise click.UsageError(
                f"--list {quote(text)}: say which split, {' or '.join(SPLITS)}: "
                f"--list {quote(f'test={text}')}"
            )
        if split in files:
            raise click.UsageError(f"--list names two files for {split}")
        files[split] = Path(file)
        if not files[split].is_file():
            raise ValueError(f"--list {text}: the file does not exist")
    return files
