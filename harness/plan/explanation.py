"""The explanation of a row's accuracy: printed, measured, and everything that differs between."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.experiment import Experiment, Row, Source
from harness.plan import grid, recipe_sources
from harness.plan.deviations import RecipeDeviation, find_deviations, newest_record
from harness.record import Record
from harness.specs import Scale, Trial


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A row's printed and measured accuracy, and everything that differs from the recipe.

    Attributes:
        table: Name of the experiment.
        row: Label.
        scale: Scale of the trials.
        printed: Printed numbers of the row.
        measured: Top-1 by seed.
        provenance: Of the newest record; empty without records.
        deviations: By decreasing expected effect, unknown effects last.
        recipe: Values of the paper's trial by path, grouped by their source.
        guesses: Gaps in the paper, how they were filled, and sources of printed numbers.
    """

    table: str
    row: str
    scale: Scale
    printed: Mapping[str, float]
    measured: Mapping[int, float]
    provenance: Mapping[str, Any]
    deviations: tuple[RecipeDeviation, ...]
    recipe: Mapping[Source, Mapping[str, Any]]
    guesses: tuple[str, ...]


def explain(
    experiment: Experiment,
    row: Row,
    records: Sequence[Record],
    *,
    scale: Scale,
    rescale: Callable[[Trial], Trial],
) -> Explanation:
    """List everything that differs between a row and the paper's recipe.

    Args:
        experiment: The table, at paper scale.
        row: One of its rows.
        records: Of any trials.
        scale: Name of the scale.
        rescale: Trial at paper scale to the trial that runs.

    Raises:
        ValueError: If the row only quotes other work.
    """
    if row.trial is None:
        raise ValueError(
            f"{experiment.name}/{row.label} quotes {row.source or 'other work'} and has no trial "
            "to explain; name a row that runs"
        )
    has_records = experiment.trains and not row.ensemble
    own = grid.records_of(row.trial, records, rescale=rescale) if has_records else []
    newest = newest_record(own)
    deviations = find_deviations(
        rescale(row.trial), row.trial, own, sources=experiment.sources(row.trial)
    )
    return Explanation(
        table=experiment.name,
        row=row.label,
        scale=scale,
        printed=row.published,
        measured={int(record.trial["seed"]): record.metrics["top1"] for record in own},
        provenance=newest.provenance if newest else {},
        deviations=deviations if experiment.trains else (),
        recipe=recipe_sources.by_source(experiment, row.trial),
        guesses=experiment.notes,
    )


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON holds it."""
    return asdict(explanation)


def text(explanation: Explanation) -> str:
    """Return an explanation as one page of text."""
    printed = ", ".join(f"{name} {value}" for name, value in explanation.printed.items())
    lines = [
        f"{explanation.table}/{explanation.row} at {explanation.scale} scale",
        f"printed: {printed or 'nothing'}",
        _measured_line(explanation),
    ]
    if explanation.deviations:
        lines += ["", "Deviations from the table's recipe, with their expected effect in points:"]
        lines += [_line(deviation) for deviation in explanation.deviations]
    if explanation.recipe:
        lines += ["", "The recipe, value by value, after its source:"]
        lines += [f"  {line}" for line in recipe_sources.lines(explanation.recipe)]
    if explanation.guesses:
        lines += ["", "Guesses and quotes, with unknown effects:"]
        lines += [f"  {guess}" for guess in explanation.guesses]
    return "\n".join(lines)


def _measured_line(explanation: Explanation) -> str:
    if not explanation.measured:
        return "measured: nothing yet; the deviations are those of the planned trials"
    values = ", ".join(f"{top1:.1f} (seed {seed})" for seed, top1 in explanation.measured.items())
    commit, device = (explanation.provenance.get(name) for name in ("commit", "device"))
    return f"measured: top1 {values}; commit {str(commit)[:7]} on {device}"


def _line(deviation: RecipeDeviation) -> str:
    effect, points = deviation.effect, "unknown"
    if effect.points:
        points = f"{effect.points[0]:g} to {effect.points[1]:g}, {effect.certainty}"
    source = f"  [{effect.source}]" if effect.source else ""
    paper = f"{deviation.source or 'recipe'}: {deviation.paper}"
    return f"  {points:23} {deviation.subject}: {deviation.ours}; {paper}{source}"
