from dataclasses import replace

import pytest
import torch

from harness.zoo.build import build
from harness.zoo.modules.v4d_inference import divide_units, sectioned_inference, unit_combinations
from tests.zoo.modules.test_v4d import DATA, PLACED, PLAIN


@pytest.fixture
def net():
    torch.manual_seed(0)
    return build(PLACED, DATA).eval()


def test_ten_units_in_four_sections_give_36_combinations():
    assert [len(section) for section in divide_units(10, 4)] == [2, 3, 3, 2]
    assert len(unit_combinations(10, 4)) == 36


@pytest.mark.parametrize(("num_units", "num_snippets"), [(4, 4), (8, 4), (12, 4), (9, 3), (6, 2)])
def test_equal_sections_give_a_power_of_their_size(num_units, num_snippets):
    expected = (num_units // num_snippets) ** num_snippets
    assert len(set(unit_combinations(num_units, num_snippets))) == expected


@pytest.mark.parametrize("num_units", range(4, 20))
@pytest.mark.parametrize("num_snippets", [1, 2, 3, 4])
def test_sections_hold_every_unit_once_and_differ_by_at_most_one(num_units, num_snippets):
    parts = divide_units(num_units, num_snippets)
    assert [unit for part in parts for unit in part] == list(range(num_units))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_fewer_units_than_sections_are_refused():
    with pytest.raises(ValueError, match="3 units are too few for 4 sections"):
        divide_units(3, 4)


def test_as_many_units_as_in_training_give_the_plain_forward(net):
    x = torch.randn(2, 4, 3, 2, 32, 32)
    assert torch.allclose(sectioned_inference(net, x, num_snippets=4), net(x), atol=1e-6)


@pytest.mark.parametrize("spec", [PLACED, PLAIN, replace(PLACED, module="dsa")])
def test_the_logits_are_the_average_over_combinations(spec):
    net = build(spec, DATA).eval()
    x = torch.randn(2, 6, 3, 2, 32, 32)
    each = [net(x[:, list(units)]) for units in unit_combinations(6, 4)]
    assert len(each) == 4
    assert torch.allclose(sectioned_inference(net, x, num_snippets=4), sum(each) / 4, atol=1e-5)


def test_the_part_before_the_first_4d_block_runs_once(net):
    calls = []
    for block in net.blocks():
        block.register_forward_hook(lambda _, args, y: calls.append(args[1]))
    sectioned_inference(net, torch.randn(1, 6, 3, 2, 32, 32), num_snippets=4)
    before, after = [6] * 2, [4] * 4
    assert calls == before + after * 4
