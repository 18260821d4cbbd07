"""What the processor does while a GPU computes: it never waits for the step that it launched."""

from collections import Counter
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from experiments.kinetics400 import EXPERIMENT
from experiments.scales import desk
from harness import trial as trials
from harness.data import transforms
from harness.training import late_result
from harness.training.partial_epoch import PartialEpoch
from harness.training.trainer import Trainer
from harness.zoo.build import build
from tests.helpers.rank_processes import Batch

TRIAL = desk(next(row.trial for row in EXPERIMENT.rows if row.label.startswith("DSA")))
ROWS = {row.label: row.trial for row in EXPERIMENT.rows if row.trial is not None}
NETWORKS = ("DSA+I3D R50, 4 × 8 × 3", "V4D+I3D R50, 8 × 10 × 3", "TSM R50, 8 × 10 × 3")
STEPS = 3


class HostSyncs(TorchDispatchMode):
    """Counts the operations for which a GPU would stop: numbers read, and constants copied."""

    STOPS = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "lift_fresh")

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        masks = name == "index" and any(t is not None and t.dtype is torch.bool for t in args[1])
        if name in self.STOPS or masks:
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


def batches():
    shape = (4, 4, 4, 16, 16, 3)
    for _ in range(STEPS):
        pictures = torch.randint(255, shape, dtype=torch.uint8)
        yield Batch(
            transforms.normalise(pictures)[:, None],
            torch.randint(12, (4,)),
            torch.arange(4),
        )


def trainer():
    return Trainer(build(TRIAL.model, TRIAL.data), TRIAL.train, steps=STEPS)


def test_the_counter_sees_what_stops_a_gpu():
    with HostSyncs() as syncs:
        x = torch.randn(4)
        x.sum().item()
        bool(x[0] > 0)
        x[x > 0].sum()
        torch.tensor([1.0, 2.0])
    assert syncs.counts == {"_local_scalar_dense": 2, "index": 1, "lift_fresh": 1}


def test_no_step_of_training_stops_for_a_gpu():
    transforms.normalise(torch.zeros(1, 1, 1, 2, 2, 3, dtype=torch.uint8))  # its constants
    model = trainer()
    with HostSyncs() as syncs:
        model.epoch(PartialEpoch(0), batches())
    assert syncs.counts == {}


@pytest.mark.parametrize("row", NETWORKS)
def test_no_network_reads_numbers_or_copies_constants_in_a_step(row):
    """Nothing runs on the meta device, and whoever asks it for a number gets an error."""
    net, clip = trials.on_meta(ROWS[row])
    with HostSyncs() as syncs:
        net.train()(torch.cat([clip, clip])).sum().backward()
    assert syncs.counts == {}


def test_the_loss_of_a_step_is_read_after_the_next_step_was_launched(monkeypatch):
    order = []
    model, read = trainer(), late_result.LateResult.read

    def noted_batches():
        for step, batch in enumerate(batches()):
            order.append(f"batch {step}")
            yield batch

    def noted_read(result):
        order.append("read")
        return read(result)

    update = model._update
    monkeypatch.setattr(model, "_update", lambda lr: (order.append("launched"), update(lr)))
    monkeypatch.setattr(late_result.LateResult, "read", noted_read)
    model.epoch(PartialEpoch(0), noted_batches())
    step = ["batch 1", "launched", "read"]
    assert order == ["batch 0", "launched", *step, "batch 2", *step[1:], "read"]


class Event:
    """A fake of `torch.cuda.Event`."""

    log: ClassVar[list[tuple[str, object]]] = []

    def record(self, stream):
        self.log.append(("record", stream))

    def synchronize(self):
        self.log.append(("wait", None))


class OnGpu(torch.Tensor):
    """A tensor that says it is on a GPU, and how it was asked to come back."""

    is_cuda = True

    def to(self, *args, **named):
        Event.log.append(("copy", (*args, named)))
        return torch.Tensor(self)


def test_reading_waits_for_the_copy_of_its_own_numbers_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: "compute")
    monkeypatch.setattr(Event, "log", [])
    late = late_result.LateResult(torch.tensor([1.0, 0.5]).as_subclass(OnGpu))
    assert Event.log == [("copy", ("cpu", {"non_blocking": True})), ("record", "compute")]
    assert late.read() == [1.0, 0.5]
    assert Event.log[2:] == [("wait", None)]


def test_cudnn_looks_for_the_fastest_kernels_on_a_gpu_alone():
    trainer()
    assert not torch.backends.cudnn.benchmark


def test_training_may_run_what_the_compiler_made_and_keeps_its_names(monkeypatch):
    compiled = []

    def compile_net(net, **options):
        compiled.append(options)
        wrapper = nn.Sequential(net)
        wrapper.register_forward_pre_hook(lambda *_: compiled.append("forward"))
        return wrapper

    monkeypatch.setattr(torch, "compile", compile_net)
    net = build(TRIAL.model, TRIAL.data)
    names = list(net.state_dict())
    model = Trainer(net, TRIAL.train, steps=STEPS, is_compiled=True)
    model.epoch(PartialEpoch(0), batches())
    assert compiled[0] == {"dynamic": False}
    assert compiled.count("forward") >= STEPS
    assert list(model.state()["net"]) == names
    net.eval()(next(batches()).clips[:, 0])  # scoring is not compiled
    assert compiled[-1] == "forward"
    assert compiled.count("forward") == STEPS * (4 // model._chunk_videos(4))
