"""Start of loader processes: forked from here, or from a server once CUDA is in use here.

A lock that a thread of CUDA holds at a fork is held in the child for ever. So a process that has
initialised CUDA, such as a rank or the driver of a second trial, has them forked by a server that
has imported this package and nothing else.
"""

import gc
import multiprocessing
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from types import ModuleType

import torch

from harness.utils.process import exit_with_parent

_MAIN = "__main__"


def context() -> BaseContext:
    """Return the start method of loader processes of this process."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return multiprocessing.get_context("fork")
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([f"{__package__}.workers"])
    return server


@contextmanager
def main_module_hidden() -> Iterator[None]:
    """Hide the main module while processes start: one that a server forks would run it again."""
    main = sys.modules[_MAIN]
    sys.modules[_MAIN] = ModuleType(_MAIN)
    try:
        yield
    finally:
        sys.modules[_MAIN] = main


def begin(_: int) -> None:
    """Begin a loader process, which serves its parent until that ends.

    A terminal sends Ctrl-C to all processes. What was forked is kept out of garbage collection,
    which would copy its pages to mark it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    exit_with_parent()
    gc.freeze()
