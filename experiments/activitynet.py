"""ActivityNet v1.3: the comparison with other work; the printed settings name no views."""

from experiments.recipes import (
    ACTIVITYNET_GUESSES,
    I3D_R50_ACTIVITYNET,
    on_ten_snippets,
    with_final_dsa,
    with_v4d,
)
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row

EXPERIMENT = Experiment(
    name="activitynet",
    sources=sources_of,
    title="Comparison on ActivityNet v1.3",
    caption="Untrimmed videos, mean average precision",
    rows=tuple(
        Row(label=label, trial=trial, published={"map": printed}, as_written={"backbone": backbone})
        for label, backbone, trial, printed in (
            ("TSN BN-Inception", "BN-Inception", None, 79.7),
            ("TSN Inception V3", "Inception V3", None, 83.3),
            ("TSN-Top3 Inception V3", "Inception V3", None, 84.5),
            ("V4D+I3D R50", "3D ResNet50", on_ten_snippets(with_v4d(I3D_R50_ACTIVITYNET)), 88.9),
            ("DSA+I3D R50", "3D ResNet50", with_final_dsa(I3D_R50_ACTIVITYNET), 90.5),
        )
    ),
    notes=(
        *ACTIVITYNET_GUESSES,
        "The first four rows are quoted on the slides; neither views nor costs are printed.",
    ),
    claims=(
        Claim(
            text="DSA is better than V4D",
            kind="better",
            rows=("DSA+I3D R50", "V4D+I3D R50"),
            metric="map",
            origin="read off",
        ),
        Claim(
            text="DSA is the best",
            kind="best",
            rows=("DSA+I3D R50", "V4D+I3D R50", "TSN-Top3 Inception V3"),
            metric="map",
            origin="read off",
        ),
    ),
)
