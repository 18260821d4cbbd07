import itertools

import numpy as np
import pytest

from harness.data.datasets.desk_recipe import ASPECTS, CLASSES
from harness.stats.aspects import NO_ANSWER, answers, chances, shares
from harness.training import metrics

COLOURS = {"is warm": (True, True, False), "colour": ("red", "orange", "blue")}


def test_an_answer_is_the_best_class_and_a_tie_is_none():
    scores = np.array([[0.1, 0.9, 0.0], [0.5, 0.5, 0.0], [np.nan, 1.0, 0.0], [np.nan] * 3])
    assert answers(scores).tolist() == [1, NO_ANSWER, NO_ANSWER, NO_ANSWER]


def test_each_aspect_counts_the_answers_that_are_right_in_the_one_before():
    found = shares(np.array([0, 1, 0, 2, 0]), np.array([0, 0, 2, 2, 1]), COLOURS)
    assert found == {"is warm": 80.0, "colour": 50.0}


def test_no_answer_is_right_in_no_aspect():
    found = shares(np.array([NO_ANSWER, 2]), np.array([2, 2]), COLOURS)
    assert found == {"is warm": 50.0, "colour": 100.0}


def test_an_aspect_after_which_nothing_is_left_has_no_share():
    found = shares(np.array([0, 1]), np.array([2, 2]), COLOURS)
    assert found["is warm"] == 0
    assert np.isnan(found["colour"])


@pytest.mark.parametrize("seed", range(3))
def test_the_product_of_the_shares_is_the_top_1_accuracy(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.normal(size=(200, 12)).round(1), rng.integers(12, size=200)
    targets = metrics.multi_hot(labels[:, None].tolist(), num_classes=12)
    product = 100 * np.prod([share / 100 for share in _desk(scores, labels).values()])
    assert product == pytest.approx(metrics.top_k(scores, targets, k=1))


def _desk(scores, labels):
    return shares(answers(scores), labels, ASPECTS)


def test_chances_are_those_of_all_pairs_of_answer_and_label():
    pairs = np.array([*itertools.product(range(len(CLASSES)), repeat=2)])
    assert chances(ASPECTS) == pytest.approx(shares(pairs[:, 0], pairs[:, 1], ASPECTS))


def test_twins_that_score_alike_are_right_in_their_order_for_exactly_half():
    rng = np.random.default_rng(0)
    twins = [CLASSES.index(order) for pair in CLASSES for order in (pair, pair[::-1])]
    scores = rng.normal(size=(20 * len(CLASSES), len(CLASSES))).repeat(2, axis=0)
    assert _desk(scores, np.tile(twins, 20))["order"] == 50
