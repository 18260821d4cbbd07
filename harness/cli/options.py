"""Arguments and options shared by several commands, and the tables and scales they select."""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from experiments.scales import SCALES, Changes, own
from harness.cli.printing import echo
from harness.experiment import Experiment, Row
from harness.plan.workspace import Workspace
from harness.runtime import default_data, default_results
from harness.specs import Scale, Trial
from harness.utils import escape

Command = Callable[..., Any]

FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)
tables_argument = click.argument("tables", nargs=-1, required=True, metavar="TABLE...")
optional_tables_argument = click.argument("tables", nargs=-1, metavar="[TABLE]...")
row_argument = click.argument("row", metavar="TABLE/ROW")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
results_option = click.option(
    "--results",
    type=FOLDER,
    default=default_results,
    show_default="HARNESS_RESULTS, or results/local",
    help="Folder of records, tables, figures and the MLflow store.",
)
data_option = click.option(
    "--data",
    type=FOLDER,
    default=default_data,
    show_default="HARNESS_DATA, or data",
    help="Folder of the data sets.",
)
weights_option = click.option(
    "--weights",
    type=FOLDER,
    envvar="HARNESS_WEIGHTS",
    show_envvar=True,
    help="Folder of initial weights.",
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
    help="Trials per row, with seeds 0, 1, ... (one, where no claim on an accuracy of a comparison "
    "needs more); or the seeds of every row: 3,4,5 (a single one: 3,).",
)
rows_option = click.option(
    "--rows", default="", help="Labels of the rows to use, separated by commas.  [default: all]"
)

SCALE_CHANGES = ("on", "epochs", "lr", "smoke", "width", "batch", "crop", "from_scratch")
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
    click.option(
        "--from-scratch", is_flag=True, default=None, help="Train without initial weights."
    ),
)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A scale, with what a user changed of it.

    Attributes:
        scale: `own` if options change the scale.
        base: Value of `--scale`.
        rescale: From a trial at paper scale to the trial that runs.
        changes: What options change.
    """

    scale: Scale
    base: Scale
    rescale: Callable[[Trial], Trial]
    changes: Changes = field(default_factory=Changes)


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
            option = name.replace("_", "-")
            raise ValueError(f"--{option} changes a table at paper scale: add --scale paper")
    if "smoke" in given and scale != "desk":
        raise ValueError(f"--smoke runs at desk scale, not at --scale {scale}; leave one of them")
    if "on" in given:
        given["num_classes"] = _num_classes(given["on"], data)
    terms = Changes(**given)
    return Terms(scale="own", base=scale, rescale=own(terms, scale), changes=terms)


def open_workspace(scale: Scale, results: Path, data: Path, **changes: Any) -> Workspace:
    """Return local records and data as the options of a command see them."""
    terms = select_scale(scale, data, **changes)
    return Workspace(results=results, data=data, **vars(terms))


def trial_of(
    experiment: Experiment, row: Row, data: Path, *, on: str | None, **changes: Any
) -> Trial:
    """Return the trial of a row on a data set: at desk scale, as printed, or on own terms.

    Raises:
        ValueError: If the row has no network of its own, or options contradict each other.
    """
    from harness.data import passport_path
    from harness.data.datasets.class_names import has_official_names, official_names

    name = f"{experiment.name}/{row.label}"
    if row.trial is None:
        raise ValueError(f"{name} quotes other work, so it has no network; name another row")
    if row.ensemble:
        raise ValueError(f"{name} averages several networks; name the row of one of them")
    if on == "desk":
        if given := [option for option, value in changes.items() if value is not None]:
            raise ValueError(f"--{given[0]} changes a row at paper scale, not --on desk; leave it")
        return SCALES["desk"](row.trial)
    own_data = None if on == row.trial.data.name else on
    is_checked = own_data is None or passport_path(own_data, data).is_file()
    if own_data is not None and not is_checked and has_official_names(own_data):
        num_classes = len(official_names(own_data))  # a prediction needs no copy of the data
        return own(Changes(on=own_data, num_classes=num_classes, **changes))(row.trial)
    return select_scale("paper", data, on=own_data, **changes).rescale(row.trial)


def _num_classes(name: str, root: Path) -> int:
    from harness.data import GENERATED, read_checked_passport

    if name in GENERATED:
        raise ValueError(f"--on {name}: these videos are generated for --scale {name}; use that")
    passport = read_checked_passport(name, root)
    videos = itertools.chain.from_iterable(passport.splits.values())
    return len(passport.classes) or 1 + max(max(video.labels) for video in videos)


def row_labels(rows: str) -> tuple[str, ...]:
    """Return the value of `--rows` unsplit, as labels may contain commas."""
    return (rows.strip(),) if rows.strip() else ()


def print_result(result: object) -> None:
    """Print text as lines, and anything else as JSON."""
    if isinstance(result, str):
        echo(result)
    else:
        click.echo(escape.json_lines(json.dumps(result, indent=1, ensure_ascii=False)))
