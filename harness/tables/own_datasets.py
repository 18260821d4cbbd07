"""Readers of data sets of the user: a file, or an entry point of an installed package."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from harness.data import DATASETS, GENERATED
from harness.specs import NAME
from harness.tables.offers import check_defined, installed
from harness.utils import escape, own_code

_FUNCTIONS = ("videos", "class_names")
_ADDED: set[str] = set()


def open_reader(text: str) -> str:
    """Make the reader of a data set known, and return the name of the data set.

    Args:
        text: A name, or the path of a file: its data set has the name of the file, without `.py`.

    Raises:
        ValueError: If the file is missing, does not load, or lacks a function of a reader.
    """
    if text in installed("datasets") and text not in DATASETS:
        module, name = installed("datasets")[text].value, text
    elif text.endswith(".py"):
        name = name_of(text)
        module = own_code.add(Path(text))
        for function in _FUNCTIONS:
            check_defined(own_code.sources()[module].text, function, Path(text).name)
    else:
        return text
    DATASETS[name] = module
    _ADDED.add(name)
    with blamed(name):
        import_module(module)
    return name


def name_of(file: str) -> str:
    """Return the name of the data set that a file reads.

    Raises:
        ValueError: If it cannot be the name of a folder, or is one of ours.
    """
    name = Path(file).stem
    if not NAME.fullmatch(name):
        raise ValueError(f"{file}: {name!r} cannot name a data set; use a-z, 0-9 and _")
    if name in GENERATED or (name in DATASETS and name not in _ADDED):
        raise ValueError(f"{file}: {name} is a data set of the harness; rename the file")
    return name


def forget() -> None:
    """Forget every reader that is not ours."""
    for name in _ADDED:
        DATASETS.pop(name, None)
    _ADDED.clear()


@contextmanager
def blamed(name: str) -> Iterator[None]:
    """Turn any error of a reader of the user into a sentence that names it.

    Raises:
        ValueError: In the place of any error inside.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        if name not in _ADDED or isinstance(error, ValueError | OSError):
            raise
        text = escape.one_line(error)
        raise ValueError(f"the reader of {name} fails: {type(error).__name__}: {text}") from error
