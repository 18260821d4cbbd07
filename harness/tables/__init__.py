"""The tables as commands use them: one that is broken is named, and the others go on."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import TypeVar

import experiments
from harness.experiment import BrokenTableError, Experiment
from harness.tables import offers, own_names, own_tables
from harness.tables.blame import blame
from harness.tables.own_tables import forget
from harness.utils.lookup import check_name

__all__ = [
    "blame",
    "each_of",
    "family_of",
    "forget",
    "load",
    "load_all",
    "names",
    "select",
    "word",
]

Warn = Callable[[str], None]
T = TypeVar("T")
R = TypeVar("R")


def names() -> list[str]:
    """Return the names of all tables: ours, those of installed packages, and files named so far."""
    installed = sorted(set(offers.installed("experiments")) - set(experiments.names()))
    return [*experiments.names(), *installed, *own_tables.names()]


def load(name: str) -> Experiment:
    """Return a table by its name, in whatever case, or by its file.

    Raises:
        ValueError: If there is none of this name.
        BrokenTableError: If it does not load, or a row names an unknown network.
    """
    if own_tables.is_path(name):
        _check_no_row(name)
        return own_tables.load(Path(name))
    known = names()
    if name.lower() not in known and Path(f"{name}.py").is_file():
        raise ValueError(
            f"unknown table {name!r}; for the file in this folder write {quote(f'./{name}.py')}"
        )
    name = check_name(name.lower(), known, what="table")
    if name in own_tables.names():
        return own_tables.get(name)
    if name not in experiments.names():
        return own_tables.load_installed(name)
    return own_tables.resolve(experiments.load(name), Path())


def word(name: str, *, with_folder: bool = True) -> str:
    """Return the word of a command line that names a table, unquoted: its name, or its file.

    Args:
        name: Of the table.
        with_folder: Where the file is; else its name, for readers on other machines.
    """
    file, here = own_tables.file_of(name), Path.cwd()
    if file is None:
        return name
    if with_folder and not file.is_relative_to(here):
        return str(file)
    return f"./{file.relative_to(here) if with_folder else file.name}"


def _check_no_row(text: str) -> None:
    """Refuse TABLE/ROW where tables are wanted.

    Raises:
        ValueError: If a text is a table and a row.
    """
    file, suffix, rest = text.partition(".py/")
    table, row = (f"{file}.py", rest) if suffix else text.partition("/")[::2]
    if Path(table).is_file() if suffix else table.lower() in names():
        raise ValueError(
            f"{text!r} is a row, and this takes tables: name {quote(table)}; "
            f"`run` and `plan` take rows as --rows {quote(row)}"
        )


def load_all(warn: Warn) -> tuple[Experiment, ...]:
    """Return every table that loads, and warn of the others, whose claims then count nowhere."""
    for clash in own_names.clashes():
        warn(f"left out: {clash}")
    return tuple(each_of(names(), load, warn))


def family_of(experiment: Experiment, tables: Iterable[Experiment]) -> tuple[Experiment, ...]:
    """Return the tables whose comparisons are corrected together with those of one table.

    Those of the harness belong together; a table from outside stands for itself.
    """
    ours = experiments.names()
    if experiment.name not in ours:
        return (experiment,)
    return tuple(table for table in tables if table.name in ours)


def select(names: Sequence[str], warn: Warn) -> tuple[Experiment, ...]:
    """Return some tables, without the broken ones; without names, all that load.

    Raises:
        ValueError: If a named table is unknown, or all of them are broken.
    """
    if not names:
        return load_all(warn)
    return tuple({table.name: table for table in each_of(names, load, warn)}.values())


def each_of(items: Sequence[T], function: Callable[[T], R], warn: Warn) -> Iterator[R]:
    """Yield the result of every item; of one of a broken table, warn instead.

    Raises:
        BrokenTableError: If no item is left.
    """
    is_any_sound = False
    for number, item in enumerate(items, start=1):
        try:
            result = function(item)
        except BrokenTableError as error:
            if number == len(items) and not is_any_sound:
                raise
            warn(f"left out: {error}")
        else:
            is_any_sound = True
            yield result
