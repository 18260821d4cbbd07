"""TRN: the tuples of frames that it relates."""

from itertools import combinations

import pytest
import torch

from harness.zoo.backbones.inception.trn import trn_bn_inception


def net(**options):
    torch.manual_seed(0)
    return trn_bn_inception(num_classes=5, stem_width=8, dropout=0.0, **options)


def clip(frames=4):
    return torch.randn(2, 1, 3, frames, 32, 32, generator=torch.Generator().manual_seed(1))


def test_all_ordered_tuples_are_summed_unless_asked_otherwise():
    trn, features = net(num_frames=4).eval(), torch.randn(3, 4, 32)
    expected = torch.zeros(3, 5)
    for scale, width in enumerate((4, 3, 2)):
        for frames in combinations(range(4), width):
            hidden = trn.hidden[scale](features[:, list(frames)].flatten(1)).relu()
            expected += trn.fc[scale](hidden)
    assert torch.allclose(trn.relate(features, trn.tuples), expected, atol=1e-6)


@pytest.mark.slow
def test_sampled_tuples_are_new_in_training_and_the_same_in_evaluation():
    trn = net(num_frames=8, relations="sampled")
    drawn = trn.draw()
    assert [len(tuples) for tuples in drawn] == [1, 3, 3, 3, 3, 3, 3]
    assert all(list(frames) == sorted(set(frames)) for tuples in drawn for frames in tuples)
    assert all(len(set(tuples)) == len(tuples) for tuples in drawn)
    assert drawn != trn.draw()
    trn.eval()
    assert trn.draw() == trn.draw() == net(num_frames=8, relations="sampled").eval().draw()
    assert trn.draw() != net(num_frames=8, relations="sampled", seed=1).eval().draw()


def test_tuples_can_be_fixed():
    trn = net(num_frames=4).eval()
    before = trn(clip())
    trn.tuples = [[(0, 1, 2, 3)], [(0, 1, 2)], [(0, 1)]]
    changed = clip()
    changed[:, :, :, 3] *= -1
    assert not torch.allclose(trn(clip()), before)
    trn.tuples = [[(0, 0, 0, 0)], [(0, 1, 2)], [(0, 1)]]
    assert torch.equal(trn(clip()), trn(changed))


def test_other_frames_and_relations_are_refused():
    with pytest.raises(ValueError, match="5 frames in a TRN built for num_frames=4"):
        net(num_frames=4)(clip(frames=5))
    with pytest.raises(ValueError, match="relations='random' is not a choice"):
        net(num_frames=4, relations="random")
