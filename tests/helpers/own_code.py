"""A user's own module and table, in a folder outside the repository."""

from pathlib import Path

LAYERS = "SCALE = 1.0\n"
GATE = '''
"""A gated shift of channels from the next snippet."""

import torch
from torch import nn

from my_layers import SCALE

SHARE = 1 / 4


class Gate(nn.Module):
    mixes_snippets = True

    def __init__(self, channels, *, num_snippets, share=SHARE):
        super().__init__()
        self.shifted = int(channels * share)
        self.mix = nn.Conv3d(channels, channels, 1, groups=channels)

    def forward(self, x, num_snippets):
        y = x.unflatten(0, (-1, num_snippets))
        later = torch.roll(y[:, :, : self.shifted], -1, dims=1) * SCALE
        return self.mix(torch.cat([later, y[:, :, self.shifted :]], dim=2).flatten(0, 1))
'''
TABLE = """
from experiments.recipes import I3D_R50, with_module
from harness.experiment import Claim, Experiment, Row

EXPERIMENT = Experiment(
    name="my_table",
    title="Gated shift",
    caption="my setting",
    rows=(
        Row(label="plain", trial=I3D_R50),
        Row(label="gate", trial=with_module(I3D_R50, "{module}", blocks={{"res5": (1,)}})),
    ),
    claims=(Claim(text="gate is better", kind="better", rows=("gate", "plain")),),
)
"""


def write(folder: Path, *, module: str = "my_gate.py:Gate", gate: str = GATE) -> Path:
    """Write a table, its module and what that imports; return the table's file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my_layers.py").write_text(LAYERS)
    (folder / "my_gate.py").write_text(gate)
    table = folder / "my_table.py"
    table.write_text(TABLE.format(module=module))
    return table
