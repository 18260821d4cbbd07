"""Names that a Python source imports and defines, read without running it."""

import ast
from collections.abc import Iterator


def top_names(text: str) -> list[str]:
    """Return the outermost names that a source imports absolutely, anywhere in it."""
    return sorted({dotted.partition(".")[0] for node in _walk(text) for dotted in _imported(node)})


def defined_names(text: str) -> set[str] | None:
    """Return what the top level of a source binds; None if only running it can tell."""
    tree = _parse(text)
    if tree is None:
        return None
    names: set[str] = set()
    for node in ast.walk(tree):  # a definition below `if` or `try` counts too
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            return None
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def _walk(text: str) -> Iterator[ast.AST]:
    tree = _parse(text)
    return iter(()) if tree is None else ast.walk(tree)


def _parse(text: str) -> ast.Module | None:
    """Return the tree of a source; None if it has none, which its import will say."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield node.module
