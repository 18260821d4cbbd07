"""Networks and modules of the user, by the names that a table gives them.

`my_gate.py:Gate` is a definition of a file, `package.module:Gate` one of an installed package, and
a plain name that the harness lacks an entry point of such a package. Only what a table names here
can be imported: the name in a record of somebody else leads nowhere.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import experiments
from harness.specs import NAME, Trial
from harness.tables import own_datasets
from harness.tables.offers import check_defined, installed
from harness.utils import own_code
from harness.utils.lookup import check_name
from harness.zoo import BACKBONES, MODULES

_FILE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_]\w*)", re.ASCII)
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.py")  # as records hold it
_PACKAGED = re.compile(
    r"(?P<module>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)", re.ASCII
)
_MAX_LETTERS = 200  # of a name in a record
_REGISTRIES = {"backbone": BACKBONES, "module": MODULES}
_LIBRARIES = ("harness", "experiments", "torch", "torchvision", "numpy")
_ADDED: set[tuple[str, str]] = set()


def resolve(trial: Trial, folder: Path) -> Trial:
    """Make the network of a trial known, and return the trial with names that tell no folder.

    Args:
        trial: Of a table.
        folder: Where relative files are looked up: that of the table's file.

    Raises:
        ValueError: If a name is unknown, or its file or package is missing or lacks it.
    """
    names: dict[str, Any] = {
        what: _resolve(name, what, folder) for what, name in _names(trial).items()
    }
    data = trial.data
    if data.name.endswith(".py"):
        data = replace(data, name=own_datasets.name_of(data.name))
    return replace(trial, data=data, model=replace(trial.model, **names))


def _names(trial: Trial) -> dict[str, str]:
    """Return the names of the backbone and the module, if there is one."""
    names = {what: getattr(trial.model, what) for what in _REGISTRIES}
    return {what: name for what, name in names.items() if name is not None}


def enable(trial: Trial, exported: own_code.Exported) -> None:
    """Make the network of a trial known in a process that the driver of a run has started.

    Args:
        trial: As `resolve` returned it.
        exported: The files of the driver.
    """
    own_code.restore(exported)
    modules = {Path(source.path).name: module for module, source in exported}
    for what, name in _names(trial).items():
        if match := _FILE.fullmatch(name):
            if match["file"] not in modules:
                raise ValueError(f"{name}: the run that started this trial did not read the file")
            _add(what, name, f"{modules[match['file']]}:{match['name']}")
        else:
            _resolve(name, what, Path())


def has_own(trial: Trial) -> bool:
    """Return whether the network of a trial uses a definition of the user."""
    return bool(own(_names(trial)))


def own(model: Mapping[str, Any]) -> list[str]:
    """Return the names in a model, as trials or records hold it, that are none of the harness."""
    names = {what: model.get(what) for what in _REGISTRIES}
    return [str(name) for what, name in names.items() if name and name not in _ours(what)]


def unknown(model: Mapping[str, Any]) -> list[str]:
    """Return the names in a model, as trials or records hold it, that no table has made known."""
    return [name for name in own(model) if not any(name in known for known in _REGISTRIES.values())]


def file_of(name: str) -> str | None:
    """Return the file that a name leads to, without its folder; None if it leads to none."""
    match = _FILE.fullmatch(name)
    return match["file"] if match else None


def clashes() -> Iterator[str]:
    """Yield a sentence on every name of an installed package that is ours already."""
    ours = {f"{what}s": _ours(what) for what in _REGISTRIES}
    for kind, names in {**ours, "experiments": experiments.names()}.items():
        for name in sorted(set(installed(kind)) & set(names)):
            yield f"entry point {name} of dsanet_harness.{kind}: the harness has this name itself"


def forget() -> None:
    """Forget every name that is not ours, and every file of the user."""
    own_code.forget()
    own_datasets.forget()
    installed.cache_clear()
    for what, name in _ADDED:
        _REGISTRIES[what].pop(name, None)
    _ADDED.clear()


def _resolve(name: str, what: str, folder: Path) -> str:
    if name in _ours(what):
        return name
    if match := _FILE.fullmatch(name):
        short, place = _in_file(match["file"], match["name"], folder)
    elif match := _PACKAGED.fullmatch(name):
        short, place = name, _in_package(match["module"], match["name"])
    else:
        offered = {
            entry: value for entry, value in installed(f"{what}s").items() if NAME.fullmatch(entry)
        }
        check_name(name, {*_ours(what), *offered}, what=what)
        match = _PACKAGED.fullmatch(offered[name].value)
        if match is None:
            raise ValueError(f"entry point {name} = {offered[name].value!r} names no definition")
        short, place = name, _in_package(match["module"], match["name"])
    if len(short) > _MAX_LETTERS:
        raise ValueError(
            f"{short!r} has {len(short)} letters, and a record may have {_MAX_LETTERS}"
        )
    _add(what, short, place)
    return short


def _ours(what: str) -> set[str]:
    """Return the names of the harness itself."""
    return {name for name in _REGISTRIES[what] if (what, name) not in _ADDED}


def _add(what: str, name: str, place: str) -> None:
    _REGISTRIES[what][name] = place
    _ADDED.add((what, name))


def _in_file(file: str, name: str, folder: Path) -> tuple[str, str]:
    """Return the name of a definition without its folder, and its import path."""
    base = Path(file).name
    if not _FILE_NAME.fullmatch(base):
        raise ValueError(f"{base!r} cannot stand in a record; name the file with A-Z, 0-9, _ and -")
    module = own_code.add(folder / Path(file).expanduser())
    check_defined(own_code.sources()[module].text, name, base)
    return f"{base}:{name}", f"{module}:{name}"


def _in_package(module: str, name: str) -> str:
    top = module.partition(".")[0]
    if top in _LIBRARIES:
        raise ValueError(
            f"{module}:{name} belongs to a library; import it in a file of your own, and name that"
        )
    folders = dict(own_code.folders([top]))
    stem = folders[top].joinpath(*module.split(".")) if top in folders else None
    files = (stem.with_suffix(".py"), stem / "__init__.py") if stem else ()
    path = next((path for path in files if path.is_file()), None)
    if path is None:
        raise ValueError(
            f"{module} has no Python source here; install its package, or name a file: "
            f"{module.rpartition('.')[2]}.py:{name}"
        )
    check_defined(path.read_text(encoding="utf-8"), name, module)
    return f"{module}:{name}"
