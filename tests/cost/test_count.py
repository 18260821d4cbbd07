"""Parameters and multiply-adds, against every figure of the ablation tables."""

import csv
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from experiments.recipes import I3D_R50, TSN_R50, with_module
from experiments.table_b import EXPERIMENT
from harness.cost.count import count, count_net
from harness.cost.rows import listing
from harness.zoo.build import build

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
    counted = count(trial)
    assert (counted.params, counted.macs, counted.counting_rule) == (params, macs, "mac+2bn")


@pytest.mark.slow
def test_the_rule_without_batch_norm_differs_by_its_term():
    with_bn, without = (count(I3D_R50, rule=rule).macs for rule in ("mac+2bn", "mac"))
    assert with_bn - without == 355_647_488


@pytest.mark.slow
def test_alpha_and_position_cost_what_the_closed_form_says():
    plain = count(I3D_R50)
    for alpha in (1, 2, 4, 8):
        for position, channels in {"before_conv1": 2048, "after_conv1": 512}.items():
            options = DSA_RES5 | {"alpha": alpha, "position": position}
            counted = count(with_module(I3D_R50, "dsa", **options))
            assert counted.params - plain.params == 36 * alpha
            assert counted.macs - plain.macs == channels * (36 * alpha + 12 * 4 * 7 * 7)


def on(backbone):
    return replace(I3D_R50, model=replace(I3D_R50.model, backbone=backbone))


def seen(trial, **data):
    """Return the trial with another head or input."""
    return replace(trial, data=replace(trial.data, **data))


I3D_R18, TSM_R50 = on("i3d_resnet18"), on("tsm_resnet50")
R18_PLACES = {"res3": (1,), "res4": (1,)}
V4D_R18 = {"blocks": R18_PLACES, "position": "after_block"}
V4D_R50 = {"blocks": {"res3": (1, 3)}, "position": "after_block"}
ROWS = {
    "I3D R18": I3D_R18,
    "DSA R18": with_module(I3D_R18, "dsa", blocks=R18_PLACES, alpha=2, beta=1 / 8),
    "SE R18": with_module(I3D_R18, "se", blocks=R18_PLACES),
    "V4D R18": with_module(I3D_R18, "v4d", **V4D_R18),
    "V4D R18, norm": with_module(I3D_R18, "v4d", norm=True, **V4D_R18),
    # A 4D convolution that sees one snippet has the weights of the extra 3D convolution.
    "R18++": with_module(
        I3D_R18, "v4d", **V4D_R18 | {"blocks": {"res4": (1,)}}, kernel=(1, 3, 3, 3)
    ),
    "I3D R50": I3D_R50,
    "DSA R50": with_module(I3D_R50, "dsa", **FINAL),
    "SE R50": with_module(I3D_R50, "se", blocks=FINAL["blocks"]),
    "V4D R50": with_module(I3D_R50, "v4d", **V4D_R50),
    "V4D R50, norm": with_module(I3D_R50, "v4d", norm=True, **V4D_R50),
    "V4D R50, five": with_module(I3D_R50, "v4d", **V4D_R50 | {"blocks": FINAL["blocks"]}),
    "TSM R50": TSM_R50,
}
K400 = {"num_classes": 400}
ONE_T4, ONE_T8, ONE_T16 = ({"num_snippets": 1, "num_frames": frames} for frames in (4, 8, 16))


def line(*names, times=1.0, bn_ops=2, rounded=False, frames=(4,), **data):
    """Say what a line of the file adds up: networks, their input, passes x crops, the rule."""
    trials = [seen(ROWS[name], **{"num_frames": t} | data) for name in names for t in frames]
    return trials, times, bn_ops, rounded


