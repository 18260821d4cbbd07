"""Staleness of records: differences from a trial in fields, data and code, one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.plan.grid import PlannedTrial
from harness.provenance.machine import SWITCHES
from harness.record import Record
from harness.specs import as_dict
from harness.utils.diff import ABSENT, Difference, differences

_MAX_DEFINITIONS = 20


@dataclass(frozen=True, kw_only=True)
class DefinitionChange:
    """A definition whose hash differs from the recorded one.

    Attributes:
        name: Name of the function, class or constant.
        module: Module that defines it now; None if the trial no longer reaches it.
        now: Current hash; `ABSENT` if the trial no longer reaches it.
        recorded: Hash in the record; `ABSENT` if the recorded trial did not reach it.
    """

    name: str
    module: str | None
    now: str
    recorded: str


@dataclass(frozen=True, kw_only=True)
class RecordComparison:
    """The differences of a record from a trial as it would run now.

    Attributes:
        key: Key of the record.
        fields: Fields in which the trials differ: planned, then recorded.
        is_same_data: True if both have the same data passport; None without local data.
        definitions: Definitions whose hashes differ.
        switches: Switches of the runtime that the record was made with, in words; part of no key.
    """

    key: str
    fields: tuple[Difference, ...]
    is_same_data: bool | None
    definitions: tuple[DefinitionChange, ...]
    switches: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The state of a trial or record, with its nearest counterpart as the reason.

    Attributes:
        name: The trial or record, in words.
        key: Its key; None without local data.
        state: `cached`, `stale` or `missing`; `unasked` for a record that no row needs, `unknown`
            without local data.
        nearest: The record of the trial, or the one that differs least; None without records.
    """

    name: str
    key: str | None
    state: str
    nearest: RecordComparison | None


def diagnose_trial(
    planned: PlannedTrial,
    records: Sequence[Record],
    *,
    passport: str | None,
    code: Mapping[str, str],
    places: Mapping[str, str] | None = None,
) -> Diagnosis:
    """Diagnose a trial of a plan: cached, stale or missing, and why.

    Args:
        planned: The trial.
        records: All records.
        passport: Passport of its data; None without local data.
        code: Definitions that it would run, with their hashes.
        places: Definitions with their modules.
    """
    comparisons = [_compare(planned, record, passport, code, places or {}) for record in records]
    if passport is not None:
        own = [comparison for comparison in comparisons if comparison.key == planned.key]
        comparisons = own or comparisons
    state = {"fresh": "cached"}.get(planned.state, planned.state)
    return Diagnosis(
        name=f"{planned.table}/{planned.name}",
        key=planned.key if passport else None,
        state=state if passport else "unknown",
        nearest=min(comparisons, key=_distance, default=None),
    )


def diagnose_record(
    record: Record,
    trials: Sequence[PlannedTrial],
    *,
    passports: Mapping[str, str | None],
    codes: Mapping[str, Mapping[str, str]],
) -> Diagnosis:
    """Diagnose a record that no row needs, by the nearest trial of a row.

    Args:
        record: The record.
        trials: Every trial of a table at its scale, at least one.
        passports: Key of a trial to the passport of its data.
        codes: Key of a trial to the definitions that it would run, with their hashes.
    """
    pairs = [
        (planned, _compare(planned, record, passports[planned.key], codes[planned.key], {}))
        for planned in trials
    ]
    planned, comparison = min(pairs, key=lambda pair: _distance(pair[1]))
    is_possible = comparison.is_same_data is None and not comparison.fields
    return Diagnosis(
        name=f"record {record.key}, nearest to {planned.table}/{planned.name}",
        key=record.key,
        state="unknown" if is_possible else "unasked",
        nearest=comparison,
    )


def _compare(
    planned: PlannedTrial,
    record: Record,
    passport: str | None,
    code: Mapping[str, str],
    places: Mapping[str, str],
) -> RecordComparison:
    return RecordComparison(
        key=record.key,
        fields=tuple(differences(as_dict(planned.trial), record.trial)),
        is_same_data=None if passport is None else passport == record.passport,
        definitions=tuple(
            DefinitionChange(
                name=change.path,
                module=places.get(change.path),
                now=change.one,
                recorded=change.other,
            )
            for change in differences(code, record.code)
        ),
        switches=tuple(words for name, words in SWITCHES.items() if record.provenance.get(name)),
    )


def _distance(comparison: RecordComparison) -> tuple[int, bool, int, str]:
    return (
        len(comparison.fields),
        comparison.is_same_data is False,
        len(comparison.definitions),
        comparison.key,
    )


def as_json(diagnoses: Sequence[Diagnosis]) -> list[dict[str, Any]]:
    """Return diagnoses as JSON holds them."""
    return [asdict(diagnosis) for diagnosis in diagnoses]


def text(diagnosis: Diagnosis) -> str:
    """Return a diagnosis as text, part by part."""
    lines = [
        f"{diagnosis.name}: {_STATES[diagnosis.state]}",
        f"  key {diagnosis.key or _NO_KEY}",
    ]
    nearest = diagnosis.nearest
    if nearest is None:
        return "\n".join([*lines, "  no record to compare with"])
    lines.append(f"  compared with record {nearest.key}:")
    lines += [_field(change) for change in nearest.fields] or ["    fields: all equal"]
    lines.append(f"    passport: {_PASSPORTS[nearest.is_same_data]}")
    lines += [f"    runtime: {switch}, which is part of no key" for switch in nearest.switches]
    return "\n".join([*lines, *_definitions(nearest.definitions)])


_NO_KEY = "unknown: it depends on the data, which are not on this machine"
_STATES = {
    "cached": "cached, by the same code on the same data",
    "stale": "stale, as other code made its record",
    "missing": "missing",
    "unasked": "not needed by any row",
    "unknown": "unknown, as its data are not on this machine",
}
_PASSPORTS = {
    True: "the same",
    False: "another copy of the data",
    None: "unknown, as the data are not on this machine",
}


def _field(change: Difference) -> str:
    return f"    field {change.path} is {change.one}, not {change.other} as recorded"


def _definitions(changes: Sequence[DefinitionChange]) -> list[str]:
    if not changes:
        return ["    definitions: all equal"]
    more = len(changes) - _MAX_DEFINITIONS
    lines = [_definition(change) for change in changes[:_MAX_DEFINITIONS]]
    return [*lines, f"    and {more} more definitions; --json lists all"] if more > 0 else lines


def _definition(change: DefinitionChange) -> str:
    name = f"    definition {change.name}" + (f" of {change.module}" if change.module else "")
    if change.now == ABSENT:
        return f"{name} is no longer used"
    if change.recorded == ABSENT:
        return f"{name} was not used by the recorded trial"
    return f"{name} is {change.now}, not {change.recorded} as recorded"
