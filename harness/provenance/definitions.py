"""Definitions that code reaches in a package, hashed by their syntax trees, wherever they stand.

A definition is a function, class or constant at the top level of a module. The hash of one covers
its syntax tree without docstrings, with every name written as what it refers to. So neither moving
a definition to another file nor importing it in another way changes a hash.
"""

import ast
import hashlib
import re
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from harness.provenance.syntax import Writer, bound, is_prose, same_scope

TOP_LEVEL = "top level"  # statements of a module that do something and define nothing
_WHOLE = "*"  # of a module: all that it defines
_DIGITS = 16
_MARK = re.compile("\0([^\0]+):([^\0]+)\0")


@dataclass(frozen=True)
class Definition:
    """A definition that was reached.

    Attributes:
        label: Its name; `name#2` for the second one of that name.
        module: Where it stands.
        digest: Hash of its syntax tree.
    """

    label: str
    module: str
    digest: str


@dataclass(frozen=True)
class _Target:
    module: str
    name: str

    @property
    def mark(self) -> str:
        return f"\0{self.module}:{self.name}\0"


@dataclass
class _Module:
    """The top level of a module: its definitions and imports."""

    name: str
    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        return self.imports | {name: f"{self.name}.{name}" for name in self.definitions}


class Package:
    """Python sources, read without running them: a package, and what users add to it.

    Args:
        root: Folder that holds the package's folder.
        name: Of the package.
        left_out: Modules whose definitions are neither hashed nor followed.
        registries: Names of constants that are neither hashed nor followed.
        others: Further packages or files, by name, with the folder that holds each.
        texts: Sources that were read already, by the names of their modules; each with whether it
            is a package.
    """

    def __init__(
        self,
        root: Path,
        name: str,
        *,
        left_out: Collection[str] = (),
        registries: Collection[str] = (),
        others: Mapping[str, Path] = MappingProxyType({}),
        texts: Mapping[str, tuple[str, bool]] = MappingProxyType({}),
    ) -> None:
        self._roots = {**others, name: root}
        self._texts = texts
        self._tops = {module.partition(".")[0] for module in texts} | set(self._roots)
        self._left_out = left_out
        self._registries = registries
        self._source = cache(self._find)
        self._module = cache(self._parse)
        self._text = cache(self._write)

    def reach(self, entries: Iterable[str]) -> list[Definition]:
        """Hash every definition that some entries reach, in the order in which they are met.

        What is reached by the name of its module alone, in a string or as a value, is all that
        the module defines.

        Args:
            entries: `package.module:definition` each, or `package.module`.
        """
        texts: dict[_Target, str] = {}
        waiting = deque(self._locate(entry.replace(":", "."))[0] for entry in entries)
        while waiting:
            target = waiting.popleft()
            if target in texts or self._is_left_out(target):
                continue
            if target.name == _WHOLE:
                waiting += [_Target(target.module, name) for name in self._defined(target.module)]
                continue
            texts[target] = self._text(target)
            waiting += [_Target(*mark) for mark in _MARK.findall(texts[target])]
            if TOP_LEVEL in self._defined(target.module):
                waiting.append(_Target(target.module, TOP_LEVEL))
        labels = _labels(texts)

        def label(mark: re.Match[str]) -> str:
            return labels.get(_Target(mark[1], mark[2]), mark[2])

        return [
            Definition(labels[target], target.module, _digest(_MARK.sub(label, text)))
            for target, text in texts.items()
        ]

    def _is_left_out(self, target: _Target) -> bool:
        return target.module in self._left_out or target.name in self._registries

    def _defined(self, module: str) -> dict[str, list[ast.stmt]]:
        return self._module(module).definitions

    def _find(self, module: str) -> tuple[str, bool] | None:
        """Return the source of a module, and whether it is a package's; None outside of these."""
        if module in self._texts:
            return self._texts[module]
        parts = module.split(".")
        if parts[0] not in self._roots:
            return None
        stem = self._roots[parts[0]].joinpath(*parts)
        files = (stem.with_suffix(".py"), stem / "__init__.py")
        path = next((path for path in files if path.is_file()), None)
        if path is None:
            return None
        return path.read_text(encoding="utf-8"), path.name == "__init__.py"

    def _parse(self, module: str) -> _Module:
        found = self._source(module)
        assert found is not None, module
        parsed = _Module(module)
        text, is_package = found
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                _make_absolute(node, module if is_package else module.rpartition(".")[0])
        for statement in tree.body:
            _bind(statement, parsed)
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
                source = str(node.module)
                parsed.imports |= self._module(source).names if self._source(source) else {}
        return parsed

    def _write(self, target: _Target) -> str:
        module = self._module(target.module)
        writer = Writer(module.names, refer=self._refer, is_path=self._is_path)
        return "\n".join(writer.write(node) for node in module.definitions[target.name])

    def _refer(self, dotted: str) -> str:
        """Return a full path as it is written: a mark for what is ours, anything else as it is."""
        if not self._module_length(dotted.split(".")):
            return dotted
        target, rest = self._locate(dotted)
        return f"{target.mark}.{rest}" if rest else target.mark

    def _is_path(self, text: str) -> bool:
        module, _, name = text.partition(":")
        return ("." in module or bool(name)) and self._source(module) is not None

    def _locate(self, dotted: str) -> tuple[_Target, str]:
        """Return the definition that a full path leads to, and what is taken from it."""
        parts = dotted.split(".")
        size = self._module_length(parts)
        if not size:
            raise ValueError(f"{dotted} has no Python source here, so its code cannot be recorded")
        module, rest = self._module(".".join(parts[:size])), parts[size:]
        if rest and rest[0] in module.definitions:
            return _Target(module.name, rest[0]), ".".join(rest[1:])
        source = module.imports.get(rest[0], "") if rest else ""
        if self._module_length(source.split(".")):
            return self._locate(".".join((source, *rest[1:])))
        return _Target(module.name, _WHOLE), ".".join(rest)

    def _module_length(self, parts: list[str]) -> int:
        """Return how many parts of a full path name a module of ours; 0 for any other path."""
        sizes = range(len(parts), 0, -1) if parts[0] in self._tops else ()
        return next((n for n in sizes if self._source(".".join(parts[:n])) is not None), 0)


