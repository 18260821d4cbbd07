"""The command `python -m benchmarks training`."""

import click


@click.command(
    "training",
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS]")
def command(words: tuple[str, ...]) -> None:
    """Measure training steps of TSN, DSA and V4D on a GPU; --help lists the options."""
    from benchmarks.training import run

    run.measure(words)
