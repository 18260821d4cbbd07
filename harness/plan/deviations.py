"""Why a number is what it is: everything in which a row departs from the paper's recipe."""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from harness.data import sizes as data_sizes
from harness.data.datasets import desk_recipe
from harness.experiment import Experiment, Row
from harness.plan import grid, known_effects
from harness.plan.known_effects import ExpectedEffect
from harness.record import Record
from harness.specs import DataSpec, Scale, Trial, as_dict
from harness.utils.diff import Difference, differences, format_value

RELEASED = {"train.precision": "float32"}
RELEASED_SOFTWARE = {"python": "3.7", "torch": "1.5"}
_NO_NUMBER = ("evaluation.every_epochs", "data.name", "data.num_classes", "train.norm_videos")


@dataclass(frozen=True, kw_only=True)
class Departure:
    """One difference: what it is of, what is so here, what the paper has, what it may cost."""

    what: str
    here: str
    paper: str
    known: ExpectedEffect


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What is to be known of a row's number.

    Attributes:
        table: Name of the experiment.
        row: Label.
        scale: At which it ran or would run.
        printed: What the paper prints of it.
        measured: Top-1 by seed.
        provenance: Of the newest record; empty before the first.
        departures: Those that are known to cost most come first, unknown ones last.
        guesses: What the paper leaves open, and where a printed number comes from.
    """

    table: str
    row: str
    scale: Scale
    printed: Mapping[str, float]
    measured: Mapping[int, float]
    provenance: Mapping[str, Any]
    departures: tuple[Departure, ...]
    guesses: tuple[str, ...]


def explain(
    experiment: Experiment,
    row: Row,
    records: Sequence[Record],
    *,
    scale: Scale,
    rescale: Callable[[Trial], Trial],
) -> Explanation:
    """Line up everything that differs between a row as it ran, or would run, and the paper.

    Args:
        experiment: The table, at paper scale.
        row: One of its rows.
        records: Of any trials; those of this row count.
        scale: Name of the scale, of which `rescale` is what it does.
        rescale: Trial at paper scale to the trial that runs.

    Raises:
        ValueError: If the row only quotes other work.
    """
    if row.trial is None:
        raise ValueError(f"{experiment.name}/{row.label} quotes {row.source}; nothing of it runs")
    found = grid.records_of(row, records, scale=rescale) if experiment.trains else []
    newest = _newest(found)
    return Explanation(
        table=experiment.name,
        row=row.label,
        scale=scale,
        printed=row.published,
        measured=_measured(found),
        provenance=newest.provenance if newest else {},
        departures=_departures(rescale(row.trial), row.trial, found) if experiment.trains else (),
        guesses=experiment.notes,
    )


def _measured(found: Sequence[Record]) -> dict[int, float]:
    return {int(each.trial["seed"]): each.metrics["top1"] for each in found}


def _departures(here: Trial, paper: Trial, found: Sequence[Record]) -> tuple[Departure, ...]:
    newest = _newest(found)
    departures = [
        *_videos(here.data, paper.data, newest),
        *_fields(here, paper),
        *_batch_norm(here, paper),
        *_software(newest.provenance if newest else {}),
        *_released(paper, seeds=len(found)),
    ]
    return tuple(sorted(departures, key=_dearest_first))


def _newest(found: Sequence[Record]) -> Record | None:
    return max(found, key=lambda each: each.finished_ms, default=None)


def _dearest_first(departure: Departure) -> float:
    points = departure.known.points
    return -points[1] if points else 1.0


def _videos(here: DataSpec, paper: DataSpec, newest: Record | None) -> list[Departure]:
    """Compare counts of videos: other videos, or another copy of the same."""
    printed = data_sizes.data_set_size(paper)
    scored = f"; {newest.metrics['videos']:g} were scored" if newest else ""
    theirs = f"{paper.name}: {printed.train:,} and {printed.test:,} of {paper.num_classes} classes"
    if here.name != paper.name:
        mine = f"{_size(here)} of {here.num_classes} classes{scored}"
        return [Departure(what="videos", here=mine, paper=theirs, known=known_effects.OTHER_VIDEOS)]
    mine = f"the copy at hand{scored or '; not counted before it runs'}"
    script = "those of the copy at hand"
    return [
        Departure(what="videos", here=mine, paper=theirs, known=known_effects.COPY),
        Departure(
            what="lists of labels", here=script, paper="the authors'", known=known_effects.LISTS
        ),
    ]


def _size(data: DataSpec) -> str:
    if data.name not in (desk_recipe.DESK, *data_sizes.PUBLISHED):
        return f"{data.name}, videos"
    ours = data_sizes.data_set_size(data)
    return f"{data.name}: {ours.train:,} and {ours.test:,}"


def _fields(here: Trial, paper: Trial) -> list[Departure]:
    found = differences(_flat(as_dict(here)), _flat(as_dict(paper)) | RELEASED)
    return [_departure(each) for each in found if each.path not in _NO_NUMBER]


def _batch_norm(here: Trial, paper: Trial) -> list[Departure]:
    """Compare the videos whose statistics a batch norm computes together."""
    sizes = [each.train.norm_videos or each.train.batch_videos for each in (here, paper)]
    if sizes[0] == sizes[1]:
        return []
    ours, theirs = (f"{size} videos" for size in sizes)
    found = known_effects.of("train.norm_videos")
    return [Departure(what="batch norm over", here=ours, paper=theirs, known=found)]


def _flat(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Name every field of a trial by its path, two levels deep."""
    parts = {name: part for name, part in trial.items() if isinstance(part, Mapping)}
    return {f"{part}.{name}": value for part, each in parts.items() for name, value in each.items()}


