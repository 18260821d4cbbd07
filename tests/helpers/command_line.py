"""The command line in this process, which has imported torch; tests of signals start another."""

import contextlib
import io
import subprocess
import sys
from unittest.mock import patch

from harness.cli.main import main


def harness(*words: object) -> "subprocess.CompletedProcess[str]":
    """Call the entry point with some words; return what its process would end with."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    arguments = ["harness", *map(str, words)]
    with (
        patch.object(sys, "argv", arguments),
        patch.object(sys, "excepthook", sys.excepthook),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as end:
            code = end.code
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
