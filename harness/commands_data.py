"""Commands about data sets: `harness data check`."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from harness import names
from harness.commands_copy import copy_videos

if TYPE_CHECKING:
    from harness.data.pool import Settings
    from harness.data.videos import Video
    from harness.facts import Facts

    Splits = Mapping[str, list[Video]]

ROOT = Path(__file__).resolve().parents[1]
_BAD = 1
_LINE_EVERY_S = 10.0
_FOLDER = click.Path(file_okay=False, exists=True, path_type=Path, resolve_path=True)
_OUT = click.Path(file_okay=False, path_type=Path, resolve_path=True)


@click.group("data")
def data() -> None:
    """Say what is in a data set, and what of it is broken; copy it for fast training."""


data.add_command(copy_videos)


@data.command("check")
@click.argument("name", metavar="[DATA SET]", required=False)
@click.option("--list", "lists", multiple=True, metavar="[SPLIT=]FILE", help="Rows `path label`.")
@click.option("--root", type=_FOLDER, help="Folder that the paths of lists begin at.")
@click.option("--folder", type=_FOLDER, help="A folder with one folder of videos per class.")
@click.option("--classes", type=click.IntRange(min=1), help="Labels of lists are below it.")
@click.option(
    "--data",
    "data_root",
    type=_OUT,
    default=ROOT / "data",
    show_default="data",
    help="Folder of the data sets.",
)
@click.option("--out", type=_OUT, help="Journal and results.  [default: results/local/check/...]")
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
def check(out: Path | None, min_frames: int, **asked: Any) -> None:
    """Read every video of a data set once, and say exactly what is there and what is broken.

    Name a data set, or give --list with --root, or --folder. Stopped at any time, the same command
    goes on from there. The exit code is 1 if a listed video is not good or is in two splits.
    """
    from harness.facts import Limits

    how = {key: asked.pop(key) for key in ("processes", "seconds", "memory_mb")}
    sources = _sources(**asked)
    from harness.data.pool import Settings

    settings = Settings(limits=Limits(min_frames=min_frames), **how)
    clean = True
    for label, root, listed in sources:
        there = out or ROOT / "results" / "local" / "check"
        clean &= _check(
            listed, root, there if out and len(sources) == 1 else there / label, settings
        )
    if not clean:
        sys.exit(_BAD)


def _check(listed: "Splits", root: Path, out: Path, settings: "Settings") -> bool:
    from harness.data import check, summary
    from harness.lock import held

    console = Console(stderr=True)
    with held(out, what="harness data check"), Progress(console) as progress:
        checked = check.run(listed, root, out, settings, watch=progress.watch)
    found = summary.summarise(checked, root)
    paths = summary.write(checked, found, root, out)
    click.echo(summary.text(found))
    for path in paths:
        click.echo(path)
    return found.clean


def _sources(
    *,
    name: str | None,
    lists: tuple[str, ...],
    root: Path | None,
    folder: Path | None,
    classes: int | None,
    data_root: Path,
) -> "list[tuple[str, Path, Splits]]":
    """Return what to check: a name for it, its root, and its files."""
    if sum((name is not None, bool(lists), folder is not None)) != 1:
        raise click.UsageError("name one data set, or give --list with --root, or --folder")
    if lists and root is None:
        raise click.UsageError("--list needs --root, the folder that its paths begin at")
    if name is not None:
        return _passports(name, data_root)
    from harness.data import folder as any_folder
    from harness.data import lists as listings

    if folder is not None:
        return [(folder.name, folder, {s: any_folder.videos(folder, s) for s in ("train", "test")})]
    assert root is not None
    files = dict(_split_and_file(text) for text in lists)
    if len(files) < len(lists):
        raise click.UsageError("two lists have the same split; name it: --list test=FILE")
    rows = listings.from_files(files, root, num_classes=classes)
    if rows.repeated:
        click.echo(f"{rows.repeated} rows say what another row says already", err=True)
    return [(root.name, root, rows.splits)]


def _split_and_file(text: str) -> tuple[str, Path]:
    split, found, file = text.partition("=")
    path = Path(file if found else text)
    if not path.is_file():
        raise ValueError(f"--list {text}: there is no such file")
    return (split if found else path.stem), path


def _passports(name: str, data_root: Path) -> "list[tuple[str, Path, Splits]]":
    """Return each copy of a data set that left a passport."""
    from harness.data import GENERATED, passport

    names.check(name, GENERATED, what="data set")
    found = sorted(data_root.glob(f"{name}*/passport.json"))
    if not found:
        raise ValueError(f"{data_root} has no passport of {name!r}; `harness plan` makes its data")
    return [(path.parent.name, path.parent, passport.read(path).splits) for path in found]


class Progress:
    """Show how many videos are checked, how fast, and the time that is left.

    Args:
        console: Where to: a bar on a terminal, a line now and then elsewhere.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.began = self.last_line = time.monotonic()
        self.known = 0
        self.bad = 0
        columns = (MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
        self.bar = Bar(*columns, TimeRemainingColumn(), console=console, transient=True)
        self.task = self.bar.add_task("videos", total=None)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self.bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self.bar.stop()

    def watch(self, done: int, total: int, facts: "Facts | None") -> None:
        """Take in one checked video, or how many are known from before."""
        from harness.facts import GOOD

        if facts is None:
            self.known = done
        else:
            self.bad += facts.verdict not in GOOD
        rate = (done - self.known) / max(time.monotonic() - self.began, 1e-9)
        text = f"{rate:.0f} videos/s, {self.bad} not good"
        self.bar.update(self.task, completed=done, total=total, description=text)
        due = time.monotonic() - self.last_line > _LINE_EVERY_S
        if not self.console.is_terminal and (due or facts is None or done == total):
            self.last_line = time.monotonic()
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            self.console.print(f"[{done}/{total}{left}]  {text}", markup=False, highlight=False)
