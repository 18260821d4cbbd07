"""Warnings of the harness on standard error, as one sentence each."""

import contextlib
import logging
from collections.abc import Iterator

from harness.cli.requests import print_error

_MOST = 20  # files that are named; a folder may hold thousands


@contextlib.contextmanager
def show_warnings() -> Iterator[None]:
    """Print what the harness warns of during a command, each sentence once."""
    handler, logger = _Printer(), logging.getLogger("harness")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        if handler.num_more:
            print_error(f"harness: and {handler.num_more:,} more such files")


class _Printer(logging.Handler):
    """A handler that prints a sentence once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: set[str] = set()
        self.num_more = 0

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.said:
            self.said.add(text)
            if len(self.said) <= _MOST:
                print_error(f"harness: {text}")
            else:
                self.num_more += 1
