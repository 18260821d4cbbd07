"""Table (d): the stage that carries the DSA modules."""

from experiments.recipes import GUESSES, I3D_R50, with_dsa
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row

EVERY_OTHER_BLOCK = {"res2": (1,), "res3": (1, 3), "res4": (1, 3, 5), "res5": (1,)}
PRINTED = {"res2": (81.4, 94.7), "res3": (81.3, 95.1), "res4": (81.3, 95.3), "res5": (81.5, 95.2)}

EXPERIMENT = Experiment(
    name="table_d",
    sources=sources_of,
    title="Stage that carries the DSA modules",
    caption="I3D R50, position II, α = 2, β = 1, Mini-Kinetics-200",
    rows=tuple(
        Row(
            label=f"{stage}",
            trial=with_dsa(I3D_R50, {stage: EVERY_OTHER_BLOCK[stage]}),
            published={"top1": top1, "top5": top5},
        )
        for stage, (top1, top5) in PRINTED.items()
    ),
    notes=(
        *GUESSES,
        "How many blocks of res2, res3 and res4 carry a module is not printed; every other one, "
        "as table (f) counts them, is a guess.",
    ),
    ablates=("model.blocks",),
    claims=(
        Claim(
            text="res5 is the best stage",
            kind="best",
            rows=("res5", "res2", "res3", "res4"),
            origin="read off",
        ),
        Claim(
            text="res2 and res5 differ by less than 1 point",
            kind="same",
            rows=("res2", "res5"),
            limit=1.0,
            origin="read off",
        ),
    ),
)
