"""Fixtures of tests on a GPU."""

import signal
from collections.abc import Iterator
from types import FrameType

import pytest
import torch

LIMIT_S = 240  # of one test: what hangs on a GPU would hang for ever


@pytest.fixture(autouse=True)
def limited_time() -> Iterator[None]:
    """End a test that hangs."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"no end within {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(LIMIT_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def free_memory() -> Iterator[None]:
    """Give the memory of a test back, for the processes of the next one."""
    yield
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute products of float32 in float32, in this process and in those that it starts."""
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    # `monkeypatch` would restore them by deleting, which these objects do not support.
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = False
    yield
    matmul.allow_tf32, cudnn.allow_tf32 = before
