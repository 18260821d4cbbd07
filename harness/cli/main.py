"""The command line, as one group of commands; a mistake is one sentence."""

import sys
import traceback
from types import TracebackType

import click

from experiments.scales import desk
from harness.cli import (
    cluster,
    cost,
    data,
    explain,
    new,
    plan,
    report,
    results,
    run,
    tracking,
    weights,
)
from harness.cli.notices import show_warnings
from harness.cli.options import json_option, optional_tables_argument, print_result
from harness.cli.printing import echo
from harness.cli.printing.help import GroupedCommands
from harness.cli.printing.streams import outlive_readers
from harness.cli.report import visualize
from harness.cli.requests import FAILED, LEFT_OUT, print_error, warning_of
from harness.experiment import Experiment
from harness.record import trial_key
from harness.tables import forget, select
from harness.tracking import TrackingError
from harness.utils import children, escape
from harness.utils.escape import counted

MISTAKE, INTERRUPTED = 2, 130
DEBUG = "debug"
GREETING = """\
harness reproduces the tables of DSANet (arXiv 2105.12085) and runs yours beside them.

  harness list          the tables
  harness run table_b   one of them, in minutes, on this machine
  harness doctor        whether this machine is ready
  harness --help        all commands"""
EXAMPLES = """\b
Examples:
  harness run table_b                     every row, three seeds, at desk scale
  harness run table_b --seeds 1 --no-ray  one seed, in this process
  harness plan table_b --scale paper      trials, cost and power before a run
  harness explain table_b/II              deviations from the paper's recipe
  harness cost table_b --json             parameters and multiply-adds per row
  harness ui                              every run of every table, in MLflow
  harness new module my_gate              a module of your own, with its test
  harness run ./my_table.py               a table of your own
  harness run table_b --scale paper --on my_videos --epochs 5   your setting
"""


@click.group(
    cls=GroupedCommands,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": str.lower},
    invoke_without_command=True,
)
@click.version_option(package_name="dsanet-harness", prog_name="harness")
@click.option("--debug", is_flag=True, help="Show where an error was raised, too.")
@click.pass_context
def app(context: click.Context, debug: bool) -> None:
    """Reproduce the tables of DSANet (arXiv 2105.12085), and run your own beside them.

    A TABLE is a name that `harness list` prints, or a Python file that holds an EXPERIMENT.
    """
    if context.invoked_subcommand is None:
        echo(GREETING)
    if context.obj is not None:
        context.obj[DEBUG] = debug
    forget()
    context.with_resource(show_warnings())


@app.result_callback()
@click.pass_context
def end(context: click.Context, /, _result: object, **_options: object) -> None:
    """End with an exit code that is not 0 if a table that was named is left out."""
    if context.meta.get(LEFT_OUT):
        sys.exit(FAILED)


@click.command("list")
@optional_tables_argument
@json_option
def list_tables(tables: tuple[str, ...], as_json: bool) -> None:
    """List the tables; of each TABLE that is named, the rows too."""
    chosen = select(tables, warning_of(tables))
    if as_json:
        print_result([{**_summary(table), "rows": _rows(table)} for table in chosen])
        return
    width = max((len(escape.name(experiment.name)) for experiment in chosen), default=0)
    for experiment in chosen:
        title, num_rows = escape.name(experiment.title), len(experiment.rows)
        rows = counted(num_rows, "row")
        echo(f"{escape.name(experiment.name):{width}}  {title} ({rows})")
        for row in _rows(experiment) if tables else ():
            same = f" (same trial at desk scale as {escape.name(str(row['same_as']))})"
            remark = " (quoted)" if row["is_quoted"] else same if row["same_as"] else ""
            echo(f"  {escape.name(str(row['row']))}{remark}")


def _summary(experiment: Experiment) -> dict[str, str]:
    return {"table": experiment.name, "title": experiment.title}


def _rows(experiment: Experiment) -> list[dict[str, object]]:
    """Return the rows of a table, each with the first one that is the same trial at desk scale."""
    first: dict[tuple[str, ...], str] = {}
    rows: list[dict[str, object]] = []
    for row in experiment.rows:
        keys = tuple(trial_key(desk(trial), "") for trial in row.trials)
        same = first.setdefault(keys, row.label)
        is_same = bool(experiment.trains and keys and same != row.label)
        rows.append({"row": row.label, "is_quoted": not keys, "same_as": same if is_same else None})
    return rows


for command in (
    list_tables,
    data.data,
    *run.COMMANDS,
    *report.COMMANDS,
    *visualize.COMMANDS,
    *cost.COMMANDS,
    *tracking.COMMANDS,
    *plan.COMMANDS,
    *explain.COMMANDS,
    *results.COMMANDS,
    *cluster.COMMANDS,
    *weights.COMMANDS,
    *new.COMMANDS,
):
    app.add_command(command)


def _print_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print the traceback of a bug of ours, without secrets."""
    print_error("".join(traceback.format_exception(kind, error, trace)).rstrip())


def main() -> None:
    """Run the command line; a mistake or a full disk is one sentence and a non-zero exit code."""
    children.isolate()
    sys.excepthook = _print_traceback
    with outlive_readers():
        _run({DEBUG: False})


def _run(options: dict[str, bool]) -> None:
    """Run the command line; it notes the options that it was called with."""
    try:
        app.main(standalone_mode=False, obj=options)
    except (click.ClickException, TrackingError, ValueError, OSError) as error:
        if options[DEBUG]:
            print_error(traceback.format_exc().rstrip())
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        print_error(f"harness: {text}")
        sys.exit(MISTAKE)
    except (KeyboardInterrupt, click.Abort) as error:
        print_error("harness: interrupted; the same command resumes the run")
        sys.exit(getattr(error.__cause__ or error, "code", INTERRUPTED))
