"""Kinetics-400: the comparison with other work, with costs on one footing."""

from collections.abc import Mapping
from dataclasses import replace

from experiments import reference_rows, related_work
from experiments.recipes import (
    I3D_R50_KINETICS,
    KINETICS_GUESSES,
    TEN_CLIPS,
    on_ten_snippets,
    with_final_dsa,
    with_v4d,
)
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row, Written
from harness.specs import Trial


def on_ten_clips(trial: Trial) -> Trial:
    """Return the trial on one snippet per pass, tested on ten clips."""
    return replace(trial, data=replace(trial.data, num_snippets=1), evaluation=TEN_CLIPS)


def printed(top1: float, top5: float, gmacs: float, total_gmacs: float) -> Mapping[str, float]:
    """Return the columns of the printed table."""
    return {"top1": top1, "top5": top5, "gmacs": gmacs, "total_gmacs": total_gmacs}


def as_written(backbone: str, test: str, gflops: str) -> Mapping[Written, str]:
    """Return the printed columns that are text: GFLOPs per view × views = total."""
    return {"backbone": backbone, "test": test, "gflops": gflops}


R50, R50_3D, R101_3D = "ResNet-50", "3D ResNet-50", "3D R101+3D R101"
TWO_R50_3D = "3D R50+3D R50"
OTHERS: Mapping[str, tuple[Mapping[str, float], Mapping[Written, str], Trial]] = {
    "TEINet R50, 8 × 10 × 3": (
        printed(74.9, 91.8, 33, 990),
        as_written(R50, "8 × 10 × 3", "33 × 30 = 990"),
        related_work.TEINET_R50,
    ),
    "TEA R50, 8 × 10 × 3": (
        printed(75.0, 91.8, 35, 1050),
        as_written(R50, "8 × 10 × 3", "35 × 30 = 1050"),
        related_work.TEA_R50,
    ),
    "TANet R50, 8 × 10 × 3": (
        printed(76.1, 92.3, 43, 1290),
        as_written(R50, "8 × 10 × 3", "43 × 30 = 1290"),
        related_work.TANET_R50,
    ),
    "MVFNet R50, 8 × 10 × 3": (
        printed(76.0, 92.4, 33, 990),
        as_written(R50, "8 × 10 × 3", "33 × 30 = 990"),
        related_work.MVFNET_R50,
    ),
    "NL+I3D R50, 32 × 10 × 3": (
        printed(74.9, 91.6, 70.5, 2115),
        as_written(R50_3D, "32 × 10 × 3", "70.5 × 30 = 2115"),
        related_work.NL_32F,
    ),
    "NL+I3D R50, 128 × 10 × 3": (
        printed(76.5, 92.6, 282, 8460),
        as_written(R50_3D, "128 × 10 × 3", "282 × 30 = 8460"),
        related_work.NL_128F,
    ),
    "X3D-L, 16 × 10 × 3": (
        printed(77.5, 92.9, 24.8, 744),
        as_written("-", "16 × 10 × 3", "24.8 × 30 = 744"),
        related_work.X3D_L,
    ),
    "SlowFast R50, (4+32) × 10 × 3": (
        printed(75.6, 92.1, 36.1, 1083),
        as_written(TWO_R50_3D, "(4+32) × 10 × 3", "36.1 × 30 = 1083"),
        related_work.SLOWFAST_4X16,
    ),
    "SlowFast R50, (8+32) × 10 × 3": (
        printed(77.0, 92.6, 65.7, 1971),
        as_written(TWO_R50_3D, "(8+32) × 3 × 10", "65.7 × 30 = 1971"),
        related_work.SLOWFAST_8X8,
    ),
    "SlowFast R101, (8+32) × 10 × 3": (
        printed(77.9, 93.2, 106, 3180),
        as_written(R101_3D, "(8+32) × 3 × 10", "106 × 30 = 3180"),
        related_work.SLOWFAST_R101,
    ),
}
DSA_8F = with_final_dsa(I3D_R50_KINETICS)
DSA_4F = replace(DSA_8F, data=replace(DSA_8F.data, num_frames=4))
SMALL, MIDDLE, LARGE = (f"DSA+I3D R50, {frames} × 8 × 3" for frames in ("4", "8", "(4+8)"))
SLOWFAST, X3D = "SlowFast R50, (8+32) × 10 × 3", "X3D-L, 16 × 10 × 3"
SLOW_ONLY, V4D = (f"{name} R50, 8 × 10 × 3" for name in ("SlowOnly", "V4D+I3D"))
TWO_DIMENSIONAL = ("TSM", "TEINet", "TEA", "TANet", "MVFNet")

