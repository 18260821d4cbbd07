"""Errors of a network, with the table and the row that it belongs to."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.experiment import BrokenTableError
from harness.utils import escape


@contextmanager
def blame(table: str, row: str) -> Iterator[None]:
    """Let any error of a row's network name the table and the row.

    Raises:
        BrokenTableError: In the place of any error inside.
    """
    try:
        yield
    except BrokenTableError:
        raise
    except Exception as error:
        text = escape.one_line(error)
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise BrokenTableError(f"{table}/{row}: {kind}{text}") from error