def _departure(found: Difference) -> Departure:
    """Name a difference after the field of the trial that it is in."""
    here, paper = (format_value(side) for side in (found.one, found.other))
    field = ".".join(found.path.split(".")[:2])
    return Departure(what=found.path, here=here, paper=paper, known=known_effects.of(field))


def _software(provenance: Mapping[str, Any]) -> list[Departure]:
    """Compare versions: those that ran, or those that would."""
    libraries = provenance.get("libraries", {})
    here = {
        "python": provenance.get("python") or platform.python_version(),
        "torch": libraries.get("torch") or version("torch"),
    }
    return [
        Departure(
            what=f"version of {name}",
            here=str(here[name]),
            paper=f"{released}, which the released code asks for",
            known=known_effects.UNKNOWN,
        )
        for name, released in RELEASED_SOFTWARE.items()
    ]


def _released(trial: Trial, *, seeds: int) -> list[Departure]:
    """Name what the released code does otherwise, whatever the scale."""
    ours = "by (seed, epoch, video)"
    theirs = "NumPy's own state, the same in every loader process"
    found = [
        Departure(what="random numbers", here=ours, paper=theirs, known=known_effects.WORKERS),
        Departure(
            what="seeds",
            here=f"mean of {seeds or 'several'}",
            paper="one run",
            known=known_effects.SEEDS,
        ),
    ]
    if trial.model.module == "dsa" and trial.evaluation.num_crops > 1:
        theirs = "crops taken for snippets, if by the released code"
        ours = trial.evaluation.grouping
        what = "order of test snippets"
        found.append(Departure(what=what, here=ours, paper=theirs, known=known_effects.GROUPING))
    return found


def as_json(found: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON holds it."""
    return asdict(found)


def text(found: Explanation) -> str:
    """Write an explanation on one page."""
    printed = ", ".join(f"{name} {value}" for name, value in found.printed.items()) or "nothing"
    lines = [
        f"{found.table}/{found.row} at {found.scale} scale",
        f"printed: {printed}",
        _ran(found),
    ]
    if found.departures:
        lines += ["", "Not as in the paper, by the points that such a thing is known to cost:"]
        lines += [_line(each) for each in found.departures]
    if found.guesses:
        lines += ["", "Guessed or quoted, at a cost that nobody knows:"]
        lines += [f"  {guess}" for guess in found.guesses]
    return "\n".join(lines)


def _ran(found: Explanation) -> str:
    if not found.measured:
        return "measured: nothing yet; this is what would run"
    values = ", ".join(f"{top1:.1f} (seed {seed})" for seed, top1 in found.measured.items())
    made = found.provenance
    where = f"commit {str(made.get('commit'))[:7]} on {made.get('device')}"
    return f"measured: top1 {values}; {where}"


def _line(each: Departure) -> str:
    points = "unknown"
    if each.known.points:
        points = f"{each.known.points[0]:g} to {each.known.points[1]:g}, {each.known.certainty}"
    why = f"  [{each.known.source}]" if each.known.source else ""
    return f"  {points:23} {each.what}: {each.here}; paper: {each.paper}{why}"
