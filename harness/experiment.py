"""A table of the paper as values: rows, printed numbers, claims."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from harness.specs import NAME, OneOf, Text, Trial, Within, check_fields, check_path

ClaimKind = Literal["better", "same", "best", "trend", "overhead", "ratio"]
Trend = Literal["rising", "falling", "flat", "peak"]
Origin = Literal["stated", "read off", "ours"]
Source = Literal[
    "slides",
    "release",
    "V4D",
    "TSM",
    "TANet",
    "TEA",
    "MVFNet",
    "SlowFast",
    "X3D",
    "VoV3D",
    "data set",
    "guess",
]
Sources = Mapping[str, Source]
ACCURACIES = ("top1", "top5", "map")
COSTS = ("params_m", "gmacs", "total_gmacs")
Metric = Annotated[str, OneOf((*ACCURACIES, *COSTS))]
Printed = Annotated[int | float, Within(above=0)]  # with its printed digits
Written = Literal["backbone", "training", "test", "input", "gflops"]


class BrokenTableError(ValueError):
    """A table that cannot be used, in one sentence; the others can."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a table.

    Attributes:
        label: The printed name.
        trial: At paper scale; None for a row that only quotes other work.
        ensemble: Further networks whose scores are averaged with those of `trial`.
        published: Printed numbers with their printed digits: `top1`, `top5` or `map` in percent,
            `params_m`, `gmacs` per view, `total_gmacs` over all views.
        as_written: Printed cells that are text: `backbone`; `training`, T × U; `test`, T × U ×
            crops; `input` of a counted pass; `gflops`, a product where one is printed.
        source: Place of the printed numbers, if not this table.
        reference: True for a row that the printed table lacks.
        is_truncated: True if the source of the printed costs cuts digits off, not rounds them.
        single_seed: True if one trial is enough. None is filled in by the table: True for the rows
            of a comparison that no claim on an accuracy names.
    """

    label: Text
    trial: Trial | None
    ensemble: tuple[Trial, ...] = ()
    published: Mapping[Metric, Printed] = field(default_factory=dict)
    as_written: Mapping[Written, str] = field(default_factory=dict)
    source: str = ""
    reference: bool = False
    is_truncated: bool = False
    single_seed: bool | None = None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Return the trials of all networks of the row; none if it quotes other work."""
        return (self.trial, *self.ensemble) if self.trial is not None else ()

    def ablating(self, fields: tuple[str, ...]) -> "Row":
        """Return the row with trials of a table that ablates some fields."""
        if all(trial.ablates == fields for trial in self.trials):
            return self
        trial, *ensemble = (replace(trial, ablates=fields) for trial in self.trials)
        return replace(self, trial=trial, ensemble=tuple(ensemble))

    def __post_init__(self) -> None:
        check_fields(self)
        if self.trial is None and self.ensemble:
            raise ValueError(f"row {self.label!r} has an ensemble without a trial; set trial")
        for name in set(self.published) & set(ACCURACIES):
            if self.published[name] > 100:
                raise ValueError(
                    f"row {self.label!r} has published[{name!r}]={self.published[name]}; an "
                    "accuracy is in percent, 100 at most"
                )


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An assertion about rows of a table.

    Attributes:
        text: The assertion, in one sentence.
        kind: `better`: the first row is above the second. `same`: the two differ by less than
            `limit` points. `best`: the first row is the best of these. `trend`: the metric takes
            the shape `trend` along these rows. `overhead`: the first row costs at most `limit`
            percent more than the second. `ratio`: the first row costs `limit` times as much as
            the second, to the printed digit.
        rows: Labels: two, but at least two for `best` and three for `trend`.
        metric: `top1` or another accuracy; for `overhead` and `ratio` one of `COSTS`.
        limit: See `kind`.
        trend: See `kind`. A `peak` is at neither end.
        origin: `stated`: a sentence of the abstract or the slides, quoted in `source`. `read off`:
            the printed digits show it, but no sentence says it. `ours`: neither.
        source: Place of the assertion, if not the table itself.
    """

    text: Text
    kind: ClaimKind
    rows: tuple[str, ...]
    metric: Metric = "top1"
    limit: Annotated[int | float, Within(at_least=0)] | None = None
    trend: Trend | None = None
    origin: Origin = "ours"
    source: str = ""

    def __post_init__(self) -> None:
        check_fields(self)
        claim = f"claim {self.text!r} of kind {self.kind}"
        if self.origin == "stated" and not self.source:
            raise ValueError(f"{claim} is stated; quote the sentence in source")
        count, least = len(self.rows), 3 if self.kind == "trend" else 2
        is_open = self.kind in ("best", "trend")
        if count < least or (count > least and not is_open):
            expected = f"{least} or more" if is_open else least
            raise ValueError(f"{claim} names {count} rows; it takes {expected}")
        if len(set(self.rows)) < count:
            raise ValueError(f"{claim} names a row twice: {', '.join(self.rows)}")
        if (self.limit is None) is (self.kind in ("same", "overhead", "ratio")):
            allowed = "same, overhead and ratio take a number, other kinds None"
            raise ValueError(f"{claim} has limit={self.limit}; {allowed}")
        if (self.trend is None) is (self.kind == "trend"):
            raise ValueError(f"{claim} has trend={self.trend}; trend takes a shape, others None")
        if (self.metric in COSTS) is not (self.kind in ("overhead", "ratio")):
            allowed = f"overhead and ratio take {', '.join(COSTS)}; other kinds take an accuracy"
            raise ValueError(f"{claim} has metric={self.metric}; {allowed}")


def _no_sources(_: Trial) -> Sources:
    return {}


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A table of the paper.

    Attributes:
        name: Lower-case name, also of its files.
        title: One line, as `nox -l` shows it.
        caption: The printed setting.
        document: What the caption is the setting of.
        rows: From top to bottom.
        notes: Guesses and remarks, one sentence each.
        trains: False for a table of counted or quoted numbers without trials.
        is_comparison: True if networks of several works are compared: accuracy is charted against
            cost, and columns of what ran here are left out as long as nothing did.
        claims: Assertions about these rows.
        margin: Largest difference, in points, of a reproduced accuracy from the printed one. Set
            before the first result, like the claims.
        ablates: Fields of a trial, such as `model.blocks`, that a scale must leave as they are.
            Where it does not, the claims over such a row cannot be tested at that scale.
        sources: Source of the value of each field of a trial at paper scale, by path
            (`train.lr`); a path also covers the fields below it. Empty where nothing is known.
    """

    name: str
    title: str
    caption: str
    document: str = "Paper"
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    trains: bool = True
    is_comparison: bool = False
    claims: tuple[Claim, ...] = ()
    margin: Annotated[int | float, Within(above=0)] = 1.5
    ablates: tuple[str, ...] = ()
    sources: Callable[[Trial], Sources] = _no_sources

    def __post_init__(self) -> None:
        check_fields(self)
        for path in self.ablates:
            check_path(path)
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"experiment name {self.name!r} cannot be a file name; use a-z, 0-9 and _"
            )
        object.__setattr__(self, "rows", tuple(self._completed(row) for row in self.rows))
        labels = [row.label for row in self.rows]
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(f"{self.name} needs rows with different labels; got {labels}")
        for claim in self.claims:
            if unknown := set(claim.rows) - set(labels):
                message = f"{self.name}: claim {claim.text!r} names {unknown}, which are not rows"
                raise ValueError(f"{message}; the rows are {labels}")

    def _completed(self, row: Row) -> Row:
        """Return a row with what the table says of it."""
        if row.single_seed is None:
            accuracies = [claim for claim in self.claims if claim.metric in ACCURACIES]
            judged = {label for claim in accuracies for label in claim.rows}
            row = replace(row, single_seed=self.is_comparison and row.label not in judged)
        return row.ablating(self.ablates)
