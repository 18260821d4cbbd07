from collections import namedtuple

import pytest
import torch
from torch import nn

from harness.training import evaluate
from harness.training.out_of_memory import DeviceMemoryError
from harness.training.view_limit import ViewLimit

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


class _Small(nn.Module):
    """A network that runs out of memory on more views than some number."""

    def __init__(self, most):
        super().__init__()
        self.most = most
        self.sizes = []

    def forward(self, x):
        self.sizes.append(len(x))
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return x.flatten(1)


def test_views_at_a_time_are_halved_until_they_fit_and_stay_so():
    net, limit = _Small(2), ViewLimit(views=100)
    batches = [batch([place], [[place, 1, 2, 3, 4, 5]]) for place in range(2)]
    found = evaluate.score(net, batches, num_videos=2, precision="float32", limit=limit)
    assert found[:, 0].tolist() == pytest.approx([2.5, 16 / 6])
    assert net.sizes == [6, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    assert limit.views == 1


def test_memory_for_less_than_one_view_is_one_sentence():
    with pytest.raises(DeviceMemoryError, match="not even one test view fits into the memory of"):
        evaluate.score(_Small(0), [batch([0], [[1, 2, 3]])], num_videos=1, precision="float32")


@pytest.mark.parametrize("views", [1, 2, 3, 4])
def test_a_batch_in_parts_scores_like_a_whole_one(views):
    given = batch([1, 0], [[1, 3], [5, 5]])
    parts = evaluate.score(
        Sum(), [given], num_videos=2, precision="float32", limit=ViewLimit(views=views)
    )
    assert parts.tolist() == score(given, videos=2).tolist()
