"""Deviations of a trial from the paper's recipe, with their expected effects on accuracy."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from harness.data import sizes as data_sizes
from harness.data.datasets import desk_recipe
from harness.experiment import Source, Sources
from harness.plan import known_effects, recipe_sources
from harness.plan.known_effects import ExpectedEffect
from harness.record import Record
from harness.specs import DataSpec, Trial, as_dict
from harness.utils.diff import ABSENT, Difference, differences, format_value

RELEASE: Source = "release"
RELEASED = {"train.precision": "float32"}
RELEASED_SOFTWARE = {"python": "3.7", "torch": "1.5"}
_NOT_COMPARED = ("evaluation.every_epochs", "data.name", "data.num_classes", "train.norm_videos")


@dataclass(frozen=True, kw_only=True)
class RecipeDeviation:
    """One difference from the recipe, with its expected effect on the accuracy.

    Attributes:
        subject: The field of a trial, or other part of the setting.
        ours: What ran or would run.
        paper: The recipe's.
        effect: Expected effect on the accuracy.
        source: Source of the recipe's value; None where it is not known.
    """

    subject: str
    ours: str
    paper: str
    effect: ExpectedEffect
    source: Source | None = None


def newest_record(records: Sequence[Record]) -> Record | None:
    """Return the record that finished last; None without records."""
    return max(records, key=lambda record: record.finished_ms, default=None)


def find_deviations(
    ours: Trial, paper: Trial, records: Sequence[Record], *, sources: Sources
) -> tuple[RecipeDeviation, ...]:
    """List the deviations of a trial, by decreasing expected effect.

    Args:
        ours: The trial that ran or would run.
        paper: The trial of the paper.
        records: Records of the former.
        sources: Source of the paper's values, by path.
    """
    newest = newest_record(records)
    deviations = [
        *_videos(ours.data, paper.data, newest),
        *_fields(ours, paper, sources),
        *_batch_norm(ours, paper, sources),
        *_software(newest.provenance if newest else {}),
        *_released_code(paper, seeds=len(records)),
    ]
    return tuple(sorted(deviations, key=_by_decreasing_effect))


def _by_decreasing_effect(deviation: RecipeDeviation) -> float:
    points = deviation.effect.points
    return -points[1] if points else 1.0


def _videos(ours: DataSpec, paper: DataSpec, newest: Record | None) -> list[RecipeDeviation]:
    """Compare the videos: another data set, or another copy of the same."""
    printed = data_sizes.data_set_size(paper)
    scored = f"; {newest.metrics['videos']:g} were scored" if newest else ""
    theirs = f"{paper.name}: {printed.train:,} and {printed.test:,} of {paper.num_classes} classes"
    if ours.name != paper.name:
        other = f"{_size(ours)} of {ours.num_classes} classes{scored}"
        return [
            RecipeDeviation(
                subject="videos", ours=other, paper=theirs, effect=known_effects.OTHER_VIDEOS
            )
        ]
    return [
        RecipeDeviation(
            subject="videos",
            ours=f"the local copy{scored or '; not counted before the first run'}",
            paper=theirs,
            effect=known_effects.COPY,
        ),
        RecipeDeviation(
            subject="lists of labels",
            ours="those of the local copy",
            paper="the authors'",
            effect=known_effects.LISTS,
        ),
    ]


def _size(data: DataSpec) -> str:
    if data.name not in (*desk_recipe.RECIPES, *data_sizes.PUBLISHED):
        return f"{data.name}, videos"
    sizes = data_sizes.data_set_size(data)
    return f"{data.name}: {sizes.train:,} and {sizes.test:,}"


def _fields(ours: Trial, paper: Trial, sources: Sources) -> list[RecipeDeviation]:
    changes = differences(_flat(as_dict(ours)), _flat(as_dict(paper)) | RELEASED)
    released: Sources = {**sources, **dict.fromkeys(RELEASED, RELEASE)}
    return [_field(change, released) for change in changes if change.path not in _NOT_COMPARED]


def _field(change: Difference, sources: Sources) -> RecipeDeviation:
    ours, paper = (format_value(side) for side in (change.one, change.other))
    effect = known_effects.expected_effect(".".join(change.path.split(".")[:2]))
    source = recipe_sources.source_of(sources, change.path) if change.other != ABSENT else None
    return RecipeDeviation(
        subject=change.path, ours=ours, paper=paper, effect=effect, source=source
    )


def _flat(trial: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a trial by their paths, two levels deep."""
    parts = {name: part for name, part in trial.items() if isinstance(part, Mapping)}
    return {
        f"{part}.{name}": value for part, fields in parts.items() for name, value in fields.items()
    }


def _batch_norm(ours: Trial, paper: Trial, sources: Sources) -> list[RecipeDeviation]:
    """Compare the number of videos over which batch norm averages."""
    videos, recipe = (
        trial.train.norm_videos or trial.train.batch_videos for trial in (ours, paper)
    )
    if videos == recipe:
        return []
    return [
        RecipeDeviation(
            subject="batch norm over",
            ours=f"{videos} videos",
            paper=f"{recipe} videos",
            effect=known_effects.expected_effect("train.norm_videos"),
            source=recipe_sources.source_of(sources, "train.norm_videos"),
        )
    ]


def _software(provenance: Mapping[str, Any]) -> list[RecipeDeviation]:
    """Compare versions of software: recorded ones, or installed ones without a record."""
    libraries = provenance.get("libraries", {})
    ours = {
        "python": provenance.get("python") or platform.python_version(),
        "torch": libraries.get("torch") or version("torch"),
    }
    return [
        RecipeDeviation(
            subject=f"version of {name}",
            ours=str(ours[name]),
            paper=f"{released}, as the released code requires",
            effect=known_effects.UNKNOWN,
        )
        for name, released in RELEASED_SOFTWARE.items()
    ]


def _released_code(trial: Trial, *, seeds: int) -> list[RecipeDeviation]:
    """List the deviations from the released code, which are the same at every scale."""
    deviations = [
        RecipeDeviation(
            subject="random numbers",
            ours="by (seed, epoch, video)",
            paper="NumPy's own state, the same in every loader process",
            effect=known_effects.WORKERS,
        ),
        RecipeDeviation(
            subject="seeds",
            ours=f"mean of {seeds or 'several'}",
            paper="one run",
            effect=known_effects.SEEDS,
        ),
    ]
    if trial.model.module == "dsa" and trial.evaluation.num_crops > 1:
        deviations.append(
            RecipeDeviation(
                subject="order of test snippets",
                ours=trial.evaluation.grouping,
                paper="crops in the place of snippets, if by the released code",
                effect=known_effects.GROUPING,
            )
        )
    return deviations
