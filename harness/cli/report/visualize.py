"""The command that draws single videos: `harness visualize`."""

from pathlib import Path
from typing import Any

import click

from harness.cli.options import (
    data_option,
    json_option,
    open_workspace,
    results_option,
    scale_change_options,
    scale_option,
)
from harness.cli.report.records import find_record, training_command
from harness.cli.requests import experiment_option, print_paths
from harness.plan.workspace import Workspace
from harness.runtime import Runtime


@click.command("visualize")
@experiment_option
@click.argument("target", metavar="RECORD_KEY|TABLE/ROW")
@click.option(
    "--videos",
    default="",
    help="Ids of test videos, separated by commas.  [default: those that DSA alone gets right]",
)
@click.option(
    "--against",
    metavar="RECORD_KEY|TABLE/ROW",
    help="Record to compare with.  [default: the same network without DSA]",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of TABLE/ROW."
)
@scale_option
@scale_change_options
@data_option
@results_option
@json_option
def draw_videos(
    target: str, videos: str, against: str | None, seed: int, as_json: bool, **options: Any
) -> None:
    """Draw test videos with predictions and the kernels of DSA.

    Needs the weights of the record, which harness run --keep-checkpoints keeps.
    """
    workspace = open_workspace(**options)
    paths = visualize(target, workspace, videos=videos, against=against, seed=seed)
    print_paths(paths, as_json=as_json)


def visualize(
    target: str, workspace: Workspace, *, videos: str, against: str | None, seed: int
) -> list[Path]:
    """Draw test videos with the predictions of two records, and the kernels of the first.

    Args:
        target: Key of a record, or TABLE/ROW.
        workspace: Records and data.
        videos: Ids of test videos, separated by commas; empty for those that only DSA gets right.
        against: Record to compare with; None for the same network without DSA.
        seed: That of rows.
    """
    from harness.report import figures
    from harness.report.kernels import collect_examples, find_baseline

    results = workspace.results
    dsa = find_record(target, workspace, seed)
    baseline = find_record(against, workspace, seed) if against else find_baseline(dsa, results)
    examples = collect_examples(
        dsa,
        baseline,
        videos=[name.strip() for name in videos.split(",") if name.strip()],
        command=training_command(dsa, results, workspace.data),
        runtime=Runtime(results=results, data=workspace.data),
    )
    return figures.examples(examples, name=f"visualize-{dsa.key}", results=results)


COMMANDS = (draw_videos,)
