import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from harness.training import metrics


def one_each(labels, classes):
    return metrics.multi_hot([[label] for label in labels], num_classes=classes)


def test_top_k_counts_the_label_among_the_k_best():
    scores = np.array([[3.0, 2, 1], [1, 3, 2], [1, 2, 3]])
    found = [metrics.top_k(scores, one_each([0, 0, 0], 3), k=k) for k in (1, 2, 3)]
    assert found == pytest.approx([100 / 3, 100 / 3, 100])


def test_equal_scores_earn_nothing():
    labels = one_each([0, 1, 2, 3], 5)
    assert metrics.top_k(np.zeros((4, 5)), labels, k=1) == 0
    assert metrics.top_k(np.full((4, 5), np.nan), labels, k=1) == 0


def test_one_of_several_labels_is_enough():
    scores = np.array([[4.0, 3, 2, 1], [4, 3, 2, 1], [4, 4, 2, 1], [2, 4, 4, 4]])
    labels = metrics.multi_hot([[1, 3], [0, 3], [0, 1], [1, 2]], num_classes=4)
    assert metrics.hits(scores, labels, k=1).tolist() == [False, True, True, False]
    assert metrics.hits(scores, labels, k=2).tolist() == [True] * 4


def test_with_one_label_a_hit_is_what_it_always_was():
    """Published accuracies must not move by a bit: ties, NaN and infinity included."""
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (500, 12)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.05] = np.nan
    scores[rng.random(scores.shape) < 0.05] = np.inf
    labels = rng.integers(0, 12, 500)
    own = np.take_along_axis(scores, labels[:, None], axis=1)
    for k in (1, 5):
        before = float(100 * ((~(scores < own)).sum(axis=1) - 1 < k).mean())
        assert metrics.top_k(scores, one_each(labels, 12), k=k) == before


def interpolated(labels, scores):
    """Take the highest precision at each recall or a higher one, from scikit-learn's curve."""
    precision, recall, _ = precision_recall_curve(labels, scores)
    highest = np.maximum.accumulate(precision[:-1])
    return -np.sum(np.diff(recall) * highest)


def test_mean_average_precision_is_the_area_under_the_highest_precisions():
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(60, 7)), rng.integers(0, 2, (60, 7))
    labels[:, 3] = 0
    expected = np.mean([interpolated(labels[:, k], scores[:, k]) for k in range(7) if k != 3])
    assert metrics.mean_average_precision(scores, labels) == pytest.approx(100 * expected)


def test_the_order_of_the_list_earns_no_precision():
    labels = np.array([[1], [0], [1], [0]])
    for order in ([0, 1, 2, 3], [1, 3, 0, 2], [3, 2, 1, 0]):
        for value in (0.0, np.nan):
            found = metrics.mean_average_precision(np.full((4, 1), value), labels[order])
            assert found == 50


def test_nan_is_the_worst_that_a_video_may_have():
    labels = np.array([[1], [1], [0]])
    assert metrics.mean_average_precision(np.array([[2.0], [1], [0]]), labels) == 100
    best_is_unknown = metrics.mean_average_precision(np.array([[2.0], [np.nan], [0]]), labels)
    assert best_is_unknown == pytest.approx(100 * (1 + 2 / 3) / 2)
    other_is_unknown = metrics.mean_average_precision(np.array([[2.0], [1], [np.nan]]), labels)
    assert other_is_unknown == pytest.approx(100 * 2 / 3)


def test_mean_average_precision_needs_a_positive_video():
    with pytest.raises(ValueError, match="positive"):
        metrics.mean_average_precision(np.zeros((2, 3)), np.zeros((2, 3), int))


def test_average_precision_is_interpolated_as_activitynets_evaluation_does():
    """Positives at ranks 1, 4 and 5: precision 1, 1/2, 3/5, of which 1/2 counts as 3/5."""
    scores = np.array([[5.0], [4], [3], [2], [1]])
    targets = np.array([[1], [0], [0], [1], [1]])
    found = metrics.mean_average_precision(scores, targets)
    assert found == pytest.approx(100 * (1 + 3 / 5 + 3 / 5) / 3)
