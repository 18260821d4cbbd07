"""Import of files by the text that was read, in the place of what lies on disk now."""

import importlib.abc
import importlib.util
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import NamedTuple


class Source(NamedTuple):
    """A file of the user.

    Attributes:
        path: Its absolute path.
        text: What was read.
        package: True for the `__init__.py` of a package.
    """

    path: str
    text: str
    package: bool = False


# ruff: noqa: ARG002 - the methods have the signatures that Python's import calls
class Finder(importlib.abc.MetaPathFinder):
    """Finder of files by the names of their modules."""

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self._sources = sources

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module of the user; None for any other."""
        source = self._sources.get(name)
        if source is None:
            return None
        return importlib.util.spec_from_file_location(
            name,
            source.path,
            loader=_Loader(source),
            submodule_search_locations=[] if source.package else None,
        )


class _Loader(importlib.abc.InspectLoader):
    """Loader of one file; it writes no bytecode and reads none."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def get_source(self, fullname: str) -> str:
        return self._source.text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._source.text, self._source.path)

    def is_package(self, fullname: str) -> bool:
        return self._source.package
