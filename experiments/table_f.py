"""Table (f): the number of DSA modules."""

from experiments.recipes import FINAL_R50, GUESSES, I3D_R50, with_dsa
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row

EXPERIMENT = Experiment(
    name="table_f",
    sources=sources_of,
    title="Number of DSA modules",
    caption="I3D R50, position II, α = 2, β = 1/8, Mini-Kinetics-200",
    rows=tuple(
        Row(
            label=label,
            trial=with_dsa(I3D_R50, blocks, beta=1 / 8),
            published={"top1": top1, "top5": top5},
        )
        for label, blocks, top1, top5 in (
            ("res5, 1 block", {"res5": (1,)}, 81.5, 95.0),
            ("res4+5, 4 blocks", {"res4": (1, 3, 5), "res5": (1,)}, 81.5, 95.3),
            ("res3+4, 5 blocks", FINAL_R50, 81.8, 95.4),
            ("res2+3, 3 blocks", {"res2": (1,), "res3": (1, 3)}, 81.4, 95.1),
        )
    ),
    notes=(*GUESSES, "Every other block of a stage is inferred: it gives the printed counts."),
    ablates=("model.blocks",),
    claims=(
        Claim(
            text="Five blocks of res3 and res4 are the best",
            kind="best",
            rows=("res3+4, 5 blocks", "res4+5, 4 blocks", "res5, 1 block", "res2+3, 3 blocks"),
            origin="read off",
        ),
        Claim(
            text="Five blocks are better than one",
            kind="better",
            rows=("res3+4, 5 blocks", "res5, 1 block"),
            origin="read off",
        ),
    ),
)
