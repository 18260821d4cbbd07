"""Tests that need a GPU, for `nox -s gpu`; each file sets `pytestmark = MARKS`."""

import pytest
import torch

MARKS = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU"),
]
