"""The tables of the paper, one file each; importing them needs the standard library only."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from harness.experiment import Experiment

_SUPPORT = ("recipes", "reference_rows", "related_work", "scales", "sources")


def names() -> list[str]:
    """Return the name of every table: the files of this folder."""
    return sorted(module.name for module in iter_modules(__path__) if module.name not in _SUPPORT)


def load_all(warn: Callable[[str], None]) -> tuple[Experiment, ...]:
    """Return every table that loads; warn of any other, whose claims then count nowhere."""
    tables = []
    for name in names():
        try:
            tables.append(load(name))
        except Exception as error:
            warn(f"experiments/{name}.py is left out of Holm's correction: {error}")
    return tuple(tables)


def load(name: str) -> Experiment:
    """Return one table; its file must be named as it is.

    Raises:
        ValueError: If the experiment inside has another name.
    """
    experiment: Experiment = import_module(f"experiments.{name}").EXPERIMENT
    if experiment.name != name:
        raise ValueError(f"experiments/{name}.py holds the experiment {experiment.name!r}")
    return experiment
