"""Definitions that a trial runs: the code side of a record's freshness.

Dictionaries of names are left out, and what a trial uses of them is an entry instead: a new
network or data set makes no record stale. `harness.specs` and `harness.runtime` are left out since
they hold values: those of a trial stand in its key, those of a runtime may not change a number.
So are descriptions for the provenance of a record, of the machine and of initial weights.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from harness.data import GENERATED
from harness.provenance.definitions import Definition, Package
from harness.specs import Trial
from harness.utils import own_code
from harness.utils.lookup import check_name
from harness.zoo import BACKBONES, CHECKPOINTS, MODULES

_TRIAL = "harness.trial:run"
_COUNT = "harness.cost.count:count"
_SCORE_GIVEN = "harness.weights.scoring:score_given"
_LEFT_OUT = (
    "harness.specs",
    "harness.specs.fields",
    "harness.specs.parts",
    "harness.specs.rules",
    "harness.specs.trial",
    "harness.runtime",
    "harness.provenance.code",
    "harness.provenance.machine",
    "harness.zoo.initial_weights",
)
_REGISTRIES = ("DATASETS", "GENERATED", "BACKBONES", "MODULES", "CHECKPOINTS")
_ROOT = Path(__file__).resolve().parents[2]


def hashes(trial: Trial) -> Mapping[str, str]:
    """Return the hash of every definition that a trial runs, by its name.

    Raises:
        ValueError: If the trial names what does not exist.
    """
    return _hashes(_entries(trial))


def hashes_of_given(trial: Trial, family: str) -> Mapping[str, str]:
    """Return the hash of every definition that scores given weights of a family, by its name."""
    reader = (CHECKPOINTS[family],) if family in CHECKPOINTS else ()
    return _hashes((_SCORE_GIVEN, *reader, *_generator(trial), *_network(trial)))


def hashes_of_files(
    trial: Trial, modules: Mapping[str, str], files: own_code.Exported
) -> Mapping[str, str]:
    """Return `hashes` of a trial whose network lies in files that are not known here.

    Args:
        trial: Names definitions of the files as `file.py:Definition`.
        modules: File, without its folder, to the name of its module.
        files: They are parsed, and never run.

    Raises:
        ValueError: If the trial names what does not exist.
        SyntaxError: If a file is not Python.
    """
    model, entries = trial.model, [_TRIAL, *_generator(trial)]
    for table, name in ((BACKBONES, model.backbone), (MODULES, model.module)):
        file, _, definition = (name or "").partition(":")
        if file in modules:
            entries.append(f"{modules[file]}:{definition}")
        elif name is not None:
            entries.append(table[check_name(name, table, what="network")])
    return {item.label: item.digest for item in _reach(tuple(entries), files, ())}


def places(trial: Trial) -> Mapping[str, str]:
    """Return the module of every definition that a trial runs.

    Raises:
        ValueError: If the trial names what does not exist.
    """
    return {item.label: item.module for item in _reached(_entries(trial))}


def network_hashes(trial: Trial) -> Mapping[str, str]:
    """Return the hash of every definition that builds and counts the network of a trial.

    Raises:
        ValueError: If the trial names what does not exist.
    """
    return _hashes((_COUNT, *_network(trial)))


def all_hashes() -> Mapping[str, str]:
    """Return the hash of every definition that any trial may run."""
    registered = {place for table in (BACKBONES, MODULES, GENERATED) for place in table.values()}
    return _hashes((_TRIAL, *sorted(registered)))


def _entries(trial: Trial) -> tuple[str, ...]:
    return (_TRIAL, *_generator(trial), *_network(trial))


def _generator(trial: Trial) -> tuple[str, ...]:
    return (GENERATED[trial.data.name],) if trial.data.name in GENERATED else ()


def _network(trial: Trial) -> tuple[str, ...]:
    model = trial.model
    names = {"backbone": model.backbone, "module": model.module}
    tables = {"backbone": BACKBONES, "module": MODULES}
    return tuple(
        tables[what][check_name(name, tables[what], what=what)]
        for what, name in names.items()
        if name is not None
    )


def _hashes(entries: tuple[str, ...]) -> Mapping[str, str]:
    return {item.label: item.digest for item in _reached(entries)}


def _reached(entries: tuple[str, ...]) -> list[Definition]:
    tops = {entry.partition(":")[0].partition(".")[0] for entry in entries} - {"harness"}
    return _reach(entries, own_code.export() if tops else (), own_code.folders(tops))


@cache
def _reach(
    entries: tuple[str, ...], files: own_code.Exported, folders: tuple[tuple[str, Path], ...]
) -> list[Definition]:
    return _package(files, folders).reach(entries)


@cache
def _package(files: own_code.Exported, folders: tuple[tuple[str, Path], ...]) -> Package:
    """Return the sources of the harness, with those of the user."""
    return Package(
        _ROOT,
        "harness",
        left_out=_LEFT_OUT,
        registries=_REGISTRIES,
        others=dict(folders),
        texts={name: (source.text, source.package) for name, source in files},
    )
