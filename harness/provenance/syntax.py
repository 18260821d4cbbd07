"""Syntax trees as text that depends on neither formatting nor the version of Python.

A name is written as what it refers to, a local one as it is. Docstrings are left out.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SCOPES = (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)
_WITHOUT_MEANING = ("ctx", "kind", "type_comment")
_LOCAL = ""

Names = Mapping[str, str]


class Writer:
    """Writer of the definitions of one module.

    Args:
        names: What the top level of the module binds: a name to its full path.
        refer: Returns the text that stands for a full path; nothing for an import to leave out.
        is_path: Whether a string is the path of a definition, `package.module:name`.
    """

    def __init__(
        self, names: Names, *, refer: Callable[[str], str], is_path: Callable[[str], bool]
    ) -> None:
        self._scopes: list[tuple[bool, Names]] = [(False, names)]
        self._refer = refer
        self._is_path = is_path

    def write(self, node: object) -> str:
        """Return a node, or a list of nodes, with all below it."""
        if isinstance(node, list):
            return f"[{' '.join(filter(None, map(self.write, node)))}]"
        if isinstance(node, ast.Constant):
            return self._constant(node.value)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._path(node) or self._fields(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            return ""  # what it binds is written as its full path wherever it is used
        if isinstance(node, _FUNCTIONS):
            return self._function(node)
        if isinstance(node, _COMPREHENSIONS):
            first = node.generators[0].iter  # Python evaluates it in the scope around
            return f"({self.write(first)} {self._inside(node, node)})"
        if isinstance(node, ast.ClassDef):
            return self._inside(node, node)
        return self._fields(node) if isinstance(node, ast.AST) else repr(node)

    def _constant(self, value: object) -> str:
        is_path = isinstance(value, str) and self._is_path(value)
        return self._refer(str(value).replace(":", ".")) if is_path else repr(value)

    def _fields(self, node: ast.AST) -> str:
        """Write a node field by field: Python 3.13 would dump empty ones otherwise than 3.11."""
        parts = [type(node).__name__]
        for name, value in ast.iter_fields(node):
            if value is None or value == [] or name in _WITHOUT_MEANING:
                continue
            is_body = isinstance(node, ast.ClassDef) and name == "body"
            parts.append(f"{name}={self.write(without_docstring(value) if is_body else value)}")
        return f"({' '.join(parts)})"

    def _function(self, node: Any) -> str:
        """Write a function: its signature in the scope around it, its body in its own."""
        signature = [
            [type(node).__name__, getattr(node, "name", "lambda")],
            getattr(node, "decorator_list", []),
            node.args,
            getattr(node, "returns", None),
        ]
        body = without_docstring(node.body) if isinstance(node.body, list) else node.body
        return f"({self.write(signature)} {self._inside(node, body)})"

    def _inside(self, scope: ast.AST, node: object) -> str:
        self._scopes.append((isinstance(scope, ast.ClassDef), _locals(scope)))
        text = self._fields(node) if node is scope else self.write(node)
        self._scopes.pop()
        return text

    def _path(self, node: ast.expr) -> str:
        """Return what a name or a chain of attributes refers to; nothing if that is local."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        root = self._bound(node) if isinstance(node, ast.Name) else _LOCAL
        return self._refer(".".join((root, *names))) if root else ""

    def _bound(self, node: ast.Name) -> str:
        """Look a name up, scope by scope.

        A class hides nothing: functions do not see its names, and `size = size` in its body reads
        the name from around it.
        """
        reads = isinstance(node.ctx, ast.Load)
        for is_class, names in reversed(self._scopes):
            if node.id in names and not (is_class and reads):
                return names[node.id]
        return _LOCAL


def imported(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """Return the names that an absolute import binds, each with its full path."""
    if isinstance(node, ast.ImportFrom):
        return {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    tops = {alias.name: alias.name.partition(".")[0] for alias in node.names}
    return {
        alias.asname or tops[alias.name]: alias.name if alias.asname else tops[alias.name]
        for alias in node.names
    }


def bound(node: ast.AST) -> dict[str, str]:
    """Return the names that a statement binds where it stands: imported ones to their full path."""
    found: dict[str, str] = {}
    for child in same_scope(node):
        name = getattr(child, "name", None)  # of def, class, except … as and match … as
        if isinstance(child, ast.Import | ast.ImportFrom):
            found |= imported(child)
        elif isinstance(child, ast.Name) and not isinstance(child.ctx, ast.Load):
            found[child.id] = _LOCAL
        elif isinstance(name, str) and not isinstance(child, ast.alias):
            found[name] = _LOCAL
    return found


def same_scope(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without entering the functions, classes and comprehensions in it."""
    yield node
    if not isinstance(node, _SCOPES):
        for child in ast.iter_child_nodes(node):
            yield from same_scope(child)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """Leave out the statements that are constants: docstrings."""
    return [statement for statement in body if not is_prose(statement)]


def is_prose(node: ast.AST) -> bool:
    """Return whether a statement is a constant, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _locals(scope: ast.AST) -> dict[str, str]:
    """Return the names that a function, class or comprehension binds."""
    found: dict[str, str] = {}
    if isinstance(scope, _FUNCTIONS):
        found |= {child.arg: _LOCAL for child in ast.walk(scope.args) if isinstance(child, ast.arg)}
    body = getattr(scope, "body", None) or getattr(scope, "generators", [])
    outer: set[str] = set()
    for statement in body if isinstance(body, list) else [body]:
        found |= bound(statement)
        outer |= {name for child in same_scope(statement) for name in _declared_outside(child)}
    return {name: path for name, path in found.items() if name not in outer}


def _declared_outside(node: ast.AST) -> list[str]:
    return node.names if isinstance(node, ast.Global | ast.Nonlocal) else []