# The lines of the file, in its order.
FIGURES = [
    line("I3D R18", num_classes=1000, **ONE_T4),
    line("I3D R18", num_classes=1000, **ONE_T16),
    line("I3D R18", num_classes=1000),
    line("I3D R18"),
    line("I3D R18", **K400),
    line("DSA R18", num_classes=1000),
    line("DSA R18"),
    line("V4D R18", num_classes=1000),
    line("V4D R18, norm", num_classes=1000),
    line("V4D R18"),
    line("R18++", num_classes=1000, **ONE_T16),
    line("I3D R18", **ONE_T16),
    line("I3D R18", **ONE_T16, bn_ops=4),
    line("V4D R18"),
    line("V4D R18", bn_ops=4),
    line("I3D R50"),
    line("I3D R50", **K400),
    line("I3D R50", **K400, bn_ops=0),
    line("I3D R50", **K400, bn_ops=5),  # what fvcore counts in training mode
    line("DSA R50"),
    line("DSA R50", **K400),
    line("V4D R50"),
    line("V4D R50", **K400),
    line("V4D R50, norm", **K400),
    line("V4D R50, five", **K400),
    line("V4D R50", **K400, frames=(8,)),
    line("V4D R50", **K400, frames=(8,), times=2.5 * 3),
    line("V4D R50", **K400, frames=(8,), times=2.5 * 3, rounded=True),
    line("DSA R50", **K400, frames=(8,)),
    line("DSA R50", **K400, times=2 * 3),
    line("DSA R50", **K400, frames=(8,), times=2 * 3),
    line("DSA R50", **K400, frames=(4, 8)),
    line("DSA R50", **K400, frames=(4, 8), times=2 * 3),
    line("DSA R50", **K400, crop_px=256, times=2 * 3),
    line("I3D R50", **K400, **ONE_T8),
    line("I3D R50", **K400, **ONE_T4),
    line("I3D R50", **K400, **ONE_T8, crop_px=256, bn_ops=0),
    line("I3D R50", **K400, **ONE_T4, crop_px=256, bn_ops=0),
    line("I3D R50", **K400, **ONE_T8),
    line("TSM R50", **K400, **ONE_T8),
    line("TSM R50"),
    line("SE R50"),
    line("SE R18"),
    line("I3D R50", num_classes=174),
]
# Lines whose cost was measured on another network or input than they name: lines 13 and 14 hold the
# classifier for four snippets, not one; line 35 lacks the DSA modules that its parameters hold.
MEASURED_ON = {
    13: line("I3D R18"),
    14: line("I3D R18", bn_ops=4),
    35: line("I3D R50", **K400, crop_px=256, times=2 * 3),
}
FILE = Path(__file__).parents[1] / "golden" / "zoo_ablation_figures.csv"
LINES = list(csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()))
TRIALS = {repr(x): x for trials, *_ in (*FIGURES, *MEASURED_ON.values()) for x in trials}
NUMBERED = [(number, *pair) for number, pair in enumerate(zip(LINES, FIGURES, strict=True), 2)]


@pytest.mark.parametrize(
    ("number", "printed", "figure"),
    NUMBERED,
    ids=[f"line {number}, {printed['model']}" for number, printed, _ in NUMBERED],
)
def test_every_figure_of_the_tables_is_met_to_the_last_digit(number, printed, figure):
    params, macs = total(*figure)
    assert params == int(printed["params"])
    measured = total(*MEASURED_ON.get(number, figure))[1]
    assert not printed["macs"] or measured == int(printed["macs"])
    assert printed["match"] == "unknown" or (printed["match"] == "yes") is agrees(
        printed["published"], {"M": params / 1e6, "G": macs / 1e9, "": macs / 1e9}
    )


def total(trials, times, bn_ops, rounded):
    """Add up networks, with a number of operations per output of a batch norm."""
    counted = [counts(repr(trial)) for trial in trials]
    macs = sum(each.plain_macs + bn_ops * each.norm_outputs for each in counted)
    params = sum(each.params for each in counted)
    return params, round(times * (round(macs, -8) if rounded else macs))


@cache
def counts(name):
    return count(TRIALS[name])


def agrees(published, ours):
    """Compare every printed figure, as in `54.52G; 32.45M`, to its own digits."""
    found = re.findall(r"(\d+\.?(\d*))([MG]?)", published.partition("(")[0])
    return all(f"{ours[unit]:.{len(digits)}f}" == figure for figure, digits, unit in found)


