"""Every Kinetics-400 network on a fake GPU: a tensor that is left on the CPU raises an error.

Nothing is computed; autograd would ask for a real GPU, so backward passes are not covered.
"""

import pytest
import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from experiments.kinetics400 import EXPERIMENT
from experiments.scales import desk
from harness.data import transforms
from harness.training import evaluate
from harness.training.folded_batch_norm import FoldedBatchNorm3d, fold_batch_norms
from harness.training.optim import autocast
from harness.training.trainer import Trainer
from harness.training.view_limit import ViewLimit
from harness.zoo.build import build
from tests.helpers.rank_processes import Batch

LABELS = (
    "DSA+I3D R50, 4 × 8 × 3",
    "DSA+I3D R50, 8 × 8 × 3",
    "V4D+I3D R50, 8 × 10 × 3",
    "TSM R50, 8 × 10 × 3",
    "SlowOnly R50, 8 × 10 × 3",
)
TRIALS = {row.label: row.trial for row in EXPERIMENT.rows if row.label in LABELS}
CUDA = torch.device("cuda")


@pytest.fixture(autouse=True)
def no_fake_constants(monkeypatch):
    """Keep the constants of a fake GPU out of the cache."""
    uncached = transforms._mean_and_deviation.__wrapped__
    monkeypatch.setattr(transforms, "_mean_and_deviation", uncached)
    # Without a GPU autocast would switch itself off.
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)


def bytes_on_gpu(trial, *, snippets, crop_px):
    shape = (2, snippets, trial.data.num_frames, crop_px, crop_px, 3)
    return torch.zeros(shape, dtype=torch.uint8).to(CUDA)


@pytest.mark.slow
@pytest.mark.parametrize("name", LABELS)
def test_a_step_and_scoring_leave_no_tensor_on_the_cpu(name):
    trial = TRIALS[name]
    with FakeTensorMode(allow_non_fake_inputs=True):
        with CUDA:
            net = build(trial.model, trial.data)
        fold_batch_norms(net)
        pictures = bytes_on_gpu(trial, snippets=trial.data.num_snippets, crop_px=64)
        with torch.no_grad(), autocast(trial.train.precision, CUDA):
            logits = net.train()(transforms.normalise(pictures))
        labels = torch.zeros(2, dtype=torch.long, device=CUDA)
        loss = F.cross_entropy(logits.float(), labels)
        hits = (logits.argmax(1) == labels).float().mean()
        assert torch.stack([loss, hits]).device.type == "cuda"
        assert logits.dtype == torch.bfloat16
        snippets = trial.evaluation.pass_snippets or trial.data.num_snippets
        views = transforms.normalise(bytes_on_gpu(trial, snippets=snippets, crop_px=64))
        batch = Batch(views[:, None], labels, torch.arange(2))
        scores = evaluate.score_views(net, batch, trial.train.precision, ViewLimit(views=1))
        assert (scores.shape, scores.device.type) == ((2, 1, trial.data.num_classes), "cuda")


@pytest.fixture
def cudnn():
    """Give the settings of cuDNN back, which `monkeypatch` would delete instead."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    yield torch.backends.cudnn
    torch.backends.cudnn.benchmark = before


@pytest.mark.slow
@pytest.mark.parametrize(("device", "is_tuned"), [("cuda", True), ("cpu", False)])
def test_training_on_a_gpu_folds_batch_norms_and_looks_for_the_fastest_kernels(
    cudnn, device, is_tuned
):
    trial = desk(TRIALS[LABELS[0]])
    with FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device(device):
            net = build(trial.model, trial.data)
        norms = [layer for layer in net.modules() if isinstance(layer, torch.nn.BatchNorm3d)]
        Trainer(net, trial.train, steps=1)
    assert norms
    assert all(isinstance(norm, FoldedBatchNorm3d) == is_tuned for norm in norms)
    assert cudnn.benchmark == is_tuned


def test_a_tensor_on_the_cpu_is_noticed():
    with FakeTensorMode(allow_non_fake_inputs=True), pytest.raises(RuntimeError, match="device"):
        torch.zeros(2, device=CUDA) + torch.zeros(2)
