"""The suite for GPUs is whole, marked, and left out of the other tests."""

import re
from importlib import import_module
from pathlib import Path

import pytest
import torch

from tests.gpu import MARKS

ROOT = Path(__file__).parents[1]
FILES = sorted(path.stem for path in (ROOT / "tests" / "gpu").glob("test_*.py"))


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_marked_and_skips_itself_without_a_gpu(name):
    module = import_module(f"tests.gpu.{name}")
    assert module.pytestmark is MARKS
    assert [mark.name for mark in MARKS] == ["gpu", "skipif"]
    assert MARKS[1].args == (not torch.cuda.is_available(),)
    assert any(item.startswith("test_") for item in vars(module))


def test_only_its_own_session_runs_it():
    text = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    sessions = dict(
        re.findall(r"^def (\w+)\(session(.*?)(?=^@|\Z)", text, re.MULTILINE | re.DOTALL)
    )
    assert '"-m", "not chaos and not gpu"' in sessions["tests"]
    assert '"-m", "gpu", "tests/gpu"' in sessions["gpu"]
