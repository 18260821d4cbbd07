"""Why a record counts, or does not: the parts of its key and the code that made it, one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.specs import as_dict
from harness.utils.diff import ABSENT, Difference, differences

_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A definition that differs from the one that made a record.

    Attributes:
        name: Of the function, class or constant.
        module: Where it stands now; None if it is not reached any more.
        now: Its hash; `ABSENT` if it is not reached any more.
        recorded: Its hash in the record; `ABSENT` if it was not reached.
    """

    name: str
    module: str | None
    now: str
    recorded: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A record beside a trial as it would run now.

    Attributes:
        key: Of the record.
        fields: In which the trials differ: wanted, then recorded.
        passport: Whether both ran on the same data; None where no data are here.
        definitions: Whose hash differs.
    """

    key: str
    fields: tuple[Difference, ...]
    passport: bool | None
    definitions: tuple[Changed, ...]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why a trial is cached, stale or missing.

    Attributes:
        name: Of the trial, in words.
        key: Of the trial; None where no data are here to tell.
        state: `cached`, `stale` or `missing`; `unasked` is a record that no row asks for,
            `unknown` what cannot be told without the data.
        nearest: Its own record, or the one that differs least; None if there is no record.
    """

    name: str
    key: str | None
    state: str
    nearest: Comparison | None


def of_trial(
    planned: PlannedTrial,
    records: Sequence[Record],
    *,
    passport: str | None,
    code: Mapping[str, str],
    places: Mapping[str, str] | None = None,
) -> Reason:
    """Say why a trial of a plan has a record that counts, or has none.

    Args:
        planned: The trial.
        records: All there are.
        passport: Of its data; None if they are not here.
        code: Definitions that it would run, with their hashes.
        places: The modules in which they stand.
    """
    compared = [_compare(planned, each, passport, code, places or {}) for each in records]
    if passport is not None:
        compared = [each for each in compared if each.key == planned.key] or compared
    state = {"fresh": "cached"}.get(planned.state, planned.state)
    return Reason(
        name=f"{planned.table}/{planned.name}",
        key=planned.key if passport else None,
        state=state if passport else "unknown",
        nearest=min(compared, key=_distance, default=None),
    )


def of_record(
    record: Record,
    listed: Sequence[PlannedTrial],
    *,
    passports: Mapping[str, str | None],
    codes: Mapping[str, Mapping[str, str]],
) -> Reason:
    """Say by what a record that no row asks for differs from the nearest trial that one does.

    Args:
        record: What is there.
        listed: Every trial that is asked for at its scale, at least one.
        passports: Key of a trial to the passport of its data.
        codes: Key of a trial to the definitions that it would run, with their hashes.
    """
    pairs = [
        (each, _compare(each, record, passports[each.key], codes[each.key], {})) for each in listed
    ]
    nearest, compared = min(pairs, key=lambda pair: _distance(pair[1]))
    name = f"record {record.key}, nearest to {nearest.table}/{nearest.name}"
    same = compared.passport is None and not compared.fields
    return Reason(
        name=name, key=record.key, state="unknown" if same else "unasked", nearest=compared
    )


def _compare(
    planned: PlannedTrial,
    record: Record,
    passport: str | None,
    code: Mapping[str, str],
    places: Mapping[str, str],
) -> Comparison:
    return Comparison(
        key=record.key,
        fields=tuple(differences(as_dict(planned.trial), record.trial)),
        passport=None if passport is None else passport == record.passport,
        definitions=tuple(
            Changed(name=each.path, module=places.get(each.path), now=each.one, recorded=each.other)
            for each in differences(code, record.code)
        ),
    )


def _distance(each: Comparison) -> tuple[int, bool, int, str]:
    return len(each.fields), each.passport is False, len(each.definitions), each.key


def as_json(found: Sequence[Reason]) -> list[dict[str, Any]]:
    """Return reasons as JSON holds them."""
    return [asdict(each) for each in found]


def text(reason: Reason) -> str:
    """Say why, part by part."""
    lines = [f"{reason.name}: {_STATES[reason.state]}", f"  key {reason.key or _NO_KEY}"]
    if reason.nearest is None:
        return "\n".join([*lines, "  there is no record to compare with"])
    near = reason.nearest
    lines.append(f"  beside record {near.key}:")
    lines += [_field(each) for each in near.fields] or ["    fields: all equal"]
    lines.append(f"    passport: {_PASSPORTS[near.passport]}")
    return "\n".join([*lines, *_definitions(near.definitions)])


_NO_KEY = "unknown: its data are not here, and they are part of it"
_STATES = {
    "cached": "cached, by the same code on the same data",
    "stale": "stale, as other code made its record",
    "missing": "missing",
    "unasked": "no row asks for it",
    "unknown": "not to be told, as its data are not here",
}
_PASSPORTS = {
    True: "the same",
    False: "another copy of the data",
    None: "unknown, the data are not here",
}


def _field(each: Difference) -> str:
    return f"    field {each.path} is {each.one}, not {each.other} as recorded"


def _definitions(changed: Sequence[Changed]) -> list[str]:
    if not changed:
        return ["    definitions: all equal"]
    more = len(changed) - _SHOWN
    said = [_definition(each) for each in changed[:_SHOWN]]
    return [*said, f"    and {more} more definitions; --json lists all"] if more > 0 else said


def _definition(each: Changed) -> str:
    name = f"    definition {each.name}" + (f" of {each.module}" if each.module else "")
    if each.now == ABSENT:
        return f"{name} is not reached any more"
    if each.recorded == ABSENT:
        return f"{name} was not reached when it was recorded"
    return f"{name} is {each.now}, not {each.recorded} as recorded"
