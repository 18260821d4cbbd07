"""DSANet's leaderboard entries, with their ranks when they were copied; ActivityNet apart."""

from experiments import kinetics400
from experiments.recipes import FINAL_R50, I3D_R50, I3D_R50_SOMETHING, with_dsa, with_final_dsa
from experiments.sources import sources_of
from harness.experiment import Experiment, Row
from harness.specs import Trial

ENTRIES: tuple[tuple[str, float, tuple[Trial, ...]], ...] = (
    (
        "Something-something v1 (val), Action Recognition, rank 257",
        51.8,
        (with_final_dsa(I3D_R50_SOMETHING),),
    ),
    (
        "Kinetics-400 1.0 (val), Video Recognition, rank 43",
        79,
        (kinetics400.DSA_4F, kinetics400.DSA_8F),
    ),
    (
        "Mini-Kinetics-200 (val), Video Classification, rank 11",
        81.8,
        (with_dsa(I3D_R50, FINAL_R50, beta=1 / 8),),
    ),
)

EXPERIMENT = Experiment(
    name="dsanet_leaderboard",
    sources=sources_of,
    title="Leaderboard entries of DSANet",
    caption="Data set and task as the leaderboard names them, and the rank when it was copied",
    document="Leaderboard",
    is_comparison=True,
    rows=tuple(
        Row(label=label, trial=trial, ensemble=tuple(others), published={"top1": top1})
        for label, top1, (trial, *others) in ENTRIES
    ),
    notes=(
        "These are rows of the other tables: 51.8 and 81.8 are DSA+I3D R50, and 79 is the 79.0 of "
        "4 and 8 frames together, two networks.",
    ),
)
