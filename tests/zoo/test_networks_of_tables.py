"""Every network of every table trains at desk scale.

One of each backbone with each module is tried by `nox -s tests`, the others by `nox -s chaos`.
"""

import pytest
import torch
import torch.nn.functional as F

import experiments
from experiments.scales import desk
from harness.zoo.build import build

NETWORKS = {
    repr((trial.model, trial.data)): (f"{name} {row.label}", trial)
    for name in experiments.names()
    for row in experiments.load(name).rows
    for trial in map(desk, row.trials)
}
FIRST = {  # of its kind
    (trial.model.backbone, trial.model.module): label
    for label, trial in reversed(NETWORKS.values())
}
TRIALS = [
    pytest.param(trial, id=label, marks=[] if label in FIRST.values() else pytest.mark.chaos)
    for label, trial in NETWORKS.values()
]


@pytest.mark.slow
@pytest.mark.parametrize("trial", TRIALS)
def test_a_step_lowers_the_loss_of_its_own_batch(trial):
    """A wrong layout of the clip, a dead network or an exploding one would not."""
    torch.manual_seed(0)
    data, net = trial.data, build(trial.model, trial.data)
    clips = torch.randn(4, data.num_snippets, 3, data.num_frames, data.crop_px, data.crop_px)
    labels = torch.tensor([0, 1, 2, 3])
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01)
    losses = []
    for _ in range(4):
        loss = F.cross_entropy(net(clips), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
