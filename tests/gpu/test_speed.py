"""Speed on a GPU: printed everywhere, and with a floor where one is known."""

import os
from dataclasses import replace
from statistics import median

import pytest
import torch

from experiments.recipes import I3D_R50
from experiments.table_b import EXPERIMENT
from harness import trial
from harness.plan import measure_throughput
from harness.training.data_wait import advise
from harness.zoo.build import build
from tests.gpu import MARKS

pytestmark = MARKS
VIDEOS, STEPS = 12, 20
FLOORS = {"H100": 150.0, "H200": 150.0}  # videos/s in bfloat16
DSA = EXPERIMENT.rows[3].trial


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("name", ["DSA", "TSN"])
def test_training_steps_reach_the_floor_of_this_gpu(name, memory_format, capsys):
    spec = {"DSA": DSA, "TSN": I3D_R50}[name]
    net = build(replace(spec.model, weights=None), spec.data).cuda()
    for parameter in net.parameters():
        if parameter.dim() == 5:
            parameter.data = parameter.data.contiguous(memory_format=memory_format)
    batch = measure_throughput.random_batch(spec.data, VIDEOS, torch.device("cuda"))
    times = measure_throughput.time_steps(net, batch, spec, warm_up=5, steps=STEPS)
    speed, card = VIDEOS / median(times), torch.cuda.get_device_name()
    with capsys.disabled():
        print(f"\n{name}, {memory_format}: {speed:.0f} videos/s on {card}")
    floors = [floor for kind, floor in FLOORS.items() if kind in card]
    assert speed >= max(floors, default=0.0)


def test_the_share_of_waiting_of_a_real_loader_is_printed(runtime, tiny_trial, capsys):
    pixels = 112
    spec = replace(
        tiny_trial,
        data=replace(
            tiny_trial.data,
            options={"train_videos": 288, "test_videos": 12, "size_px": pixels},
            crop_px=pixels,
        ),
        train=replace(tiny_trial.train, batch_videos=24, norm_videos=None, precision="bfloat16"),
    )
    workers = max((os.cpu_count() or 2) - 1, 1)
    done = trial.run(spec, replace(runtime, device="cuda", workers=workers), lambda _: None)
    share = done.provenance["waited_share"]
    remedy = advise(share, workers=workers, cores=workers + 1, can_copy=False)
    with capsys.disabled():
        print(f"\nwaits {share:.0%} of its time for data with {workers} workers {remedy}")
    assert 0 <= share < 1
