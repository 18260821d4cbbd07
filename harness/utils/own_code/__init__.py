"""Python files of the user: those that a command or a table names, and those that they import.

A file is read once, and what is read then is what runs and what is hashed, in this process and in
every process that is given `export()`. Nothing else of its folder can be imported: the folder is
not on Python's path. Bytecode that lies beside the file is ignored.
"""

import ast
import importlib.util
import os
import re
import sys
from collections.abc import Collection, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path

from harness.utils.own_code.finder import Finder, Source
from harness.utils.own_code.imports import top_names

Exported = tuple[tuple[str, Source], ...]

_SOURCES: dict[str, Source] = {}
_FINDER = Finder(_SOURCES)


def add(path: Path) -> str:
    """Make a file importable, with the files and packages beside it that it imports.

    Returns:
        The name of its module.

    Raises:
        ValueError: If it is missing, or has the name of another module.
    """
    path = path.expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"{path} is not a file; name one that ends in .py")
    name, found = module_name(path), dict[str, Source]()
    check_name(name, path)
    _collect(name, path, found)
    _install(found)
    return name


def module_name(path: Path) -> str:
    """Return the name of the module of a file: its stem, with _ for what a name cannot hold."""
    name = re.sub(r"\W", "_", path.stem)
    return f"_{name}" if name[:1].isdigit() else name


def sources() -> Mapping[str, Source]:
    """Return the files that were added, by the names of their modules."""
    return _SOURCES


def export() -> Exported:
    """Return what another process needs to import the same files as they were read here."""
    return tuple(sorted(_SOURCES.items()))


def restore(exported: Exported) -> None:
    """Make exactly the files importable that another process exported."""
    if exported != export():
        forget()
        _install(dict(exported))


def folders(tops: Collection[str]) -> tuple[tuple[str, Path], ...]:
    """Return where packages lie that are installed, without importing them.

    Args:
        tops: Outermost names of their modules; files that were added are left out.
    """
    specs = {top: importlib.util.find_spec(top) for top in sorted(set(tops) - set(_SOURCES))}
    return tuple(
        (top, _folder_of(spec))
        for top, spec in specs.items()
        if spec and (spec.origin or spec.submodule_search_locations)
    )


def _folder_of(spec: ModuleSpec) -> Path:
    """Return the folder that holds a module or a package."""
    places = spec.submodule_search_locations
    return Path(next(iter(places)) if places else str(spec.origin)).parent


def forget() -> None:
    """Forget every file; its module is imported anew when it is added again."""
    _unload(_SOURCES)
    _SOURCES.clear()


def check_name(name: str, path: Path, importer: Path | None = None) -> None:
    """Refuse a file whose module would hide another one.

    Raises:
        ValueError: Names both.
    """
    other = _origin(name)
    if other is None or os.path.realpath(other) == str(path):
        return
    where = f"{importer.name} imports {name}, so " if importer else ""
    raise ValueError(
        f"{where}{path} would hide the module {name} of {other}; rename the file or folder"
    )


def _install(found: Mapping[str, Source]) -> None:
    for name, source in found.items():
        known = _SOURCES.get(name, source)
        if known.path != source.path:
            raise ValueError(
                f"{source.path} and {known.path} have the same name; rename one of them"
            )
    if any(_SOURCES.get(name) != source for name, source in found.items()):
        _unload({**_SOURCES, **found})  # one that has not changed may import one that has
        _SOURCES.update(found)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def _unload(names: Mapping[str, Source]) -> None:
    for name in names:
        sys.modules.pop(name, None)


def _collect(name: str, path: Path, found: dict[str, Source], *, package: bool = False) -> None:
    """Read a file, and then what it imports of the files and packages beside it."""
    try:
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    try:
        ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
        said = error.msg if isinstance(error, SyntaxError) else error
        raise ValueError(f"{path} does not load: SyntaxError: {said}{line}") from error
    found[name] = Source(str(path), text, package)
    beside = Path(_top_folder(name, path, package=package))
    for top in top_names(text):
        if top in found or top in sys.stdlib_module_names:
            continue  # Python's own modules are meant, whatever lies there
        if (file := beside / f"{top}.py").is_file():
            check_name(top, file.resolve(), importer=path)
            _collect(top, file.resolve(), found)
        elif (beside / top).is_dir() and any((beside / top).rglob("*.py")):
            check_name(top, beside / top / "__init__.py", importer=path)
            _collect_package(top, beside / top, found)


def _top_folder(name: str, path: Path, *, package: bool) -> Path:
    """Return the folder in which the outermost package of a module lies."""
    return path.parents[name.count(".") + package]


def _collect_package(name: str, folder: Path, found: dict[str, Source]) -> None:
    """Read a package: every module of the folder; one without `__init__.py` too."""
    found[name] = Source("", "", package=True)  # a module of it may import it
    for path in sorted(folder.iterdir()):
        if path.suffix == ".py" and path.stem != "__init__" and path.is_file():
            _collect(f"{name}.{path.stem}", path, found)
        elif path.is_dir() and path.name.isidentifier() and any(path.rglob("*.py")):
            _collect_package(f"{name}.{path.name}", path, found)
    _collect(name, folder / "__init__.py", found, package=True)


def _origin(name: str) -> str | None:
    """Return where Python finds a module without our files; None if nowhere."""
    if name in sys.stdlib_module_names:
        return "Python"
    if name in _SOURCES:
        return None
    loaded = sys.modules.get(name)
    if loaded is not None:
        return str(getattr(loaded, "__file__", None) or name)
    spec = importlib.util.find_spec(name)
    return None if spec is None else str(spec.origin or name)
