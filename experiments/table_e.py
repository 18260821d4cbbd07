"""Table (e): the share of channels that DSA mixes."""

from experiments.recipes import GUESSES, I3D_R50, with_dsa
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row

EXPERIMENT = Experiment(
    name="table_e",
    sources=sources_of,
    title="Share of channels that DSA mixes",
    caption="I3D R50, position II, α = 2, stage res5, Mini-Kinetics-200",
    rows=tuple(
        Row(
            label=label,
            trial=with_dsa(I3D_R50, {"res5": (1,)}, beta=beta),
            published={"top1": top1, "top5": top5},
        )
        for label, beta, top1, top5 in (
            ("β = 1", 1.0, 81.5, 95.2),
            ("β = 1/2", 0.5, 81.7, 95.4),
            ("β = 1/4", 0.25, 81.6, 95.0),
            ("β = 1/8", 0.125, 81.5, 95.0),
        )
    ),
    notes=GUESSES,
    claims=(
        Claim(
            text="β = 1/2 is the best",
            kind="best",
            rows=("β = 1/2", "β = 1", "β = 1/4", "β = 1/8"),
            origin="read off",
        ),
        Claim(
            text="β = 1/8 and β = 1 differ by less than 1 point",
            kind="same",
            rows=("β = 1/8", "β = 1"),
            limit=1.0,
            origin="read off",
        ),
        Claim(
            text="Accuracy rises and then falls as fewer channels are mixed",
            kind="trend",
            rows=("β = 1", "β = 1/2", "β = 1/4", "β = 1/8"),
            trend="peak",
            origin="read off",
        ),
    ),
)
