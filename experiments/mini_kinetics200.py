"""Mini-Kinetics-200: the comparison with other work."""

from collections.abc import Mapping

from experiments import quoted
from experiments.recipes import (
    FINAL_R18,
    FINAL_R50,
    GUESSES,
    I3D_R18,
    I3D_R50,
    V4D_GUESS,
    V4D_R18,
    V4D_R50,
    on_ten_snippets,
    with_dsa,
    with_module,
)
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row, Written


def as_written(backbone: str, training: str, test: str) -> Mapping[Written, str]:
    """Return the printed columns that are text."""
    return {"backbone": backbone, "training": training, "test": test}


def long_clips(depth: int) -> Mapping[Written, str]:
    """Return the printed columns of a network on 32 frames."""
    return as_written(f"3D ResNet{depth}", "32 × 1", "32 × 10 × 3")


EXPERIMENT = Experiment(
    name="mini_kinetics200",
    sources=sources_of,
    title="Comparison on Mini-Kinetics-200",
    caption="T × U × crops at test",
    rows=(
        Row(
            label="S3D, 64 frames",
            trial=None,
            published={"top1": 78.9},
            as_written=as_written("S3D Inception", "64 × 1", "N/A"),
        ),
        *(
            Row(
                label=f"{model} R{depth}, 32 × 10 × 3",
                trial=None,
                published={"top1": top1, "top5": top5},
                as_written=long_clips(depth),
                quoted_cost=cost,
            )
            for model, depth, top1, top5, cost in (
                ("I3D", 50, 75.5, 92.2, quoted.I3D_32F),
                ("I3D", 101, 77.4, 93.2, None),
                ("NL+I3D", 50, 77.5, 94.0, quoted.NL_32F),
                ("CGNL+I3D", 50, 78.8, 94.4, None),
                ("NL+I3D", 101, 79.2, 93.2, None),
                ("CGNL+I3D", 101, 79.9, 93.4, None),
            )
        ),
        *(
            Row(
                label=f"V4D+I3D R{depth}, 4 × 10 × 3",
                trial=on_ten_snippets(
                    with_module(start, "v4d", position="after_block", blocks=blocks)
                ),
                published={"top1": top1, "top5": top5},
                as_written=as_written(f"3D ResNet{depth}", "4 × 4", "4 × 10 × 3"),
            )
            for depth, start, blocks, top1, top5 in (
                (18, I3D_R18, V4D_R18, 75.6, 92.7),
                (50, I3D_R50, V4D_R50, 80.7, 95.3),
            )
        ),
        *(
            Row(
                label=f"DSA+I3D R{depth}, 4 × 8 × 3",
                trial=with_dsa(start, blocks, beta=1 / 8),
                published={"top1": top1, "top5": top5},
                as_written=as_written(f"3D ResNet{depth}", "4 × 4", "4 × 8 × 3"),
            )
            for depth, start, blocks, top1, top5 in (
                (18, I3D_R18, FINAL_R18, 77.3, 93.9),
                (50, I3D_R50, FINAL_R50, 81.8, 95.4),
            )
        ),
    ),
    notes=(
        *GUESSES,
        V4D_GUESS,
        "The places, α, β and position of DSA in R18 are not printed: block 1 of res3 and of res4, "
        "and the final setting of R50, are guesses.",
        "I3D R50 and NL+I3D R50 are counted as the networks of that name of the non-local work, at "
        "256 pixels; that these rows ran just those is a guess.",
    ),
    claims=(
        *(
            Claim(
                text=f"DSA is better than V4D on {depth}",
                kind="better",
                rows=(f"DSA+I3D {depth}, 4 × 8 × 3", f"V4D+I3D {depth}, 4 × 10 × 3"),
                origin="read off",
            )
            for depth in ("R18", "R50")
        ),
        Claim(
            text="DSA on R18 is better than I3D on R50",
            kind="better",
            rows=("DSA+I3D R18, 4 × 8 × 3", "I3D R50, 32 × 10 × 3"),
            origin="read off",
        ),
        Claim(
            text="DSA on R50 is the best",
            kind="best",
            rows=(
                "DSA+I3D R50, 4 × 8 × 3",
                "V4D+I3D R50, 4 × 10 × 3",
                "CGNL+I3D R101, 32 × 10 × 3",
            ),
            origin="read off",
        ),
    ),
)
