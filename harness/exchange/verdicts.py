"""Verdicts of every table that a results folder has records of, and their comparison."""

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.scales import SCALES, Changes, own
from harness.exchange.places import Places
from harness.experiment import Experiment
from harness.plan.comparisons import families
from harness.plan.request import Request
from harness.record import Record
from harness.report.build import collect_and_judge
from harness.report.judge import JudgedTable
from harness.runtime import Runtime
from harness.specs import Scale

_NUMBERS = ("estimate", "low", "high", "p")
_TOLERANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A table at a scale.

    Attributes:
        table: Name of the table.
        scale: Of its records.
        changes: Those of a run on a user's own terms, by name; empty at a named scale.
        base: The scale that own terms change; else the same.
    """

    table: str
    scale: Scale
    changes: Mapping[str, Any]
    base: Scale

    @property
    def name(self) -> str:
        """Return the setting in words."""
        changes = " ".join(f"{name}={value}" for name, value in self.changes.items())
        start = f" from {self.base}" if (self.scale, self.base) == ("own", "desk") else ""
        return " ".join(filter(None, (f"{self.table} at {self.scale} scale{start}", changes)))


def settings(records: Sequence[Record], tables: Sequence[Experiment]) -> list[Setting]:
    """Return every table and scale that records serve, own terms included, in the tables' order."""
    places = Places(tables)
    named = {
        (place.table, record.trial["scale"])
        for record in records
        for place in places.of(record)
        if record.trial["scale"] in SCALES
    }
    own_terms: dict[tuple[str, Scale], list[dict[str, Any]]] = {}
    for record in records:
        for found in places.own_places(record):
            _add(own_terms.setdefault((found.place.table, found.base), []), found.changes)
    return [
        setting
        for table in tables
        for setting in (
            *(
                Setting(table=table.name, scale=scale, changes={}, base=scale)
                for scale in SCALES
                if (table.name, scale) in named
            ),
            *(
                Setting(table=table.name, scale="own", changes=changes, base=base)
                for base in SCALES
                for changes in own_terms.get((table.name, base), [])
            ),
        )
    ]


def _add(groups: list[dict[str, Any]], changes: Changes) -> None:
    """Add changes to a group that they do not contradict: a row may need only some of them."""
    given = {name: value for name, value in asdict(changes).items() if value is not None}
    for group in groups:
        if all(group.get(name, value) == value for name, value in given.items()):
            group.update(given)
            return
    groups.append(given)


def judge(
    setting: Setting, results: Path, tables: Sequence[Experiment], data: Path | None = None
) -> JudgedTable:
    """Collect and judge a table.

    Args:
        setting: The table and its scale.
        results: Folder of the records.
        tables: Every table, as their comparisons are corrected together.
        data: Folder of the data sets; None where they are not at hand.

    Raises:
        ValueError: If a record or its scores are damaged, or the table is unknown.
    """
    named = {table.name: table for table in tables}
    if setting.table not in named:
        raise ValueError(
            f"{setting.table} is not a table of this version; name its file with --experiment"
        )
    experiment = named[setting.table]
    rescale = own(Changes(**setting.changes), setting.base)
    corrected = () if setting.scale == "own" else tables
    return collect_and_judge(
        Request(
            experiment=experiment,
            scale=setting.scale,
            base=setting.base,
            rescale=rescale,
            seeds=1,
            runtime=Runtime(results=results, data=data or Path(tempfile.gettempdir()) / "no data"),
            family=families([experiment], corrected, rescale)[experiment.name],
        )
    )


def as_json(setting: Setting, judged: JudgedTable) -> dict[str, Any]:
    """Return the verdicts of a table as JSON holds them."""
    return asdict(setting) | {
        "rows": {
            label: _as_json(verdict.word, verdict) for label, verdict in judged.verdicts.items()
        },
        "claims": {
            f"{claim.claim.kind}: {'; '.join(claim.claim.rows)} ({claim.claim.metric})": _as_json(
                claim.word, claim
            )
            for claim in judged.claims
        },
        "stale": sorted(judged.table.stale),
    }


def _as_json(word: str, judged: Any) -> dict[str, Any]:
    numbers = {name: getattr(judged, name) for name in _NUMBERS}
    return {"verdict": word, "sentence": judged.sentence, **numbers}


def differences(bundled: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for every verdict of a table that is another one now."""
    for kind in ("rows", "claims"):
        for name in sorted({*bundled[kind], *found[kind]}):
            one, other = bundled[kind].get(name), found[kind].get(name)
            if one is None or other is None:
                yield f"{name}: has a verdict {'now' if one is None else 'in the bundle'} alone"
            elif one["verdict"] != other["verdict"]:
                yield f"{name}: {other['verdict']!r}, in the bundle {one['verdict']!r}"
            elif not all(_are_close(one[number], other[number]) for number in _NUMBERS):
                yield f"{name}: {other['sentence']}, in the bundle {one['sentence']}"


def _are_close(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
