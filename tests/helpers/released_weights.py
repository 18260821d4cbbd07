"""Small files of weights as code bases release them, and the row that they belong to."""

from pathlib import Path

import torch

from experiments.table_a import EXPERIMENT
from harness.specs import Trial
from tests.helpers import golden_cases
from tests.helpers.tiny_trials import shrunk

TABLE = EXPERIMENT
ROW = EXPERIMENT.rows[4]  # DSA in R18
CASE = "dsanet_i3d_r18_res_2"


def tiny_row_trial() -> Trial:
    """Return the trial of the row, tiny: the released names fit it at an eighth of the channels."""
    assert ROW.trial is not None
    return shrunk(ROW.trial)


def released(folder: Path, name: str = "dsanet_r18.pth", **changes: torch.Tensor | None) -> Path:
    """Write a released-style checkpoint, with some tensors changed, or dropped where None."""
    path = folder / name
    state = golden_cases.thin(CASE, **changes)
    torch.save({"state_dict": {f"module.{n}": w for n, w in state.items()}, "epoch": 90}, path)
    return path
