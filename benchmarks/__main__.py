"""The benchmarks: `python -m benchmarks NAME`, of `BENCHMARKS`."""

import sys

import click

from harness.tracking import TrackingError
from harness.utils.lookup import load_named

MISTAKE, INTERRUPTED = 2, 130
BENCHMARKS = {
    "dsa": "benchmarks.dsa:command",
    "reading": "benchmarks.reading.command:command",
    "records": "benchmarks.records:command",
    "scale": "benchmarks.scale:command",
    "scheduling": "benchmarks.scheduling.command:command",
    "training": "benchmarks.training.command:command",
}


class Benchmarks(click.Group):
    """The commands of `BENCHMARKS`, each imported when it is used."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names of all benchmarks."""
        return sorted(BENCHMARKS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """Return the command of a benchmark, None for an unknown name."""
        return load_named(BENCHMARKS, name, what="benchmark") if name in BENCHMARKS else None


@click.group(cls=Benchmarks, context_settings={"help_option_names": ["-h", "--help"]})
def app() -> None:
    """Measure the harness beside other software."""


def main() -> None:
    """Run a benchmark; a mistake or a full disk is one sentence and a non-zero exit code."""
    try:
        app.main(prog_name="python -m benchmarks", standalone_mode=False)
    except (click.ClickException, TrackingError, ValueError, OSError) as error:
        text = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"harness: {text}", err=True)
        sys.exit(MISTAKE)
    except (KeyboardInterrupt, click.Abort) as error:
        click.echo("harness: interrupted; the same command resumes the run", err=True)
        sys.exit(getattr(error.__cause__ or error, "code", INTERRUPTED))


if __name__ == "__main__":
    main()
