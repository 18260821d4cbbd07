"""ActivityNet v1.3: the comparison with other work; the printed settings name no views."""

from experiments.recipes import (
    ACTIVITYNET_GUESSES,
    I3D_R50_ACTIVITYNET,
    on_ten_snippets,
    with_final_dsa,
    with_v4d,
)
from experiments.related_work import TSN_BN_INCEPTION, TSN_INCEPTION_V3, TSN_TOP3
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row

EXPERIMENT = Experiment(
    name="activitynet",
    is_comparison=True,
    sources=sources_of,
    title="Comparison on ActivityNet v1.3",
    caption="Untrimmed videos, mean average precision",
    rows=tuple(
        Row(label=label, trial=trial, published={"map": printed}, as_written={"backbone": backbone})
        for label, backbone, trial, printed in (
            ("TSN BN-Inception", "BN-Inception", TSN_BN_INCEPTION, 79.7),
            ("TSN Inception V3", "Inception V3", TSN_INCEPTION_V3, 83.3),
            ("TSN-Top3 Inception V3", "Inception V3", TSN_TOP3, 84.5),
            ("V4D+I3D R50", "3D ResNet50", on_ten_snippets(with_v4d(I3D_R50_ACTIVITYNET)), 88.9),
            ("DSA+I3D R50", "3D ResNet50", with_final_dsa(I3D_R50_ACTIVITYNET), 90.5),
        )
    ),
    notes=(
        *ACTIVITYNET_GUESSES,
        "The first four rows are quoted on the slides; neither views nor costs are printed.",
        "TSN is trained on 3 frames of a video and tested on 25, one at a time; Top3 averages, for "
        "each class, the three highest probabilities of these. Both are guesses, and so is the "
        "recipe, which is that of DSA without initial weights.",
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
