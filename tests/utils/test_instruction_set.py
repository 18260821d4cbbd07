"""Processors with AVX2 and with AVX-512 compute alike."""

import os
import subprocess
import sys

import pytest

from harness.utils import instruction_set
from harness.utils.instruction_set import AVX2, NAMES

WIDE = "processor\t: 0\nflags\t\t: fpu avx avx2 avx512f avx512bw\n"
NARROW = "processor\t: 0\nflags\t\t: fpu avx avx2\n"


def limits_after(text, tmp_path, monkeypatch, **chosen):
    path = tmp_path / "cpuinfo"
    if text is not None:
        path.write_text(text)
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    instruction_set.prefer_avx2(path)
    return {name: os.environ[name] for name in NAMES if name in os.environ}


@pytest.mark.parametrize(("text", "limits"), [(WIDE, AVX2), (NARROW, {}), ("", {}), (None, {})])
def test_only_a_processor_with_avx_512_is_limited(text, limits, tmp_path, monkeypatch):
    assert limits_after(text, tmp_path, monkeypatch) == limits


@pytest.mark.parametrize(
    "chosen",
    [
        {"ATEN_CPU_CAPABILITY": "avx512"},
        {"ONEDNN_MAX_CPU_ISA": "ALL"},
        {"DNNL_MAX_CPU_ISA": "SSE41"},  # the former name, which oneDNN reads as well
    ],
)
def test_a_limit_of_the_user_stays_alone(chosen, tmp_path, monkeypatch):
    assert limits_after(WIDE, tmp_path, monkeypatch, **chosen) == chosen


def test_an_empty_variable_is_no_limit_of_the_user(tmp_path, monkeypatch):
    chosen = dict.fromkeys(AVX2, "")
    assert limits_after(WIDE, tmp_path, monkeypatch, **chosen) == AVX2


@pytest.mark.slow
def test_pytorch_never_runs_avx_512_by_default():
    environment = {name: value for name, value in os.environ.items() if name not in NAMES}
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import harness, torch; print(torch.backends.cpu.get_cpu_capability())",
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert said != "AVX512"
