"""Words of verdicts: those of the judges, of the page's legend, and of the documentation."""

import ast
from pathlib import Path

import pytest

from harness.report.page import legend
from harness.stats.claim_verdict import TREND_SHAPES

ROOT = Path(__file__).parents[2]
GIVEN = ROOT / "harness" / "stats" / "given_verdict.py"  # of a command, not of the page
JUDGES = (
    *(path for path in (ROOT / "harness" / "stats").glob("*.py") if path != GIVEN),
    *(ROOT / "harness" / "report").glob("*.py"),
    ROOT / "harness" / "plan" / "comparisons.py",
)
NAMES = ("word", "found", "shape")


def words_of(path):
    """Return the texts that a file gives to a verdict as its word."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "word":
            yield from _texts(node.value)
        elif isinstance(node, ast.Assign):
            for target, value in _pairs(node.targets[0], node.value):
                if isinstance(target, ast.Name) and target.id in NAMES:
                    yield from _texts(value)
        elif isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") in NAMES:
            yield from _texts(node.annotation)
        elif isinstance(node, ast.FunctionDef) and node.name.endswith("_word"):
            for statement in ast.walk(node):
                if isinstance(statement, ast.Return):
                    yield from _texts(statement.value)


def _pairs(target, value):
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def _texts(node):
    """Return the texts that an expression may have; of a formatted one, its beginning."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        if isinstance(node.values[0], ast.Constant):
            yield node.values[0].value
    elif isinstance(node, ast.IfExp):
        yield from (*_texts(node.body), *_texts(node.orelse))
    elif isinstance(node, ast.Subscript):
        yield from (text for part in ast.walk(node.slice) for text in _texts_of_constant(part))


def _texts_of_constant(node):
    return [node.value] if isinstance(node, ast.Constant) else []


def test_every_word_that_a_judge_produces_is_explained_and_no_other():
    found = {legend.stem(word).strip() for path in JUDGES for word in words_of(path)}
    shapes = {legend.stem(shape) for shape in TREND_SHAPES.values() if shape != "peak"}
    assert found | shapes == set(legend.WORDS)


@pytest.mark.parametrize("word", legend.WORDS)
def test_every_word_is_documented(word):
    text = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")
    assert word.replace("±", "± x").replace("peak at", "peak at** a row") in text
