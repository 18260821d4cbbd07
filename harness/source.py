"""What the source of this package says, read without running it: importing PyTorch takes seconds.

A plan needs names, defaults and code hashes of modules that import PyTorch, and nothing else of
them.
"""

import ast
from functools import cache
from pathlib import Path
from typing import Any

from harness.data import generator
from harness.names import place
from harness.runtime import code_hashes
from harness.specs import Trial

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


def code(trial: Trial) -> dict[str, str]:
    """Return what `harness.trial.code` returns.

    Raises:
        ValueError: If the trial names what does not exist.
    """
    return dict(_hashes("harness.trial", (*generator(trial.data.name), *network(trial))))


def network_code(trial: Trial) -> dict[str, str]:
    """Hash the modules that build and count the network of a trial."""
    return dict(_hashes("harness.cost", network(trial)))


def network(trial: Trial) -> tuple[str, ...]:
    """Return the modules that the network of a trial is named after."""
    model = trial.model
    backbone = place(constant("zoo", "BACKBONES"), model.backbone, what="backbone")
    if model.module is None:
        return (backbone,)
    return backbone, place(constant("zoo", "MODULES"), model.module, what="module")


@cache
def _hashes(entry: str, registered: tuple[str, ...]) -> dict[str, str]:
    return code_hashes(entry, registered=registered)


@cache
def _tree(module: str) -> ast.Module:
    stem = _ROOT.joinpath(*module.split("."))
    path = stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))
