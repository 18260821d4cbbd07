"""Table (b): where in a block the DSA module stands.

`nox -s reproduce_table_b` runs it on a desk; `harness plan table_b --scale paper` says what the
paper's own scale takes.
"""

from experiments.recipes import FOUR_SNIPPETS_GUESS, GUESSES, I3D_R50, TSN_R50, with_dsa
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row
from harness.specs import Position

POSITIONS: dict[str, tuple[Position, float, float]] = {
    "I": ("before_conv1", 81.4, 95.4),
    "II": ("after_conv1", 81.5, 95.2),
    "III": ("after_conv2", 80.8, 95.2),
    "IV": ("after_conv3", 81.4, 95.1),
}

EXPERIMENT = Experiment(
    name="table_b",
    sources=sources_of,
    title="Position of the DSA module in a residual block",
    caption="I3D R50, α = 2, β = 1, stage res5, Mini-Kinetics-200",
    rows=(
        Row(label="TSN R50 (2D)", trial=TSN_R50, reference=True),
        Row(
            label="TSN+I3D R50",
            trial=I3D_R50,
            published={"top1": 78.0, "top5": 93.9},
            source='table (g), "I3D R50"',
            reference=True,
        ),
        *(
            Row(
                label=f"DSA at {name}",
                trial=with_dsa(I3D_R50, {"res5": (1,)}, position=position),
                published={"top1": top1, "top5": top5},
            )
            for name, (position, top1, top5) in POSITIONS.items()
        ),
    ),
    notes=(
        "Block 1 of res5 is inferred: the slides say res5 and one block.",
        *GUESSES,
        FOUR_SNIPPETS_GUESS.format("TSN+I3D R50"),
    ),
    claims=(
        Claim(
            text="Position II is the best",
            kind="best",
            rows=("DSA at II", "DSA at I", "DSA at III", "DSA at IV"),
            origin="read off",
        ),
        Claim(
            text="DSA is better than an average of snippets",
            kind="better",
            rows=("DSA at II", "TSN+I3D R50"),
            origin="read off",
            source="table (g)",
        ),
        Claim(
            text="Positions I and II differ by less than 1 point",
            kind="same",
            rows=("DSA at I", "DSA at II"),
            limit=1.0,
            origin="read off",
        ),
    ),
)
