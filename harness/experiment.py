"""A table of the paper, as values: rows, printed numbers, claims."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.specs import NAME, Trial

ClaimKind = Literal["better", "same", "best", "trend", "overhead", "ratio"]
Trend = Literal["rising", "falling", "flat", "peak"]
COSTS = ("params_m", "gmacs", "total_gmacs")


@dataclass(frozen=True, kw_only=True)
class QuotedCost:
    """What a network that the zoo lacks costs, counted once on its own code.

    Attributes:
        gmacs: 10^9 multiply-adds per view at `crop_px`, under `counting_rule`.
        counting_rule: See `harness.cost.count`.
        crop_px: Side of the pictures that the row was tested on.
        num_frames: Frames of a view.
        views: Views of a test video.
        params_m: 10^6 parameters, the classifier included.
        as_printed: 10^9 multiply-adds per view under the convention of the print.
        convention: That convention, in words.
        source: What was counted.
    """

    gmacs: float
    counting_rule: str = "mac"
    crop_px: int
    num_frames: int
    views: int
    params_m: float
    as_printed: float
    convention: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a table.

    Attributes:
        label: The name the paper prints.
        trial: What to run, at paper scale; None for a row that only quotes other work.
        ensemble: Further networks whose scores are averaged with those of `trial`.
        published: Printed numbers, with the digits that are printed: `top1`, `top5` or `map` in
            percent, `params_m`, `gmacs` per view, `total_gmacs` over all views.
        source: Where the numbers are printed, if not in this table.
        quoted_cost: Cost of a row without a trial, where it was counted.
        reference: True for a row that the printed table lacks.
    """

    label: str
    trial: Trial | None
    ensemble: tuple[Trial, ...] = ()
    published: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    quoted_cost: QuotedCost | None = None
    reference: bool = False

    def __post_init__(self) -> None:
        if self.trial is not None and self.quoted_cost is not None:
            raise ValueError(f"row {self.label!r}: a trial is counted, so its cost is not quoted")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper asserts of rows of a table.

    Attributes:
        text: The assertion, in one sentence.
        kind: `better`: the first row is above the second. `same`: the two differ by less than
            `limit` points. `best`: the first row is the best of all these. `trend`: along these
            rows the metric takes the shape `trend`. `overhead`: the first row costs at most
            `limit` percent more than the second. `ratio`: the first row costs `limit` times what
            the second does, to the digit that is printed.
        rows: Labels: two of them, but for `best` and `trend`.
        metric: `top1` or another accuracy; for `overhead` and `ratio` one of `COSTS`.
        limit: See `kind`.
        trend: See `kind`. A `peak` is at neither end.
        source: Where the paper says so, if the table itself does not.
    """

    text: str
    kind: ClaimKind
    rows: tuple[str, ...]
    metric: str = "top1"
    limit: float | None = None
    trend: Trend | None = None
    source: str = ""

    def __post_init__(self) -> None:
        pair = self.kind not in ("best", "trend")
        if len(self.rows) != 2 if pair else len(self.rows) < 3 - (self.kind == "best"):
            raise ValueError(f"claim {self.text!r}: {self.kind} is not said of {self.rows}")
        if (self.limit is None) is (self.kind in ("same", "overhead", "ratio")):
            raise ValueError(f"claim {self.text!r}: {self.kind} with limit {self.limit}")
        if (self.trend is None) is (self.kind == "trend"):
            raise ValueError(f"claim {self.text!r}: {self.kind} with trend {self.trend}")
        if (self.metric in COSTS) is not (self.kind in ("overhead", "ratio")):
            raise ValueError(f"claim {self.text!r}: {self.kind} of {self.metric}")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A table of the paper.

    Attributes:
        name: Lower-case name, also the name of its files.
        title: One line, as `nox -l` shows it.
        caption: What the paper says the setting is.
        rows: Its lines, top to bottom.
        notes: What had to be guessed, one sentence each.
        trains: False for a table that is counted or quoted, and not measured.
        claims: What the paper asserts of these rows.
        margin: Points by which an accuracy may differ from the printed one and still count as
            reproduced. Like the claims, it is to stand before the results do.
    """

    name: str
    title: str
    caption: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    trains: bool = True
    claims: tuple[Claim, ...] = ()
    margin: float = 1.5

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(f"experiment name {self.name!r}: only a-z, 0-9 and _ make a file name")
        labels = [row.label for row in self.rows]
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(f"{self.name}: rows need different labels, at least one; got {labels}")
        for claim in self.claims:
            if strange := set(claim.rows) - set(labels):
                raise ValueError(f"{self.name}: {claim.text!r} names {strange}, not rows: {labels}")