@pytest.mark.slow
def test_ten_snippets_at_once_cost_two_and_a_half_passes_of_v4d():
    four, ten = (count(seen(ROWS["V4D R50"], num_snippets=n)) for n in (4, 10))
    assert ten.macs == 2.5 * four.macs
    assert ten.params == four.params


@pytest.mark.slow
def test_a_4d_branch_with_norm_costs_its_batch_norm_alone():
    norm, plain = (count(ROWS[name], rule="mac") for name in ("V4D R50, norm", "V4D R50"))
    assert norm.macs == plain.macs


class Scale(nn.Module):
    """A layer whose multiplications are those of elements."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 1))

    def forward(self, x):
        return x * self.weight


def test_a_layer_without_a_rule_is_refused():
    with pytest.raises(TypeError, match=r"^Scale holds parameters and .* method macs\(output\)"):
        count_net(nn.Sequential(Scale()), torch.zeros(1, 3, 4), num_classes=1)


def test_a_layer_may_declare_its_own_cost():
    layer = Scale()
    layer.macs = lambda output: 5 * output.numel()
    assert count_net(nn.Sequential(layer), torch.zeros(1, 3, 4), num_classes=1).macs == 60


class Attention(nn.Module):
    """Matrix products outside any layer, and norms."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(1, 3), nn.LayerNorm(4), nn.SyncBatchNorm(3)])

    def forward(self, x):
        for norm in self.norms:
            x = norm(x)
        return x @ x.transpose(1, 2)


def test_products_outside_of_layers_are_counted_and_norms_are_free_except_batch_norm():
    net, clip = Attention(), torch.zeros(1, 3, 4)
    counted = [count_net(net, clip, rule=rule, num_classes=1).macs for rule in ("mac", "mac+2bn")]
    assert counted == [3 * 4 * 3, 3 * 4 * 3 + 2 * 3 * 4]


def test_the_cost_of_a_table_names_rule_and_print():
    rows = listing(EXPERIMENT)
    assert [row["row"] for row in rows] == [row.label for row in EXPERIMENT.rows]
    assert all(
        {"table", "row", "params", "gmacs", "counting_rule", "printed"} <= set(r) for r in rows
    )
    assert rows[1]["gmacs"] == pytest.approx(83.837, abs=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [{"res2": (0, 1)}, {"res4": (1, 3)}, {"res5": (0, 1)}])
def test_two_4d_convolutions_cost_the_same_in_every_stage(blocks):
    """Table (i) says so: the printed figure does not name the place of V4D's convolutions."""
    counts = [
        count(with_module(I3D_R50, "v4d", **V4D_R50 | {"blocks": places})).macs
        for places in (V4D_R50["blocks"], blocks)
    ]
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_a_batch_norm_shared_by_gpus_counts_like_any_other():
    """Ranks on GPUs replace each layer; the record of a trial needs its count all the same."""
    with torch.device("meta"):
        plain, shared = (build(EXPERIMENT.rows[3].trial.model, I3D_R50.data) for _ in range(2))
        clip = torch.empty(1, 4, 3, 4, 64, 64)
    shared = nn.SyncBatchNorm.convert_sync_batchnorm(shared)
    assert any(isinstance(layer, nn.SyncBatchNorm) for layer in shared.modules())
    counts = [count_net(net, clip, num_classes=200) for net in (plain, shared)]
    assert counts[0] == counts[1]
    assert counts[0].norm_outputs > 0


class NormedAttention(nn.Module):
    """Attention over the positions of a clip, as somebody's own layer would have it."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)

    def forward(self, x):
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        return self.attention(tokens, tokens, tokens)[0].mean(1)


def test_attention_and_layer_norm_of_a_foreign_layer_are_counted_as_they_run():
    with torch.device("meta"):
        counted = count_net(NormedAttention(), torch.empty(1, 16, 2, 3, 4), num_classes=16)
    tokens, width = 2 * 3 * 4, 16
    projections = tokens * width * 3 * width + tokens * width * width
    assert counted.plain_macs == projections + 2 * tokens * tokens * width
