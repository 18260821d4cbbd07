"""The failure of a trial, as a value that survives its process."""

import traceback
from dataclasses import dataclass
from pathlib import Path

from harness.utils import files
from harness.utils.atomic import write_atomic
from harness.utils.redaction import redact, redact_for_others
from harness.utils.transient import is_transient


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The failure of a process that runs a trial or a rank of it.

    Attributes:
        sentence: What failed, and the remedy or the file that holds the traceback.
        retry: The same work may succeed some time later.
        device_fault: A GPU failed, so that this process can do nothing more with it.
        lost_peer: Only the connection to another rank failed; that one knows the reason.
    """

    sentence: str
    retry: bool = False
    device_fault: bool = False
    lost_peer: bool = False


def describe(error: Exception, log: Path) -> Failure:
    """Return the failure that an exception stands for.

    An error for the user is a sentence. Any other is a fault of the program or of the machine: its
    traceback is kept.

    Args:
        error: Caught where it ended the work.
        log: File for the traceback, in a folder of the results.
    """
    if isinstance(error, (ValueError, ArithmeticError)):
        return Failure(sentence=redact(str(error)), retry=is_transient(error))
    lines = str(error).strip().splitlines() or ["no reason given"]
    note = _write_traceback(error, log)
    return Failure(
        sentence=f"{redact(f'{type(error).__name__}: {lines[0]}')} ({note})",
        retry=is_transient(error),
        device_fault=_is_device_fault(error),
        lost_peer=_is_lost_peer(error),
    )


def _is_lost_peer(error: Exception) -> bool:
    """Return whether an operation of all ranks failed, as it does once one of them has ended."""
    import torch.distributed as dist  # takes seconds, and a plan needs no ranks

    # Gloo has no error class of its own: its messages name the source file.
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and "gloo/transport" in str(error)
    )


def _is_device_fault(error: Exception) -> bool:
    """Return whether a GPU failed; memory that does not suffice is none."""
    import torch

    return isinstance(error, torch.AcceleratorError)


def _write_traceback(error: Exception, path: Path) -> str:
    """Write the traceback of an exception, which may be that of a full disk."""
    results = path.parent.parent
    try:
        files.make_folder(path.parent)
        files.check_below(path.parent, results)
        text = redact_for_others("".join(traceback.format_exception(error)), results)
        write_atomic(path, text.encode(errors="backslashreplace"))
    except (OSError, ValueError) as failed:
        return f"no traceback: {path} cannot be written: {failed}"
    return f"traceback in {path}"
