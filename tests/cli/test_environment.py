"""Environments that the command line finds itself in."""

import os
import subprocess
import sys


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
