"""Questions to isolated child processes, with a time limit: what is asked may hang or crash."""

import json
import subprocess
from typing import Any

from harness.utils import children
from harness.utils.process import exit_with_starter

_MAX_REASON = 300  # characters
_WATCH = f"from {exit_with_starter.__module__} import exit_with_starter; exit_with_starter()"


class ChildError(Exception):
    """A child without an answer, in a sentence."""


class SilentChildError(ChildError):
    """A child that did not answer in time, and was killed."""


def ask(program: str, *words: str, limit_s: float) -> Any:
    """Run a program in a child, and return the JSON that it prints last.

    Args:
        program: Python source.
        words: Its arguments.
        limit_s: Longest wait for the answer, in seconds.

    Raises:
        ChildError: If it ends with an error, of which the last line is told.
        SilentChildError: If it does not end in time.
    """
    try:
        done = subprocess.run(
            children.command("-c", f"{_WATCH}\n{program}", *words),
            env=children.environment(),
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SilentChildError(f"no answer within {limit_s:g} s") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise ChildError(lines[-1][:_MAX_REASON] if lines else f"exit code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])