EXPERIMENT = Experiment(
    name="kinetics400",
    is_comparison=True,
    sources=sources_of,
    title="Comparison on Kinetics-400",
    caption="T × U × crops at test; GFLOPs per view × views = total",
    rows=(
        Row(
            label="TSM R50, 8 × 10 × 3",
            trial=related_work.TSM_R50,
            published=printed(74.1, 91.2, 33, 990),
            as_written=as_written(R50, "8 × 10 × 3", "33 × 30 = 990"),
        ),
        *(
            Row(
                label=label,
                trial=trial,
                published=published,
                as_written=text,
                is_truncated="R101" in label,  # 106 of 106.51
            )
            for label, (published, text, trial) in OTHERS.items()
        ),
        Row(
            label=SLOW_ONLY,
            trial=on_ten_clips(I3D_R50_KINETICS),
            published=printed(74.9, 91.5, 41.9, 1257),
            as_written=as_written(R50_3D, "8 × 10 × 3", "41.9 × 30 = 1257"),
        ),
        Row(
            label=V4D,
            trial=on_ten_snippets(with_v4d(I3D_R50_KINETICS)),
            published=printed(77.4, 93.1, 286.1, 2146),
            as_written=as_written(R50_3D, "8 × 10 × 3", "286.1 × 2.5 × 3 = 2146*"),
        ),
        Row(
            label=SMALL,
            trial=DSA_4F,
            published=printed(77.7, 93.1, 83.8, 503),
            as_written=as_written(R50_3D, "4 × 8 × 3", "83.8 × 2 × 3 = 503"),
        ),
        Row(
            label=MIDDLE,
            trial=DSA_8F,
            published=printed(78.2, 93.2, 167.7, 1006),
            as_written=as_written(R50_3D, "8 × 8 × 3", "167.7 × 2 × 3 = 1006"),
        ),
        Row(
            label=LARGE,
            trial=DSA_4F,
            ensemble=(DSA_8F,),
            published=printed(79.0, 93.7, 251.5, 1509),
            as_written=as_written(R50_3D, "(4+8) × 8 × 3", "251.5 × 2 × 3 = 1509"),
        ),
        *reference_rows.rows(),
    ),
    notes=(
        *KINETICS_GUESSES,
        "Printed at 224 pixels although tested at 256: DSA, V4D, SlowOnly, TSM, TEINet, TEA and "
        "MVFNet (of V4D, SlowOnly, TSM, TEINet and TEA a guess). Printed at the test crop: "
        "SlowFast, NL, TANet and X3D (of NL a guess).",
        "TEINet's authors released no code. The places of its module were inferred from the "
        "printed parameters and cost, so that they are met confirms nothing.",
        "V4D runs ten units in one pass, 2.5 times the cost of four.",
        "(4+8) averages the probabilities of the two networks, which is a guess.",
        "DSA is tested on 8 snippets × 3 crops, all other rows on 10 × 3. No sentence of the "
        "abstract or the slides claims this as an advantage, so it enters the claims as a part of "
        "the totals alone: V4D costs 1.7 times as much as DSA at 8 frames per pass of 4 snippets, "
        "and 2.1 times over all views.",
        "The abstract's 74.9 of I3D ResNet-50 is taken to be that of SlowOnly, the same network "
        "without DSA; NL+I3D at 32 frames and TEINet have the same figure.",
        "70.5 of NL+I3D at 32 frames is 282 / 4, although attention is quadratic in frames.",
        *reference_rows.NOTES,
    ),
    claims=(
        Claim(
            text="DSA improves I3D R50, from 74.9 to 78.2 as printed",
            kind="better",
            rows=(MIDDLE, SLOW_ONLY),
            origin="stated",
            source='abstract: "equipped with DSA modules, the top-1 accuracy of I3D ResNet-50 is '
            'improved from 74.9% to 78.2% on Kinetics-400"',
        ),
        *(
            Claim(
                text=f"DSA at 4 frames is better than {name}",
                kind="better",
                rows=(SMALL, other),
                origin="read off",
            )
            for name, other in (
                ("SlowFast 8×8 R50", SLOWFAST),
                ("X3D-L", X3D),
                ("V4D", V4D),
                *((name, f"{name} R50, 8 × 10 × 3") for name in TWO_DIMENSIONAL),
            )
        ),
        *(
            Claim(
                text=f"DSA at 4 and 8 frames together is the best{metric_name}",
                kind="best",
                rows=(LARGE, MIDDLE, "SlowFast R101, (8+32) × 10 × 3", X3D, V4D),
                metric=metric,
                origin="read off",
            )
            for metric, metric_name in (("top1", ""), ("top5", " in top-5 accuracy"))
        ),
        *(
            Claim(
                text=f"{name} costs {limit} times as much as DSA at {frames} frames",
                kind="ratio",
                rows=(other, ours),
                metric="total_gmacs",
                limit=limit,
                origin="read off",
                source="the printed totals",
            )
            for name, other, frames, ours, limit in (
                ("SlowFast 8×8 R50", SLOWFAST, 4, SMALL, 3.9),
                ("X3D-L", X3D, 4, SMALL, 1.5),
                ("V4D", V4D, 4, SMALL, 4.3),
                ("V4D", V4D, 8, MIDDLE, 2.1),
            )
        ),
    ),
)
