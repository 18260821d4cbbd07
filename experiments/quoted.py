"""Costs of networks of other work that the zoo lacks, each counted once outside this project.

Rule `mac`: multiply-adds of convolutions, linear layers and matrix products, without batch norm;
heads have 400 classes. `gmacs` is at the pictures that the row was tested on, `as_printed` under
the convention that the printed figure follows. `tests/golden/` holds the counts.
"""

from harness.experiment import QuotedCost

REBUILT = "a network rebuilt after the released code"
SMALL, LARGE = "at 224 pixels", "at 256 pixels"
WITH_BN = "batch norm counted"


def thirty_views(
    num_frames: int,
    *,
    gmacs: float,
    params_m: float,
    crop_px: int = 256,
    as_printed: float | None = None,
    convention: str = LARGE,
    source: str = "the released code",
) -> QuotedCost:
    """Return the cost of a network that is tested on 10 clips × 3 crops."""
    return QuotedCost(
        gmacs=gmacs,
        crop_px=crop_px,
        num_frames=num_frames,
        views=30,
        params_m=params_m,
        as_printed=gmacs if as_printed is None else as_printed,
        convention=convention,
        source=source,
    )


TEINET = thirty_views(
    8,
    gmacs=42.931,
    params_m=30.340496,
    as_printed=32.880331,
    convention=SMALL,
    source="a network built from its description, since no code was released",
)
TEA = thirty_views(8, gmacs=45.113, params_m=24.919354, as_printed=34.541199, convention=SMALL)
TANET = thirty_views(
    8,
    gmacs=42.783450,
    params_m=25.590320,
    as_printed=43.0158,
    convention=f"{LARGE}, {WITH_BN}",
)
MVFNET = thirty_views(
    8,
    gmacs=42.734,
    params_m=24.342416,
    as_printed=32.908710,
    convention=f"{SMALL}, {WITH_BN}",
)
I3D_32F = thirty_views(32, gmacs=43.269259, params_m=28.043472, source=REBUILT)
NL_32F = thirty_views(32, gmacs=55.080419, params_m=35.401936, source=REBUILT)
NL_128F = thirty_views(128, gmacs=281.522504, params_m=35.401936, source=REBUILT)
X3D_M = thirty_views(16, gmacs=6.180613, params_m=3.794322)
X3D_L = thirty_views(
    16, gmacs=24.764017, params_m=6.153432, crop_px=356, convention="at 356 pixels"
)
SLOWFAST_4X16 = thirty_views(32, gmacs=36.099199, params_m=34.480216)
SLOWFAST_8X8 = thirty_views(32, gmacs=65.708888, params_m=34.566488)
SLOWFAST_R101 = thirty_views(32, gmacs=106.511077, params_m=53.774808)
VOV3D_M = thirty_views(16, gmacs=6.425953, params_m=3.667360)
VOV3D_L = thirty_views(
    16, gmacs=12.160212, params_m=6.297168, as_printed=9.306914, convention=SMALL
)
