"""Tables of the user: files outside the harness, and those of installed packages."""

import os
from dataclasses import replace
from pathlib import Path

import experiments
from harness.experiment import BrokenTableError, Experiment
from harness.tables import offers, own_names
from harness.tables.blame import blame
from harness.utils import own_code

_OPEN: dict[str, tuple[Path, Experiment]] = {}


def is_path(text: str) -> bool:
    """Return whether a word of the command line names a file, and not a table by its name."""
    return text.endswith(".py") or os.sep in text


def names() -> list[str]:
    """Return the names of the tables whose files were named so far."""
    return list(_OPEN)


def get(name: str) -> Experiment:
    """Return a table whose file was named before."""
    return _OPEN[name][1]


def file_of(name: str) -> Path | None:
    """Return the file of a table whose file was named before; None for any other table."""
    return _OPEN[name][0] if name in _OPEN else None


def forget() -> None:
    """Forget every table that is not ours, with its code."""
    _OPEN.clear()
    own_names.forget()


def load(path: Path) -> Experiment:
    """Return the table of a file, known by its own name from now on.

    Raises:
        BrokenTableError: If the file does not load, or its table has the name of another one.
    """
    path = path.expanduser().resolve()
    if str(path.parent) in map(os.path.realpath, experiments.__path__):
        return experiments.load(path.stem)
    try:
        module = own_code.add(path)
    except ValueError as error:
        raise BrokenTableError(str(error)) from error
    experiment = experiments.read(module, path.name)
    other = _OPEN.get(experiment.name, (path, experiment))[0]
    if experiment.name in experiments.names() or other != path:
        owner = "the harness" if other == path else str(other)
        raise BrokenTableError(
            f"{path.name} holds the experiment {experiment.name!r}, which is the name of a table "
            f"of {owner}; give it another name"
        )
    experiment = resolve(experiment, path.parent)
    _OPEN[experiment.name] = path, experiment
    return experiment


def load_installed(name: str) -> Experiment:
    """Return a table that an installed package offers.

    Raises:
        BrokenTableError: If it does not load, or has another name than its entry point.
    """
    module = offers.installed("experiments")[name].module
    experiment = experiments.read(module, f"entry point {name} = {module}")
    if experiment.name != name:
        raise BrokenTableError(
            f"entry point {name} = {module} holds the experiment {experiment.name!r}; use one name"
        )
    return resolve(experiment, Path())


def resolve(experiment: Experiment, folder: Path) -> Experiment:
    """Return a table whose trials name networks without a folder; see `own_names.resolve`."""
    rows = []
    for row in experiment.rows:
        with blame(experiment.name, row.label):
            trials = [own_names.resolve(trial, folder) for trial in row.trials]
        rows.append(replace(row, trial=trials[0], ensemble=tuple(trials[1:])) if trials else row)
    return replace(experiment, rows=tuple(rows))
