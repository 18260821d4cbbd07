import subprocess
import sys

import pytest
import torch
from torch import nn

from experiments.recipes import I3D_R50, TSN_R50, with_module
from experiments.table_b import EXPERIMENT
from harness import cost, report

DSA_RES5 = {"blocks": {"res5": (1,)}, "alpha": 2, "beta": 1.0}
FINAL = {"blocks": {"res3": (1, 3), "res4": (1, 3, 5)}, "alpha": 2, "beta": 1 / 8}
# Measured with fvcore 0.1.5 in evaluation mode on the same networks.
EXPECTED = {
    "TSN+I3D": (I3D_R50, 32_044_296, 83_837_304_832),
    "2D TSN": (TSN_R50, 23_917_832, 65_751_465_984),
    "DSA at II": (with_module(I3D_R50, "dsa", **DSA_RES5), 32_044_368, 83_838_545_920),
    "DSA, final setting": (with_module(I3D_R50, "dsa", **FINAL), 32_044_656, 83_839_421_440),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_counts_meet_the_reference_to_the_last_digit(name):
    trial, params, macs = EXPECTED[name]
    counted = cost.count(trial)
    assert (counted.params, counted.macs, counted.counting_rule) == (params, macs, "mac+2bn")


def test_the_rule_without_batch_norm_differs_by_its_term():
    with_bn, without = (cost.count(I3D_R50, rule=rule).macs for rule in ("mac+2bn", "mac"))
    assert with_bn - without == 355_647_488


def test_alpha_and_position_cost_what_the_closed_form_says():
    plain = cost.count(I3D_R50)
    for alpha in (1, 2, 4, 8):
        for position, channels in {"before_conv1": 2048, "after_conv1": 512}.items():
            options = DSA_RES5 | {"alpha": alpha, "position": position}
            counted = cost.count(with_module(I3D_R50, "dsa", **options))
            assert counted.params - plain.params == 36 * alpha
            assert counted.macs - plain.macs == channels * (36 * alpha + 12 * 4 * 7 * 7)


FVCORE = """
import torch
from dataclasses import replace
from fvcore.nn import FlopCountAnalysis
from experiments.recipes import I3D_R50
from harness import cost, zoo
trial = replace(I3D_R50, data=replace(I3D_R50.data, crop_px=64, num_frames=2))
net = zoo.build(trial.model, trial.data).eval()
print(int(FlopCountAnalysis(net, torch.zeros(1, 4, 3, 2, 64, 64)).total()), cost.count(trial).macs)
"""


@pytest.mark.slow
def test_fvcore_agrees_on_a_plain_network():
    done = subprocess.run([sys.executable, "-c", FVCORE], capture_output=True, check=True)
    theirs, ours = done.stdout.split()
    assert theirs == ours


def test_a_layer_without_a_rule_is_refused():
    net = nn.Sequential(nn.GroupNorm(1, 3))
    with pytest.raises(TypeError, match="GroupNorm"):
        cost.count_net(net, torch.zeros(1, 3, 4), num_classes=1)


def test_the_cost_of_a_table_names_rule_and_print():
    rows = report.costs(EXPERIMENT)
    assert [row["row"] for row in rows] == [row.label for row in EXPERIMENT.rows]
    assert all(
        {"table", "row", "params", "gmacs", "counting_rule", "printed"} <= set(r) for r in rows
    )
    assert rows[1]["gmacs"] == pytest.approx(83.837, abs=5e-4)
