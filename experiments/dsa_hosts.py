"""DSA in other networks: each host with and without it, a table that the paper does not have."""

from collections.abc import Iterator
from dataclasses import replace

from experiments.recipes import EIGHT_SNIPPETS, FINAL_R50, MINI_KINETICS, with_dsa
from experiments.related_work import MVFNET_R50, SLOWFAST_8X8, TANET_R50, TEA_R50, TSM_R50, X3D_M
from experiments.sources import sources_of
from harness.experiment import Claim, Experiment, Row
from harness.specs import Position, Trial

HOSTS: tuple[tuple[str, Trial, Position], ...] = (
    ("TSM R50", TSM_R50, "after_conv1"),
    ("TANet R50", TANET_R50, "after_conv2"),
    ("TEA R50", TEA_R50, "after_conv1"),
    ("MVFNet R50", MVFNET_R50, "after_conv1"),
    ("SlowFast 8×8 R50", SLOWFAST_8X8, "after_conv1"),
    ("X3D-M", X3D_M, "after_conv1"),
)


def on_four_snippets(trial: Trial) -> Trial:
    """Return a network of dense clips on four snippets of Mini-Kinetics-200."""
    data = replace(
        MINI_KINETICS, num_frames=trial.data.num_frames, frame_stride=trial.data.frame_stride
    )
    return replace(trial, data=data, evaluation=EIGHT_SNIPPETS)


def rows() -> Iterator[Row]:
    """Yield each host without and with DSA."""
    for name, trial, position in HOSTS:
        host = on_four_snippets(trial)
        yield Row(label=name, trial=host)
        yield Row(
            label=f"DSA+{name}", trial=with_dsa(host, FINAL_R50, position=position, beta=1 / 8)
        )


EXPERIMENT = Experiment(
    name="dsa_hosts",
    sources=sources_of,
    title="DSA in networks of other work",
    caption="U = 4 snippets of each network's own clip, Mini-Kinetics-200",
    document="Ours",
    rows=tuple(rows()),
    notes=(
        "The abstract says that DSA benefits various models. Of these hosts, the slides have TSM "
        "alone with it, in table (g). Nothing of this table is printed, so nothing has to be met.",
        "DSA stands in res3 and res4, at position II, as in the final setting; in the slow pathway "
        "of SlowFast; in TANet at position III, as its own module stands at II.",
    ),
    claims=tuple(
        Claim(text=f"DSA improves {name}", kind="better", rows=(f"DSA+{name}", name))
        for name, *_ in HOSTS
    ),
)
