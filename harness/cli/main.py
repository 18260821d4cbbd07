"""The command line, as one group of commands; a mistake is one sentence."""

import sys

import click

import experiments
from harness.cli import cluster, data, explain, plan, report, results, run, tracking
from harness.cli.requests import print_error
from harness.tracking import TrackingError

MISTAKE, INTERRUPTED = 2, 130
EXAMPLES = """\b
Examples:
  harness run table_b                     every row, three seeds, at desk scale
  harness run table_b --seeds 1 --no-ray  one seed, in this process
  harness run table_b --scale paper --on my_videos --epochs 5 --batch 8   your own setting
  harness plan table_b --scale paper      trials, cost and statistical power before a run
  harness explain table_b/II              all deviations from the paper's recipe
  harness cost table_b --json             parameters and multiply-adds of every row
  harness ui                              every run of every table, in MLflow
"""


@click.group(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Reproduce the tables of DSANet (arXiv 2105.12085)."""


@click.command("list")
def list_tables() -> None:
    """List the tables."""
    for name in experiments.names():
        experiment = experiments.load(name)
        click.echo(f"{name}  {experiment.title} ({len(experiment.rows)} rows)")


for command in (
    list_tables,
    data.data,
    *run.COMMANDS,
    *report.COMMANDS,
    *tracking.COMMANDS,
    *plan.COMMANDS,
    *explain.COMMANDS,
    *results.COMMANDS,
    *cluster.COMMANDS,
):
    app.add_command(command)


def main() -> None:
    """Run the command line; a mistake or a full disk is one sentence and a non-zero exit code."""
    try:
        app.main(standalone_mode=False)
    except (click.ClickException, TrackingError, ValueError, OSError) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        print_error(f"harness: {text}")
        sys.exit(MISTAKE)
    except (KeyboardInterrupt, click.Abort) as error:
        print_error("harness: interrupted; the same command resumes the run")
        sys.exit(getattr(error.__cause__ or error, "code", INTERRUPTED))
