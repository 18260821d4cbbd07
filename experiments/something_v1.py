"""Something-Something V1: the comparison with other work; no views or costs are printed."""

from experiments.recipes import (
    BENEFIT,
    I3D_R50_SOMETHING,
    SOMETHING_GUESSES,
    with_final_dsa,
    with_v4d,
)
from experiments.related_work import (
    ECO_SOMETHING,
    S3D_G_SOMETHING,
    TRN_SOMETHING,
    TSM_SOMETHING,
)
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row

EXPERIMENT = Experiment(
    name="something_v1",
    is_comparison=True,
    sources=sources_of,
    title="Comparison on Something-Something V1",
    caption="Validation set",
    rows=tuple(
        Row(
            label=label,
            trial=trials[0] if trials else None,
            ensemble=trials[1:],
            published={"top1": top1},
            as_written={"backbone": backbone},
        )
        for label, backbone, trials, top1 in (
            ("MultiScale TRN BN-Inception", "BN-Inception", (TRN_SOMETHING,), 34.4),
            ("ECO BN-Inception + R18", "BN-Inception+3D ResNet 18", ECO_SOMETHING, 46.4),
            ("S3D-G", "S3D Inception", (S3D_G_SOMETHING,), 45.8),
            ("NL+GCN R50", "3D ResNet50", (), 46.1),
            ("TSM R50", "ResNet50", (TSM_SOMETHING,), 47.2),
            ("I3D R50", "3D ResNet50", (I3D_R50_SOMETHING,), 48.7),
            ("V4D+I3D R50", "3D ResNet50", (with_v4d(I3D_R50_SOMETHING),), 50.4),
            ("DSA+I3D R50", "3D ResNet50", (with_final_dsa(I3D_R50_SOMETHING),), 51.8),
        )
    ),
    notes=(
        *SOMETHING_GUESSES,
        "46.4 of ECO is ECO_En Lite: an average of four networks on 16, 20, 24 and 32 frames.",
        "TRN, ECO, S3D-G and TSM train by TSM's script here; that they do, and the frames of TRN "
        "and S3D-G, are guesses. 47.2 of TSM is that of 8 frames on 2 × 3 views of 256 pixels, or "
        "of 16 frames on one view: the first is taken.",
        "NL+GCN needs a detector of objects and its boxes, so it is quoted and has no trial.",
        "45.8 of S3D-G is quoted from V4D's table; its own authors print 48.2.",
        "I3D R50 is marked as the authors' implementation on the slides; beside the other rows but "
        "their own stand the papers that they are quoted from.",
    ),
    claims=(
        Claim(
            text="DSA helps I3D",
            kind="better",
            rows=("DSA+I3D R50", "I3D R50"),
            origin="stated",
            source=BENEFIT,
        ),
        Claim(
            text="DSA is better than V4D",
            kind="better",
            rows=("DSA+I3D R50", "V4D+I3D R50"),
            origin="read off",
        ),
        Claim(
            text="DSA is the best",
            kind="best",
            rows=("DSA+I3D R50", "V4D+I3D R50", "TSM R50"),
            origin="read off",
        ),
    ),
)
