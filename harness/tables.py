"""The tables as commands use them: one that is broken is named, and the others go on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import experiments
from harness.experiment import BrokenTableError, Experiment
from harness.utils.lookup import check_name
from harness.zoo import BACKBONES, MODULES

Warn = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")


def load(name: str) -> Experiment:
    """Return a table by its name, in whatever case.

    Raises:
        ValueError: If there is none of this name.
        BrokenTableError: If it does not load, or a row names an unknown network.
    """
    name = check_name(name.lower(), experiments.names(), what="table")
    experiment = experiments.load(name)
    for row in experiment.rows:
        with blame(name, row.label):
            for trial in row.trials:
                check_name(trial.model.backbone, BACKBONES, what="backbone")
                if trial.model.module is not None:
                    check_name(trial.model.module, MODULES, what="module")
    return experiment


def load_all(warn: Warn) -> tuple[Experiment, ...]:
    """Return every table that loads, and warn of the others, whose claims then count nowhere."""
    return tuple(each_of(experiments.names(), load, warn))


def select(names: Sequence[str], warn: Warn) -> tuple[Experiment, ...]:
    """Return some tables; without names, all that load.

    Raises:
        ValueError: If a named table is unknown or broken.
    """
    return tuple(load(name) for name in dict.fromkeys(names)) if names else load_all(warn)


def each_of(items: Sequence[T], function: Callable[[T], R], warn: Warn | None) -> Iterator[R]:
    """Yield the result of every item; of one of a broken table, warn instead, or fail if None."""
    for item in items:
        try:
            result = function(item)
        except BrokenTableError as error:
            if warn is None:
                raise
            warn(f"left out: {error}")
        else:
            yield result


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
        text = " ".join(str(error).split())
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise BrokenTableError(f"{table}/{row}: {kind}{text}") from error
