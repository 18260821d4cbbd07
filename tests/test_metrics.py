import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from harness import metrics


def test_top_k_counts_the_label_among_the_k_best():
    scores = np.array([[3.0, 2, 1], [1, 3, 2], [1, 2, 3]])
    labels = np.array([0, 0, 0])
    assert [metrics.top_k(scores, labels, k=k) for k in (1, 2, 3)] == pytest.approx(
        [100 / 3, 100 / 3, 100]
    )


def test_equal_scores_earn_nothing():
    assert metrics.top_k(np.zeros((4, 5)), np.array([0, 1, 2, 3]), k=1) == 0
    assert metrics.top_k(np.full((4, 5), np.nan), np.array([0, 1, 2, 3]), k=1) == 0


def test_mean_average_precision_equals_scikit_learns_without_ties():
    rng = np.random.default_rng(0)
    scores, targets = rng.normal(size=(60, 7)), rng.integers(0, 2, (60, 7))
    targets[:, 3] = 0
    present = [k for k in range(7) if k != 3]
    expected = np.mean([average_precision_score(targets[:, k], scores[:, k]) for k in present])
    assert metrics.mean_average_precision(scores, targets) == pytest.approx(100 * expected)


def test_mean_average_precision_needs_a_positive_video():
    with pytest.raises(ValueError, match="positive"):
        metrics.mean_average_precision(np.zeros((2, 3)), np.zeros((2, 3), int))
