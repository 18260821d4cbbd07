"""Files of a folder that a process reads once, however often it looks at them."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

_TICK_NS = 100_000_000  # coarser than the time stamps of local file systems
_SECOND_NS = 1_000_000_000
_Value = TypeVar("_Value")
_Signature = tuple[int, int, int, int]


class ReadOnce(Generic[_Value]):
    """Values of files, read again only if the file may have changed since.

    Args:
        load: Reads one file. What it raises is raised at every look.
    """

    def __init__(self, load: Callable[[Path], _Value]) -> None:
        self._load = load
        self._values: dict[Path, tuple[_Signature, _Value | ValueError]] = {}

    def __call__(self, path: Path) -> _Value:
        """Return the value of a file."""
        found = path.lstat()
        signature = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
        known, value = self._values.get(path, (None, None))
        if known != signature or value is None:
            value = self._read(path)
            if _is_settled(found.st_ctime_ns):
                self._values[path] = (signature, value)
        if isinstance(value, ValueError):
            raise value
        return value

    def _read(self, path: Path) -> _Value | ValueError:
        try:
            return self._load(path)
        except ValueError as error:
            return error


def _is_settled(changed_ns: int) -> bool:
    """Return whether a later change would get another time stamp, which may be in whole seconds."""
    age = time.time_ns() - changed_ns
    return age > (_TICK_NS if changed_ns % _SECOND_NS else 2 * _SECOND_NS)
