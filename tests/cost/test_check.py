"""The second count: fvcore's rules, differences in words, and every network of every table."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import jaxtyping
import psutil
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from torch import nn

import experiments
from experiments.scales import desk
from harness.cli import main
from harness.cost import check
from harness.cost.cache import Count
from harness.cost.count import count_net
from harness.cost.memory import NotEnoughMemoryError, check_memory, peak_bytes
from harness.cost.second_count import GroupedMix, SecondCount, count_again, count_real
from harness.zoo.layers.dynamic import SnippetMix

CLIP = (2, 6, 8)


class Runs(nn.Module):
    """A network of one function."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, x):
        return self.function(x, *self.layers)


PRODUCTS = {
    "linear": Runs(lambda x, layer: layer(x), nn.Linear(8, 3)),
    "convolution": Runs(lambda x, layer: layer(x), nn.Conv1d(6, 4, 3, groups=2)),
    "padding in a word": Runs(lambda x, layer: layer(x), nn.Conv1d(6, 4, 3, padding="same")),
    "transposed": Runs(lambda x, layer: layer(x), nn.ConvTranspose1d(6, 4, 3, stride=2)),
    "batch norm": Runs(lambda x, layer: layer(x), nn.BatchNorm1d(6)),
    "batch norm without scale": Runs(lambda x, layer: layer(x), nn.BatchNorm1d(6, affine=False)),
    "layer norm": Runs(lambda x, layer: layer(x), nn.LayerNorm(8)),
    "matrices": Runs(lambda x: x @ x.mT),
    "one matrix for a batch": Runs(lambda x: x[0] @ x.mT),
    "sums of products": Runs(lambda x: torch.baddbmm(x @ x.mT, x, x.mT)),
    "einsum": Runs(lambda x: torch.einsum("n i c, n j c -> n i j", x, x)),
    "einsum that sums one index first": Runs(lambda x: torch.einsum("nic,mjc->nmij", x, x)),
    "attention": Runs(lambda x: F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None])),
    "attention to other keys": Runs(
        lambda x: F.scaled_dot_product_attention(x[:, None], x[:, None, :3], x[:, None, :3, :4])
    ),
    "layer of attention": Runs(
        lambda x, layer: layer(x, x, x)[0], nn.MultiheadAttention(8, 2, batch_first=True)
    ),
    "layer of a transformer": Runs(
        lambda x, layer: layer(x),
        nn.TransformerEncoderLayer(8, 2, dim_feedforward=12, batch_first=True),
    ),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_both_counters_agree_on_every_kind_of_product(name):
    net = PRODUCTS[name]
    second = count_real(net, torch.zeros(CLIP))
    first = count_net(net.to("meta"), torch.zeros(CLIP, device="meta"), num_classes=1)
    assert (second.params, second.plain_macs) == (first.params, first.plain_macs)
    assert second.norm_macs == 2 * first.norm_outputs
    assert (second.declared, second.not_counted) == ({}, {})
    assert first.plain_macs or "norm" in name


def test_products_of_vectors_are_seen_by_the_second_counter():
    """The first one misses them, so a network that has them is reported as different."""
    for net, macs in (
        (Runs(lambda x: x @ x[0, 0]), 2 * 6 * 8),
        (Runs(lambda x: x[0, 0] @ x[1, 0]), 8),
    ):
        assert count_real(net, torch.zeros(CLIP)).plain_macs == macs


