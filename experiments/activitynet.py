"""ActivityNet v1.3: the comparison with other work, quoted; the printed settings name no views."""

from harness.specs import Claim, Experiment, Row

EXPERIMENT = Experiment(
    name="activitynet",
    title="Comparison on ActivityNet v1.3",
    caption="Untrimmed videos, mean average precision",
    trains=False,
    rows=tuple(
        Row(label=label, trial=None, published={"map": printed})
        for label, printed in (
            ("TSN BN-Inception", 79.7),
            ("TSN Inception V3", 83.3),
            ("TSN-Top3 Inception V3", 84.5),
            ("V4D+I3D R50", 88.9),
            ("DSA+I3D R50", 90.5),
        )
    ),
    notes=("All rows are quoted: neither views nor costs are printed.",),
    claims=(
        Claim(
            text="DSA is better than V4D",
            kind="better",
            rows=("DSA+I3D R50", "V4D+I3D R50"),
            metric="map",
        ),
        Claim(
            text="DSA is the best",
            kind="best",
            rows=("DSA+I3D R50", "V4D+I3D R50", "TSN-Top3 Inception V3"),
            metric="map",
        ),
    ),
)
