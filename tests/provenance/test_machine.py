"""What a record says of the code that ran."""

import subprocess

import pytest
import torch

from harness.provenance import machine
from harness.runtime import Runtime
from harness.utils.instruction_set import AVX2, NAMES


def test_without_git_nothing_is_said_of_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_ROOT", tmp_path)
    assert machine.commit() == {"commit": None, "dirty": None}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.commit() == {"commit": None, "dirty": None}


def test_a_clean_checkout_and_a_changed_one_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_ROOT", tmp_path)
    (tmp_path / "harness").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert machine.commit()["dirty"] is False
    (tmp_path / "harness" / "new.py").touch()
    assert machine.commit()["dirty"] is True


def test_the_commit_of_a_repository_around_an_installed_harness_is_not_its_own(
    tmp_path, monkeypatch
):
    installed = tmp_path / "venv" / "site-packages"
    (installed / "harness").mkdir(parents=True)
    monkeypatch.setattr(machine, "_ROOT", installed)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert machine.commit() == {"commit": None, "dirty": None}


def instruction_set(tmp_path, monkeypatch, limits):
    """Return what a record says of an AVX2 processor, or one with AVX-512 limited for PyTorch."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, limit in limits.items():
        monkeypatch.setenv(name, limit)
    return machine.describe(Runtime(results=tmp_path, data=tmp_path))["instruction_set"]


@pytest.mark.parametrize("limits", [{}, AVX2, dict.fromkeys(NAMES, "")])
def test_the_limits_of_the_harness_are_those_of_a_processor_with_avx2(
    limits, tmp_path, monkeypatch
):
    assert instruction_set(tmp_path, monkeypatch, limits) == "AVX2"


@pytest.mark.parametrize(
    "limits",
    [
        *[{name: limit} for name, limit in AVX2.items()],  # another library is not limited
        *[AVX2 | {name: "SSE41"} for name in NAMES],
        {"DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    ],
    ids=str,
)
def test_other_limits_stand_in_a_record(limits, tmp_path, monkeypatch):
    said = instruction_set(tmp_path, monkeypatch, limits)
    others = limits.items() - AVX2.items() or limits.items()
    assert all(f"{name}={limit}" in said for name, limit in others)
