"""The tables of the paper, one file each; importing them needs the standard library only."""

import traceback
from importlib import import_module
from pkgutil import iter_modules

from harness.experiment import BrokenTableError, Experiment

_SUPPORT = ("recipes", "reference_rows", "related_work", "scales", "sources")


def names() -> list[str]:
    """Return the name of every table: the files of this folder."""
    return sorted(module.name for module in iter_modules(__path__) if module.name not in _SUPPORT)


def load(name: str) -> Experiment:
    """Return one table; its file must be named as it is.

    Raises:
        BrokenTableError: If the file cannot be imported, or holds no table of its name.
    """
    path = f"experiments/{name}.py"
    experiment = read(f"experiments.{name}", path)
    if experiment.name != name:
        raise BrokenTableError(f"{path} holds the experiment {experiment.name!r}; use one name")
    return experiment


def read(module: str, path: str) -> Experiment:
    """Return the `EXPERIMENT` of a module.

    Args:
        module: Its import path.
        path: Its file in messages, or the end of that path.

    Raises:
        BrokenTableError: If it cannot be imported, or holds no table.
    """
    try:
        loaded = import_module(module)
    except (Exception, SystemExit) as error:
        raise BrokenTableError(f"{path} does not load: {_sentence(error, path)}") from error
    if not hasattr(loaded, "EXPERIMENT"):
        raise BrokenTableError(f"{path} does not load: it has no EXPERIMENT = Experiment(...)")
    experiment = loaded.EXPERIMENT
    if not isinstance(experiment, Experiment):
        kind = type(experiment).__name__
        raise BrokenTableError(f"{path} does not load: EXPERIMENT is no Experiment but a {kind}")
    return experiment


def _sentence(error: BaseException, path: str) -> str:
    """Return what is wrong in one line: a kind that says little by its text, and the line."""
    lines = [
        step.lineno
        for step in traceback.extract_tb(error.__traceback__)
        if step.filename.endswith(path)
    ]
    if isinstance(error, SyntaxError):
        lines, text = [error.lineno], error.msg
    else:
        text = " ".join(str(error).split())
    said = text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
    return f"{said} (line {lines[-1]})" if lines and lines[-1] else said
