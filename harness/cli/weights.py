"""Commands about weights as files: `harness evaluate`, `predict` and `export`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress as Bar

from experiments.scales import SCALES
from harness.cli.options import (
    all_of,
    data_option,
    json_option,
    print_result,
    results_option,
    row_argument,
    select_scale,
)
from harness.cli.own_videos import check_videos_to_score
from harness.cli.requests import short_path
from harness.experiment import Experiment, Row
from harness.plan.workspace import find_table_row
from harness.runtime import Runtime
from harness.specs import Trial

if TYPE_CHECKING:
    from harness.weights.scoring import GivenRequest

_FILE = click.Path(dir_okay=False, path_type=Path, resolve_path=True)
weights_file_option = click.option(
    "--weights", type=_FILE, required=True, metavar="FILE", help="Weights, as released or exported."
)
family_option = click.option(
    "--family",
    metavar="NAME",
    help="Code base that wrote the weights, as tsm or dsanet.  [default: the one that fits]",
)
terms_options = all_of(
    click.option(
        "--on",
        metavar="NAME",
        help="Checked data set, or desk.  [default: that of the row]",
    ),
    click.option(
        "--width",
        type=click.FloatRange(min=0, min_open=True),
        help="Width multiplier of all channels, as the weights were trained with.",
    ),
    click.option("--crop", type=click.IntRange(min=32), help="Side of every crop, in pixels."),
)


@click.command("evaluate")
@row_argument
@weights_file_option
@family_option
@terms_options
@click.option(
    "--folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path, resolve_path=True),
    help="Check the videos of FOLDER/<class>/ first, then score them.",
)
@click.option("--batch", type=click.IntRange(min=1), help="Clips at a time; changes no number.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:<index>.")
@click.option("--workers", type=click.IntRange(min=0), default=0, show_default=True)
@results_option
@data_option
@json_option
def evaluate_weights(
    row: str,
    weights: Path,
    family: str | None,
    on: str | None,
    folder: Path | None,
    batch: int | None,
    as_json: bool,
    width: float | None,
    crop: int | None,
    **machine: Any,
) -> None:
    """Score given weights by the views of a row, without training.

    A test split alone is enough: harness data check NAME --only test. The record says that the
    weights were given; no table and no claim counts it as a run.
    """
    experiment, found = find_table_row(row)
    if folder is not None:
        on = check_videos_to_score(folder, machine["data"], on=on)
    trial = trial_of(experiment, found, machine["data"], on=on, width=width, crop=crop)
    if batch is not None:
        trial = replace(trial, train=replace(trial.train, batch_videos=batch, norm_videos=None))
    from harness.weights import scoring, scoring_text

    request = scoring.GivenRequest(
        experiment=experiment,
        row=found,
        trial=trial,
        weights=weights,
        family=family,
        runtime=Runtime(**machine),
    )
    scored = _score_with_progress(request)
    verdict = scoring.judge_given(request, scored)
    if as_json:
        print_result(scoring_text.as_json(request, scored, verdict))
        return
    path = short_path(scoring.record_path(request, scored))
    print_result(scoring_text.text(request, scored, verdict, path=path))


def _score_with_progress(request: "GivenRequest") -> Any:
    from harness.weights import scoring

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("videos", total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return scoring.score_given(request, progress)


def trial_of(
    experiment: Experiment, row: Row, data: Path, *, on: str | None, **changes: Any
) -> Trial:
    """Return the trial of a row on a data set: at desk scale, as printed, or on own terms.

    Raises:
        ValueError: If the row has no network of its own, or options contradict each other.
    """
    name = f"{experiment.name}/{row.label}"
    if row.trial is None:
        raise ValueError(f"{name} quotes other work, so it has no network; name another row")
    if row.ensemble:
        raise ValueError(f"{name} averages several networks; name the row of one of them")
    if on == "desk":
        if given := [option for option, value in changes.items() if value is not None]:
            raise ValueError(f"--{given[0]} changes a row at paper scale, not --on desk; leave it")
        return SCALES["desk"](row.trial)
    own = None if on == row.trial.data.name else on
    _, rescale = select_scale("paper", data, on=own, **changes)
    return rescale(row.trial)


COMMANDS: tuple[click.Command, ...] = (evaluate_weights,)
