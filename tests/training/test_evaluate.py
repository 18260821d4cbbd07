from collections import namedtuple

import pytest
import torch
from torch import nn

from harness.training import evaluate

Batch = namedtuple("Batch", "clips indices")


class Sum(nn.Module):
    """Logits (sum, minus sum) of a clip."""

    def forward(self, x):
        total = x.flatten(1).sum(1)
        return torch.stack([total, -total], 1)


def batch(indices, views):
    values = torch.tensor(views, dtype=torch.float)
    return Batch(values.reshape(*values.shape, 1, 1, 1, 1, 1), torch.tensor(indices))


def score(*batches, videos):
    return evaluate.score(Sum(), batches, num_videos=videos, precision="float32")


def test_views_are_averaged_per_video_in_the_order_of_the_list():
    scores = score(batch([2, 0], [[1, 3], [5, 5]]), batch([1], [[0, 4]]), videos=3)
    assert scores[:, 0].tolist() == [5, 2, 2]


def test_probabilities_are_averaged_where_that_is_asked_for():
    """Logits (3, -3) and (-1, 1) average to (1, -1); their probabilities are another matter."""
    views = batch([0], [[3, -1]])
    found = evaluate.score(
        Sum(), [views], num_videos=1, precision="float32", average="probabilities"
    )
    one, other = (torch.tensor([x, -x]).softmax(0)[0].item() for x in (3.0, -1.0))
    assert found[0].tolist() == pytest.approx([(one + other) / 2, 1 - (one + other) / 2])
    assert score(views, videos=1)[0].tolist() == [1, -1]


@pytest.mark.parametrize(("views", "best"), [([3, -1, 2, 0], [3, 2, 0]), ([1, -1], [1, -1])])
def test_the_three_best_views_of_each_class_are_averaged_where_that_is_asked_for(views, best):
    found = evaluate.score(
        Sum(), [batch([0], [views])], num_videos=1, precision="float32", average="top3"
    )
    shares = [torch.tensor([x, -x]).softmax(0)[0].item() for x in map(float, best)]
    assert found[0, 0] == pytest.approx(sum(shares) / len(shares))
    worst = sorted(torch.tensor([-x, x]).softmax(0)[0].item() for x in map(float, views))[-3:]
    assert found[0, 1] == pytest.approx(sum(worst) / len(worst))


@pytest.mark.parametrize("indices", [[0, 0], [0, 2], [1, 1]])
def test_a_video_scored_twice_or_not_at_all_is_refused(indices):
    with pytest.raises(ValueError, match="scores"):
        score(batch(indices, [[1], [1]]), videos=2)


def test_a_video_left_out_is_refused():
    with pytest.raises(ValueError, match="2 scores of 2 videos, not one of each of 3"):
        score(batch([0, 1], [[1], [1]]), videos=3)
