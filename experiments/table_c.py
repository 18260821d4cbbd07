"""Table (c): the width of the kernel generator."""

from experiments.recipes import GUESSES, I3D_R50, with_dsa
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row

EXPERIMENT = Experiment(
    name="table_c",
    sources=sources_of,
    title="Width of the kernel generator",
    caption="I3D R50, position II, β = 1, stage res5, Mini-Kinetics-200",
    rows=tuple(
        Row(
            label=f"α = {alpha}",
            trial=with_dsa(I3D_R50, {"res5": (1,)}, alpha=alpha),
            published={"top1": top1, "top5": top5},
        )
        for alpha, top1, top5 in (
            (1, 81.0, 95.1),
            (2, 81.5, 95.2),
            (4, 81.2, 95.0),
            (8, 81.3, 95.0),
        )
    ),
    notes=GUESSES,
    claims=(
        Claim(
            text="α = 2 is the best",
            kind="best",
            rows=("α = 2", "α = 1", "α = 4", "α = 8"),
            origin="read off",
        ),
        Claim(
            text="An α between 1 and 8 is better than both",
            kind="trend",
            rows=("α = 1", "α = 2", "α = 4", "α = 8"),
            trend="peak",
            origin="read off",
        ),
    ),
)
