"""Options of `harness run` in groups: records, training, loading, devices and scheduling."""

import re
from pathlib import Path

import click

from harness.cli.options import all_of
from harness.runtime import Runtime
from harness.schedule import shards
from harness.schedule.shards import Shard


def _parse_shard(_: click.Context, __: click.Parameter, text: str | None) -> Shard | None:
    """Return the shard that a text such as `2/4` names."""
    try:
        return None if text is None else shards.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _parse_project(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    """Return the value of `--wandb`.

    Raises:
        click.BadParameter: If W&B takes no such name of a project.
    """
    if name is not None and not re.fullmatch(r"[^/\\#?%:]{1,128}", name):
        what = "must have 1 to 128 characters, without any of / \\ # ? % :"
        raise click.BadParameter(f"the name of a project {what}, not {name!r}", ctx, param)
    return name


record_options = all_of(
    click.option(
        "--keep-checkpoints", is_flag=True, help="Keep the checkpoints of finished trials."
    ),
    click.option("--require-tracking", is_flag=True, help="Refuse to run without MLflow."),
    click.option("--keep-stale", is_flag=True, help="Accept records made by other code."),
    click.option("--campaign", help="Groups this launch in MLflow.  [default: the time]"),
)
loader_options = all_of(
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="Loader processes *per rank* of a trial: 8 ranks with 8 each have 64.",
    ),
    click.option(
        "--io-retries",
        type=click.IntRange(min=0),
        default=Runtime.io_retries,
        show_default=True,
        help="Further tries after a failure of storage or network that may pass.",
    ),
    click.option(
        "--io-wait",
        "io_wait_s",
        type=click.FloatRange(min=0),
        default=Runtime.io_wait_s,
        show_default=True,
        help="Seconds before each of them.",
    ),
)
device_options = all_of(
    click.option(
        "--device",
        help="cpu, cuda or cuda:<index>.  [default: cuda on a machine with GPUs, else cpu]",
    ),
    click.option(
        "--gpus-per-trial",
        type=click.FloatRange(min=0),
        help="A trial spans nodes if no node has as many.  [default: one per rank with cuda]",
    ),
    click.option(
        "--ranks",
        type=click.IntRange(min=1),
        help="Processes that share a trial.  [default: one for each of its GPUs, else 1]",
    ),
    click.option("--cpus-per-trial", type=click.IntRange(min=1), default=1, show_default=True),
)
training_options = all_of(
    click.option(
        "--checkpoint-every",
        "checkpoint_every_s",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Save within epochs as well, so often.",
    ),
    click.option(
        "--compile",
        "compiled",
        is_flag=True,
        help="Train what torch.compile makes of networks.",
    ),
    click.option(
        "--activation-checkpointing",
        is_flag=True,
        help="Less memory: compute the inside of blocks again for gradients.",
    ),
)
schedule_options = all_of(
    click.option("--address", help="A running Ray cluster.  [default: a local one]"),
    click.option(
        "--max-concurrent", type=click.IntRange(min=1), help="Most trials at once on Ray."
    ),
    click.option(
        "--max-trials",
        type=click.IntRange(min=1),
        default=1000,
        show_default=True,
        help="Refuse a larger grid.",
    ),
    click.option("--no-ray", is_flag=True, help="Run trials in this process, one by one."),
    click.option(
        "--shard",
        callback=_parse_shard,
        metavar="K/N",
        help="Run every N-th trial of the grid, from the K-th on, in this process, while other "
        "processes run the other shards in the same results folder.",
    ),
)
SINKS = ("tensorboard", "wandb")
sink_options = all_of(
    click.option(
        "--tensorboard",
        metavar="FOLDER",
        type=click.Path(file_okay=False, path_type=Path, resolve_path=True),
        help="Write curves and metrics there too, as event files of TensorBoard.",
    ),
    click.option(
        "--wandb",
        metavar="PROJECT",
        callback=_parse_project,
        help="Send curves and metrics to this project of Weights & Biases too.",
    ),
)