class Scale(nn.Module):
    """A layer that multiplies by elements and declares it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8))

    def forward(self, x):
        return x * self.weight

    def macs(self, output):
        return output.numel()


def both_counts(net):
    """Count as the command does: the first on the meta device, the second on real tensors."""
    second = count_real(net, torch.zeros(CLIP))
    first = count_net(net.to("meta"), torch.zeros(CLIP, device="meta"), num_classes=1)
    plain, params = first.plain_macs, first.params
    return Count(params=params, params_per_class=0, macs=first.macs, plain_macs=plain), second


def test_what_a_layer_declares_explains_the_difference():
    word, sentence = check.judge(*both_counts(nn.Sequential(nn.Linear(8, 8), Scale())))
    assert word == "explained"
    assert sentence == (
        "fvcore counts -96: Scale declares 96 in macs(output) that are no product which fvcore sees"
    )


def test_an_operation_without_a_rule_explains_a_lower_count():
    net = Runs(lambda x, layer: layer(x)[0], nn.LSTM(8, 4, batch_first=True))
    second = count_real(net, torch.zeros(CLIP))
    assert second.not_counted == {"aten::lstm": 1}
    first = Count(params=second.params, params_per_class=0, macs=2304, plain_macs=2304)
    word, sentence = check.judge(first, second)
    assert (word, sentence) == (
        "explained",
        "fvcore counts -2,304: fvcore has no rule for aten::lstm, which ran 1 times",
    )


SAME = SecondCount(params=7, plain_macs=100, norm_macs=20, declared={}, not_counted={})
LESS = {"plain_macs": 90}
FIRST = Count(params=7, params_per_class=1, macs=120, plain_macs=100)


@pytest.mark.parametrize(
    ("change", "word", "sentence"),
    [
        ({}, "agree", ""),
        ({"params": 8}, "different", "summed parameters are +1"),
        ({"plain_macs": 99}, "different", "multiply-adds are -1 in fvcore"),
        ({"norm_macs": 10}, "different", "multiply-adds of batch norm are -10 in fvcore"),
        (
            {"plain_macs": 90, "declared": {"A": 9}},
            "different",
            "multiply-adds are -10 in fvcore; A",
        ),
        (
            {"plain_macs": 90, "declared": {"A": 10}},
            "explained",
            "fvcore counts -10: A declares 10",
        ),
        (
            {"plain_macs": 90, "not_counted": {"b": 3}},
            "explained",
            "fvcore counts -10: fvcore has no",
        ),
        ({"plain_macs": 110, "not_counted": {"b": 3}}, "different", "multiply-adds are +10"),
        ({"params": 6, "plain_macs": 90, "declared": {"A": 10}}, "different", "summed parameters"),
    ],
)
def test_a_difference_is_explained_or_it_is_named(change, word, sentence):
    found = check.judge(FIRST, replace(SAME, **change))
    assert found[0] == word
    assert found[1].startswith(sentence)


def test_the_convolution_that_stands_for_a_mix_of_snippets_is_the_same():
    x, taps = torch.randn(2, 4, 3, 2, 5, 5), torch.rand(2, 3, 3)
    mixed = SnippetMix(4, kernel_size=3)(x, taps)
    assert torch.allclose(GroupedMix(3)(x, taps), mixed, atol=1e-6)


def test_tensors_that_live_at_once_are_what_a_pass_needs():
    with torch.device("meta"):
        net = nn.Sequential(nn.Linear(8, 100), nn.Linear(100, 50), nn.Linear(50, 1))
        clip = torch.zeros(10, 8)
    assert peak_bytes(net, clip) == 4 * 10 * (100 + 50)


def with_free_memory(monkeypatch, free):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))


def test_a_pass_that_needs_more_than_the_free_memory_is_refused(monkeypatch):
    with torch.device("meta"):
        net, clip = nn.Linear(10**6, 10**5), torch.zeros(1, 10**6)
    with_free_memory(monkeypatch, 2 * 10**9)
    with pytest.raises(NotEnoughMemoryError, match=r"needs about 800\.5 GB .* 2\.0 GB are free"):
        check_memory(net, clip)
    with_free_memory(monkeypatch, 10**12)
    check_memory(net, clip)


def harness(*words):
    check._checked.clear()
    return CliRunner().invoke(main.app, ["cost", "table_c", "--check", *words])


def small(trial):
    """Return a trial at desk scale, on pictures of two pixels and more in every layer."""
    trial = desk(trial)
    return replace(trial, data=replace(trial.data, crop_px=64))


@pytest.mark.slow
def test_the_command_counts_every_row_twice(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # a trace has no plain sizes
    monkeypatch.setattr(check, "count_again", lambda trial: count_again(small(trial)))
    monkeypatch.setattr(
        check.cache, "in_training", lambda trial, of=check.cache.in_training: of(small(trial))
    )
    done = harness()
    assert done.exit_code == 0, done.output
    assert done.output.count("agree") == len(experiments.load("table_c").rows) + 1
    assert done.output.endswith("4 networks counted twice: 0 without agreement\n")


@pytest.mark.slow
def test_a_difference_and_a_network_that_is_too_large_fail_the_command(monkeypatch):
    with_free_memory(monkeypatch, 10**9)
    done = harness()
    assert done.exit_code == 1
    assert done.output.count("not counted: needs about") == 4
    assert "run this on a machine with more memory" in done.output
    monkeypatch.setattr(check, "count_again", lambda trial: SAME)
    done = harness("--json")
    assert done.exit_code == 1
    assert done.output.count('"word": "different"') == 4
    assert "summed parameters are -" in done.output


NETWORKS = """
from dataclasses import replace

import experiments
from experiments.scales import desk
from harness.cost.check import check

kinds = {}
for name in experiments.names():
    for row in experiments.load(name).rows:
        for trial in map(desk, row.trials):
            kind = (trial.model.backbone, trial.model.module, trial.model.position)
            kinds.setdefault(kind, (name, row.label, trial))
for name, label, trial in kinds.values():
    # Of kernels over pictures of one pixel the second counter sees the middle alone.
    found = check(replace(trial, data=replace(trial.data, crop_px=64)))
    print(name, label, found.word, found.sentence, sep="|")
"""


@pytest.mark.slow
def test_both_counters_agree_on_every_kind_of_network_of_every_table():
    done = subprocess.run(
        [sys.executable, "-c", NETWORKS], capture_output=True, check=True, text=True
    )
    rows = [line.split("|") for line in done.stdout.splitlines()]
    assert len(rows) > 40
    assert [row for row in rows if row[2] != "agree"] == []
