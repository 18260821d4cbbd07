"""Temporal relation networks (TRN, multi-scale): scores of ordered tuples of frames, summed.

Axes: N videos, U snippets, C channels, T frames, H x W pixels, K classes; NU means both folded.
Source: Zhou et al. 2018, arXiv 1711.08496, section 3; checked against
github.com/zhoubolei/TRN-pytorch, commit 060509c.
"""

from collections.abc import Sequence
from itertools import combinations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from harness.zoo.backbones.inception.bn_inception import FULL_WIDTH, bn_inception
from harness.zoo.backbones.residual.resnet import resnet50
from harness.zoo.layers.head import classifier
from harness.zoo.layers.snippets import average_snippets

FEATURES_PER_CHANNEL = 4  # features of a frame, per channel of the stem
TUPLES_PER_SCALE = 3  # at most, if they are sampled
# The tuples of one pass: a list for every scale, from T frames to two.
Tuples = Sequence[Sequence[Sequence[int]]]


class TRN(nn.Module):
    """Relations between two to T frames, over a network that gives each frame its features.

    Args:
        trunk: Maps clips of single frames (N 1 3 1 H W) to features (N C), its dropout included.
        num_features: C.
        num_classes: K.
        num_frames: T. There is a layer for every scale: clips of another length are refused.
        relations: `all` sums the scores of every ordered tuple of frames. `sampled` sums those of
            three random tuples per scale, as released: new ones in every pass of training, the
            same ones in evaluation.
        seed: Of the tuples in evaluation.

    Attributes:
        tuples: The tuples of every pass; None draws them. Assign other ones to fix them.
    """

    def __init__(
        self,
        trunk: nn.Module,
        num_features: int,
        num_classes: int,
        num_frames: int,
        *,
        relations: str = "all",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if relations not in ("all", "sampled"):
            raise ValueError(f"relations={relations!r} is not a choice; set one of all, sampled")
        self.trunk = trunk
        self.num_frames = num_frames
        self.seed = seed
        scales = range(num_frames, 1, -1)
        frames = range(num_frames)
        self.every: Tuples = [list(combinations(frames, scale)) for scale in scales]
        self.tuples: Tuples | None = self.every if relations == "all" else None
        self.hidden = nn.ModuleList(nn.Linear(s * num_features, num_features) for s in scales)
        self.fc = nn.ModuleList(classifier(num_features, num_classes) for _ in scales)

    def forward(self, x: Float[Tensor, "N U 3 T H W"]) -> Float[Tensor, "N K"]:
        num_snippets, num_frames = x.shape[1], x.shape[3]
        if num_frames != self.num_frames:
            raise ValueError(
                f"{num_frames} frames in a TRN built for num_frames={self.num_frames}; "
                "set that option to the frames of a snippet"
            )
        features = self.trunk(rearrange(x, "n u c t h w -> (n u t) 1 c 1 h w"))
        features = rearrange(features, "(nu t) c -> nu t c", t=num_frames).relu()
        scores = self.relate(features, self.draw() if self.tuples is None else self.tuples)
        return average_snippets(scores, num_snippets)

    def relate(self, features: Float[Tensor, "NU T C"], tuples: Tuples) -> Float[Tensor, "NU K"]:
        """Return the sum of the scores of tuples of frames."""
        frames = [frame for scale in tuples for frame_tuple in scale for frame in frame_tuple]
        index = torch.tensor(frames, device=features.device)  # one copy to the device per pass
        sizes = [sum(map(len, scale)) for scale in tuples]
        chosen = torch.split(features[:, index], sizes, dim=1)
        scores = [
            fc(hidden(rearrange(some, "nu (r s) c -> nu r (s c)", r=len(scale))).relu()).sum(dim=1)
            for fc, hidden, scale, some in zip(self.fc, self.hidden, tuples, chosen, strict=True)
        ]
        return torch.stack(scores).sum(dim=0)

    def draw(self) -> Tuples:
        """Return random tuples of every scale."""
        generator = None if self.training else torch.Generator().manual_seed(self.seed)
        orders = [
            torch.randperm(len(tuples), generator=generator, device="cpu").tolist()
            for tuples in self.every
        ]
        return [
            [tuples[index] for index in order[:TUPLES_PER_SCALE]]
            for tuples, order in zip(self.every, orders, strict=True)
        ]


def trn_bn_inception(
    *,
    num_classes: int,
    num_frames: int = 8,
    relations: str = "all",
    seed: int = 0,
    stem_width: int = FULL_WIDTH,
    stem_stride: int = 2,
    dropout: float = 0.5,
) -> TRN:
    """Build a TRN on BN-Inception, with its options and those of a TRN."""
    features = FEATURES_PER_CHANNEL * stem_width
    trunk = bn_inception(
        num_classes=features, stem_width=stem_width, stem_stride=stem_stride, dropout=dropout
    )
    return TRN(trunk, features, num_classes, num_frames, relations=relations, seed=seed)


def trn_resnet50(
    *,
    num_classes: int,
    num_frames: int = 8,
    relations: str = "all",
    seed: int = 0,
    depths: Sequence[int] = (3, 4, 6, 3),
    stem_width: int = 64,
    dropout: float = 0.5,
) -> TRN:
    """Build a TRN on a 2D residual network, with its options and those of a TRN."""
    features = FEATURES_PER_CHANNEL * stem_width
    trunk = resnet50(num_classes=features, depths=depths, stem_width=stem_width, dropout=dropout)
    return TRN(trunk, features, num_classes, num_frames, relations=relations, seed=seed)
