"""Arguments and options shared by several commands, and the tables and scales they select."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from experiments.scales import SCALES, Changes, own
from harness.plan.workspace import Workspace
from harness.specs import Scale, Trial

ROOT = Path(__file__).resolve().parents[2]
Command = Callable[..., Any]

FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)
tables_argument = click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
optional_tables_argument = click.argument("tables", nargs=-1, metavar="[TABLE]...")
row_argument = click.argument("row", metavar="TABLE/ROW")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
results_option = click.option(
    "--results",
    type=FOLDER,
    default=ROOT / "results" / "local",
    show_default="results/local",
    help="Folder of records, tables, figures and the MLflow store.",
)
data_option = click.option(
    "--data",
    type=FOLDER,
    default=ROOT / "data",
    show_default="data",
    help="Folder of the data sets.",
)
scale_option = click.option(
    "--scale",
    type=click.Choice(list(SCALES)),
    default="desk",
    show_default=True,
    help="desk: small networks on generated videos, in minutes; paper: as in the paper.",
)
seeds_option = click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Trials per row."
)
rows_option = click.option(
    "--rows", default="", help="Labels of the rows to use, separated by commas.  [default: all]"
)

SCALE_CHANGES = ("on", "epochs", "lr", "smoke", "width", "batch", "crop")
_AT_DESK_SCALE = ("epochs", "lr", "smoke")


def all_of(*options: Command) -> Command:
    """Combine several options into one decorator; help lists them in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


scale_change_options = all_of(
    click.option("--on", metavar="NAME", help="Train on this checked data set instead."),
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        help="Number of epochs; milestones of the learning rate scale with it.",
    ),
    click.option(
        "--lr", type=click.FloatRange(min=0, min_open=True), help="Peak learning rate of all rows."
    ),
    click.option(
        "--smoke",
        is_flag=True,
        default=None,
        help="Few videos, two epochs: whether it runs, in seconds; at desk scale.",
    ),
    click.option(
        "--width",
        type=click.FloatRange(min=0, min_open=True),
        help="Width multiplier of all channels; without initial weights.",
    ),
    click.option(
        "--batch",
        type=click.IntRange(min=1),
        help="Videos per batch; the learning rate scales with it.",
    ),
    # Networks halve a picture five times; torch 2.15 trains wrongly in bfloat16 on less.
    click.option("--crop", type=click.IntRange(min=32), help="Side of every crop, in pixels."),
)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A scale, with what a user changed of it.

    Attributes:
        scale: `own` if options change the scale.
        base: Value of `--scale`.
        rescale: From a trial at paper scale to the trial that runs.
    """

    scale: Scale
    base: Scale
    rescale: Callable[[Trial], Trial]


def select_scale(scale: Scale, data: Path, **changes: Any) -> Terms:
    """Return a scale with its function from a trial at paper scale; `own` if options change it.

    Args:
        scale: Value of `--scale`.
        data: Folder of the data sets.
        **changes: Values of the options in `SCALE_CHANGES`, None where not given.

    Raises:
        ValueError: If the scale has no such option, or the data set is missing.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        return Terms(scale=scale, base=scale, rescale=SCALES[scale])
    for name in given:
        if scale != "paper" and name not in _AT_DESK_SCALE:
            raise ValueError(f"--{name} changes a table at paper scale: add --scale paper")
    if "smoke" in given and scale != "desk":
        raise ValueError(f"--smoke runs at desk scale, not at --scale {scale}; leave one of them")
    if "on" in given:
        given["num_classes"] = _num_classes(given["on"], data)
    return Terms(scale="own", base=scale, rescale=own(Changes(**given), scale))


def open_workspace(scale: Scale, results: Path, data: Path, **changes: Any) -> Workspace:
    """Return local records and data as the options of a command see them."""
    terms = select_scale(scale, data, **changes)
    return Workspace(results=results, data=data, **vars(terms))


def _num_classes(name: str, root: Path) -> int:
    from harness.data import GENERATED, read_checked_passport

    if name in GENERATED:
        raise ValueError(f"--on {name}: these videos are generated for --scale {name}; use that")
    passport = read_checked_passport(name, root)
    videos = [video for split in passport.splits.values() for video in split]
    return len(passport.classes) or 1 + max(max(video.labels) for video in videos)


def row_labels(rows: str) -> tuple[str, ...]:
    """Return the value of `--rows` unsplit, as labels may contain commas."""
    return (rows.strip(),) if rows.strip() else ()


def print_result(result: object) -> None:
    """Print text as it is, and anything else as JSON."""
    text = result if isinstance(result, str) else json.dumps(result, indent=1, ensure_ascii=False)
    click.echo(text)
