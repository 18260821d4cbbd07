"""The drivers of a results folder: one alone, or several, each with a shard of the trials.

A driver that is alone holds the lock of the folder. A shard holds that of its own folder,
`shards/<k>-of-<n>`, which has its status and its requests to stop, and a lock for each of its
trials while it runs. It takes the lock of the results folder only to start and to end, so that all
who need the folder for themselves are refused while a shard works, and the other way round.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.utils import lock
from harness.utils.lock import Holder

_FOLDER, _TRIALS = "shards", "trials"
_NAME = re.compile(r"([0-9]{1,6})-of-([0-9]{1,6})")
_TEXT = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")
_TURN_S = 600.0  # others write their tables meanwhile
_GLANCE_S = 5.0  # whoever wants the folder alone gives it back after a look at the shards

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A part of the trials of a plan: every `count`-th one, from the `number`-th on.

    The plan is divided whatever is recorded of it, so that drivers that start one after the other
    divide it in the same way.

    Attributes:
        number: From 1 to `count`.
        count: Parts of the plan.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise ValueError(f"shard {self} does not exist: K/N is one of 1/N to N/N, such as 2/4")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def part_of(self, trials: Sequence[T]) -> Sequence[T]:
        """Return the trials of this shard."""
        return trials[self.number - 1 :: self.count]


def parse(text: str) -> Shard:
    """Return the shard that a text such as `2/4` names.

    Raises:
        ValueError: If it names none.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a shard: K/N is one of 1/N to N/N, such as 2/4")
    return Shard(number=int(match[1]), count=int(match[2]))


def folders(results: Path) -> dict[Shard, Path]:
    """Return the folders of the shards that work or worked in a results folder, in order."""
    matches = [_NAME.fullmatch(path.name) for path in (results / _FOLDER).glob("*-of-*")]
    numbers = sorted((int(match[2]), int(match[1])) for match in matches if match)
    shards = [Shard(number=number, count=count) for count, number in numbers if 0 < number <= count]
    return {shard: _folder(results, shard) for shard in shards}


def _folder(results: Path, shard: Shard) -> Path:
    return results / _FOLDER / f"{shard.number}-of-{shard.count}"


def driver_folders(results: Path) -> dict[str, Path]:
    """Return the folders of status and requests to stop, by the names of their drivers.

    A driver that is alone removes those of earlier shards; until then these are the latest.
    """
    return {f"shard {shard}": path for shard, path in folders(results).items()} or {"": results}


@contextmanager
def hold_alone(results: Path, *, what: str) -> Iterator[Holder]:
    """Hold a results folder against all other drivers, shards included.

    Raises:
        ValueError: If another process uses the folder; see `harness.utils.lock.take`.
    """
    with lock.hold(results, what=what) as holder:
        for folder in folders(results).values():
            with lock.take(folder, wait_s=0):
                pass
        yield holder


class Driver:
    """The process that runs the trials of a results folder, or one shard of them.

    Args:
        results: The folder.
        shard: Its part of the plan; None for all of it, alone.
    """

    def __init__(self, results: Path, shard: Shard | None = None) -> None:
        self.results = results
        self.shard = shard
        self.folder = results if shard is None else _folder(results, shard)
        self._working = ExitStack()
        self._what = ""

    @contextmanager
    def hold(self, *, what: str) -> Iterator[Holder]:
        """Hold the folder of the status of this driver until it has ended.

        Args:
            what: Its task, for others to read.

        Raises:
            ValueError: If another process works there.
        """
        self._what = what if self.shard is None else f"{what}, shard {self.shard}"
        if self.shard is None:
            with hold_alone(self.results, what=what) as holder:
                shutil.rmtree(self.results / _FOLDER, ignore_errors=True)
                yield holder
            return
        with ExitStack() as held:
            with self._turn():
                holder = held.enter_context(lock.hold(self.folder, what=self._what))
            with self._working:
                yield holder

    @contextmanager
    def starting(self) -> Iterator[bool]:
        """Hold the results folder while trials are prepared; yield whether nobody else works there.

        Raises:
            ValueError: If a driver that is no shard works there.
        """
        if self.shard is None:
            yield True
            return
        with self._turn():
            self._working.enter_context(lock.take(self.folder / _TRIALS))
            is_alone = not self._others_work()
            if is_alone:
                shutil.rmtree(self._trial_locks, ignore_errors=True)
            yield is_alone

    @contextmanager
    def ending(self) -> Iterator[bool]:
        """Hold the results folder once the trials have ended; yield whether to write the tables.

        The last driver writes them. Each declares under the lock that it has ended, so that exactly
        one is the last.
        """
        if self.shard is None:
            yield True
            return
        with self._turn():
            self._working.close()
            yield not self._others_work()

    @contextmanager
    def hold_trial(self, key: str) -> Iterator[None]:
        """Hold a trial against other shards.

        Raises:
            InUseError: If another one runs it.
        """
        with lock.hold(self._trial_locks / key, what=self._what):
            yield

    @property
    def _trial_locks(self) -> Path:
        return self.results / _FOLDER / _TRIALS

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Take the results folder, one shard after the other."""
        with (
            lock.take(self.results / _FOLDER, wait_s=_TURN_S),
            lock.take(self.results, wait_s=_GLANCE_S),
        ):
            yield

    def _others_work(self) -> bool:
        """Return whether another shard has trials to run."""
        others = [folder for folder in folders(self.results).values() if folder != self.folder]
        return any(not _is_free(folder / _TRIALS) for folder in others)


def _is_free(folder: Path) -> bool:
    """Return whether no process holds a folder, by taking its lock for an instant."""
    if not folder.is_dir():
        return True
    try:
        with lock.take(folder, wait_s=0):
            return True
    except ValueError:
        return False
