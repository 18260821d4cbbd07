"""Kept counts are what the networks themselves count."""

import json

import pytest

import experiments
from experiments.scales import SCALES
from harness.cost import cache, rows
from harness.cost.comparable import comparable_cost

TRIALS = {
    f"{name}/{row.label}/{scale}" + f", network {place}" * (place > 0): rescale(trial)
    for name in experiments.names()
    for row in experiments.load(name).rows
    for place, trial in enumerate(row.trials)
    for scale, rescale in SCALES.items()
}
DISTINCT = cache._distinct(TRIALS.values())


def kinds():
    """Return the smallest input of each backbone with each module."""
    sizes = sorted(DISTINCT, key=lambda sized: (sized.data.num_snippets, sized.data.num_frames))
    return {(sized.model.backbone, sized.model.module): sized for sized in reversed(sizes)}


@pytest.mark.slow
def test_a_kept_count_of_every_kind_is_what_the_network_counts():
    """`test_every_network_of_a_table_has_a_kept_count` holds that none is of other source."""
    assert len(kinds()) > 40
    for sized in kinds().values():
        assert cache.in_training(sized) == cache.count_anew(sized), sized


@pytest.mark.chaos
def test_every_kept_count_is_what_the_network_counts():
    for sized in DISTINCT:
        assert cache.in_training(sized) == cache.count_anew(sized), sized


def test_every_network_of_a_table_has_a_kept_count():
    wanted = {cache._key(sized) for sized in DISTINCT}
    assert wanted == set(json.loads(cache.PATH.read_bytes())), "run `harness recount`"


def test_no_cost_of_a_row_or_of_its_mark_in_a_chart_is_counted_anew(monkeypatch):
    monkeypatch.setattr(rows, "_counted", {})
    monkeypatch.setattr(cache, "count_anew", lambda trial: pytest.fail(str(trial)))
    for name in experiments.names():
        for row in experiments.load(name).rows:
            costs = rows.row_cost(row), comparable_cost(row)
            assert [cost is None for cost in costs] == [row.trial is None] * 2


def test_what_is_not_kept_is_counted_anew(monkeypatch):
    kept = cache.in_training(TRIALS["table_b/DSA at II/desk"])
    monkeypatch.setattr(cache, "_kept", dict)
    assert cache.in_training(TRIALS["table_b/DSA at II/desk"]) == kept