def _make_absolute(node: ast.ImportFrom, package: str) -> None:
    """Give a relative import the full path of what it imports from."""
    if node.level:
        above = package.split(".")[: package.count(".") + 2 - node.level]
        node.module = ".".join((*above, node.module) if node.module else above)
        node.level = 0


def _labels(targets: Iterable[_Target]) -> dict[_Target, str]:
    counts: Counter[str] = Counter()
    labels = {}
    for target in targets:
        counts[target.name] += 1
        number = counts[target.name]
        labels[target] = target.name if number == 1 else f"{target.name}#{number}"
    return labels


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _bind(statement: ast.stmt, module: _Module) -> None:
    """Note what a top-level statement defines, imports and does."""
    if is_prose(statement) or _is_main_guard(statement):
        return
    names = bound(statement)
    module.imports |= {name: path for name, path in names.items() if path}
    defined = [name for name, path in names.items() if not path]
    for name in [*defined, TOP_LEVEL] if _acts(statement) else defined:
        module.definitions.setdefault(name, []).append(statement)


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and "__main__" in ast.unparse(statement.test)


def _acts(statement: ast.stmt) -> bool:
    """Return whether a statement does more than define or import."""
    changes = (ast.Attribute, ast.Subscript)
    return any(
        (isinstance(node, ast.Expr) and not is_prose(node))
        or (isinstance(node, changes) and not isinstance(node.ctx, ast.Load))
        for node in same_scope(statement)
    )
