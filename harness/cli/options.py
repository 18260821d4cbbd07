"""Arguments and options shared by several commands, and the tables and scales they select."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

import experiments
from experiments.scales import SCALES, Changes, own
from harness.specs import Scale, Trial
from harness.utils.lookup import check_name

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


def parse_seeds(
    ctx: click.Context | None, param: click.Parameter | None, text: str
) -> int | tuple[int, ...]:
    """Return the value of `--seeds`: a number of trials per row, or their seeds.

    Raises:
        click.BadParameter: If it is neither, or names a seed twice.
    """
    if "," not in text:
        return int(click.IntRange(min=1)(text, param, ctx))
    parts = [part.strip() for part in text.split(",") if part.strip()]
    seeds = tuple(int(click.IntRange(min=0)(part, param, ctx)) for part in parts)
    if not seeds or len(set(seeds)) < len(seeds):
        what = "a seed twice" if seeds else "no seed"
        raise click.BadParameter(f"{text!r} names {what}.", ctx, param)
    return seeds


seeds_option = click.option(
    "--seeds",
    callback=parse_seeds,
    default="3",
    show_default=True,
    metavar="N|SEED,...",
    help="Trials per row, with seeds 0, 1, ...; or their seeds: 3,4,5 (a single one: 3,).",
)
rows_option = click.option(
    "--rows", default="", help="Labels of the rows to use, separated by commas.  [default: all]"
)

SCALE_CHANGES = ("on", "epochs", "width", "batch", "crop")


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


def select_scale(
    scale: Scale, data: Path, **changes: Any
) -> tuple[Scale, Callable[[Trial], Trial]]:
    """Return a scale with its function from a trial at paper scale; `own` if options change it.

    Args:
        scale: Value of `--scale`.
        data: Folder of the data sets.
        **changes: Values of the options in `SCALE_CHANGES`, None where not given.

    Raises:
        ValueError: If options change another scale than `paper`, or the data set is missing.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if not given:
        return scale, SCALES[scale]
    if scale != "paper":
        raise ValueError(f"--{next(iter(given))} changes a table at paper scale: add --scale paper")
    if "on" in given:
        given["num_classes"] = _num_classes(given["on"], data)
    return "own", own(Changes(**given))


def _num_classes(name: str, root: Path) -> int:
    from harness.data import GENERATED, read_checked_passport

    if name in GENERATED:
        raise ValueError(f"--on {name}: these videos are generated for --scale {name}; use that")
    passport = read_checked_passport(name, root)
    videos = [video for split in passport.splits.values() for video in split]
    return len(passport.classes) or 1 + max(max(video.labels) for video in videos)


def select_tables(tables: Sequence[str]) -> list[str]:
    """Return some tables by name, or all if `tables` is empty.

    Raises:
        ValueError: If a table is unknown.
    """
    names = experiments.names()
    return [check_name(table, names, what="table") for table in tables] or names


def row_labels(rows: str) -> tuple[str, ...]:
    """Return the value of `--rows` unsplit, as labels may contain commas."""
    return (rows.strip(),) if rows.strip() else ()


def print_result(result: object) -> None:
    """Print text as it is, and anything else as JSON."""
    text = result if isinstance(result, str) else json.dumps(result, indent=1, ensure_ascii=False)
    click.echo(text)
