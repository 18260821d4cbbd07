"""Environments that the command line finds itself in."""

import os
import subprocess
import sys

import click
import pytest

from harness.cli.main import app


def test_the_backend_of_a_notebook_does_not_stop_figures():
    backend = "module://matplotlib_inline.backend_inline"
    program = "import harness.cli, matplotlib; print(matplotlib.get_backend())"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"MPLBACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "agg"


@pytest.mark.parametrize(("word", "near"), [("visualise", "visualize"), ("reprt", "report")])
def test_a_mistyped_command_is_answered_with_the_nearest_one(word, near):
    with pytest.raises(click.UsageError) as error:
        app([word], standalone_mode=False)
    said, _, suggestion = error.value.format_message().partition("Did you mean ")
    assert said.startswith(f"No such command '{word}'")
    assert f"'{near}'" in suggestion
