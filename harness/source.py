"""What the source of this package says, read without running it: importing PyTorch takes seconds.

A plan needs names and defaults of modules that import PyTorch, and nothing else of them.
"""

import ast
from functools import cache
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parent


def constant(module: str, name: str) -> Any:
    """Return the literal that a module of this package assigns to a name, as in `data.desk`."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"{module} assigns nothing to {name}")


def defaults(module: str, function: str) -> dict[str, Any]:
    """Return the defaults of a function's keyword-only arguments."""
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            pairs = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            return {each.arg: ast.literal_eval(value) for each, value in pairs if value}
    raise AssertionError(f"{module} has no function {function}")


@cache
def _tree(module: str) -> ast.Module:
    stem = _ROOT.joinpath(*module.split("."))
    path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))
