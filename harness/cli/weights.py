"""Commands about weights as files: `harness evaluate`, `predict` and `export`."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress as Bar

from harness.cli.data.own_videos import check_videos_to_score
from harness.cli.options import (
    FOLDER,
    all_of,
    data_option,
    json_option,
    print_result,
    results_option,
    row_argument,
    trial_of,
)
from harness.cli.report.records import read_record, rows_of, scoring_words, training_command
from harness.cli.requests import experiment_option, print_paths, short_path
from harness.plan.workspace import find_table_row
from harness.runtime import Runtime
from harness.specs import from_dict

if TYPE_CHECKING:
    from torch import nn

    from harness.weights.export import Format
    from harness.weights.scoring import GivenRequest

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path, resolve_path=True)
weights_file_option = click.option(
    "--weights", type=_FILE, required=True, metavar="FILE", help="Weights, as released or exported."
)
device_option = click.option(
    "--device", default="cpu", show_default=True, help="cpu, cuda or cuda:<index>."
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Processes that read videos.",
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
@device_option
@workers_option
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
        on = check_videos_to_score(folder, machine["data"], on=on, is_error=as_json)
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


@click.command("predict")
@experiment_option
@click.argument("target", metavar="TABLE/ROW|KEY")
@click.argument(
    "videos",
    nargs=-1,
    required=True,
    metavar="VIDEO...",
    type=click.Path(exists=True, path_type=Path, resolve_path=True),
)
@click.option(
    "--weights",
    type=_FILE,
    metavar="FILE",
    help="Weights, as released or exported.  [default: those kept of KEY]",
)
@family_option
@terms_options
@click.option("--fps", metavar="RATE", help="At which folders of pictures were taken.")
@device_option
@workers_option
@results_option
@data_option
@json_option
def predict_videos(
    target: str,
    videos: tuple[Path, ...],
    weights: Path | None,
    family: str | None,
    fps: str | None,
    as_json: bool,
    on: str | None,
    width: float | None,
    crop: int | None,
    **machine: Any,
) -> None:
    """Name the five most probable classes of videos, and the frames that the network saw.

    A video is a file, or a folder with a picture for each frame.
    """
    runtime = Runtime(**machine)
    if "/" in target:
        if weights is None:
            raise click.UsageError("a row has no weights of its own: add --weights FILE")
        trial = trial_of(*find_table_row(target), runtime.data, on=on, width=width, crop=crop)
    else:
        if given := [name for name in (on, width, crop) if name is not None]:
            raise click.UsageError(f"a record has its own data and network; leave out {given[0]}")
        trial = from_dict(read_record(runtime.results, target).trial)
    from harness.data.prepare.sources import parse_rate
    from harness.weights import given_file, prediction

    classes = prediction.class_names(trial, runtime.data)
    if weights is None:
        net = _kept_network(target, runtime)
    else:
        net, _ = given_file.load(weights, trial, family=family, classes=classes)
    rate = None if fps is None else parse_rate(fps)
    answers = prediction.predict(net, trial, videos, classes=classes, runtime=runtime, fps=rate)
    texts = "\n\n".join(map(prediction.text, answers))
    print_result([asdict(answer) for answer in answers] if as_json else texts)


def _kept_network(key: str, runtime: Runtime) -> "nn.Module":
    from harness.report.kernels import load_kept

    finished = read_record(runtime.results, key)
    command = training_command(finished, runtime.results, runtime.data)
    return load_kept(finished, command=command, runtime=runtime)


@click.command("export")
@experiment_option
@click.argument("key", metavar="KEY")
@click.option(
    "--format",
    "form",
    type=click.Choice(["safetensors", "torch-export", "onnx"]),
    default="safetensors",
    show_default=True,
    help="The others add a program that runs without this project.",
)
@click.option("--out", type=FOLDER, help="Folder of the files.  [default: <results>/exports]")
@results_option
@data_option
@json_option
def export_weights(
    key: str, form: "Format", out: Path | None, as_json: bool, **machine: Any
) -> None:
    """Write the weights of a finished trial with a model card.

    They must have been kept: harness run TABLE --keep-checkpoints.
    """
    runtime = Runtime(**machine)
    net, finished = _kept_network(key, runtime), read_record(runtime.results, key)
    from harness.weights import export, prediction

    trial = from_dict(finished.trial)
    request = export.ExportRequest(
        finished=finished,
        net=net,
        rows=rows_of(finished),
        use=scoring_words(finished),
        classes=prediction.class_names(trial, runtime.data),
        form=form,
        out=out or export.default_folder(trial, finished.key, runtime.results),
        runtime=runtime,
    )
    print_paths(export.export(request), as_json=as_json)


COMMANDS: tuple[click.Command, ...] = (evaluate_weights, predict_videos, export_weights)
