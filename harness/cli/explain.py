"""Commands that explain: `harness explain` and `why`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import experiments
from harness.cli.options import (
    _show,
    as_json,
    at_scale,
    in_data,
    in_results,
    on_own_terms,
    one_row,
    terms,
    with_seeds,
)
from harness.plan import grid
from harness.plan.workspace import Workspace, found_row
from harness.provenance import code
from harness.specs import Scale

if TYPE_CHECKING:
    from harness.plan.staleness import Reason

_KEY = re.compile(r"[0-9a-f]{4,20}")


@click.command("explain")
@one_row
@at_scale
@on_own_terms
@in_results
@in_data
@as_json
def explain_row(
    row: str, scale: Scale, results: Path, data: Path, as_json: bool, **asked: Any
) -> None:
    """Line up everything that differs between a row here and the paper's recipe."""
    from harness.plan import deviations

    scale, rescale = terms(scale, data, **asked)
    records = Workspace(results=results, data=data, scale=scale).records()
    found = deviations.explain(*found_row(row), records, scale=scale, rescale=rescale)
    _show(deviations.as_json(found) if as_json else deviations.text(found))


@click.command("why")
@click.argument("what", metavar="KEY|TABLE/ROW")
@at_scale
@with_seeds
@in_results
@in_data
@as_json
def why_record(what: str, seeds: int, as_json: bool, **where: Any) -> None:
    """Say why records are cached, stale or missing, part by part of their key."""
    from harness.plan import staleness

    here = Workspace(**where)
    reasons = _of_row(what, here, seeds) if "/" in what else [_of_key(what, here, seeds)]
    _show(
        staleness.as_json(reasons)
        if as_json
        else "\n".join(staleness.text(each) for each in reasons)
    )


def _of_row(what: str, here: Workspace, seeds: int) -> list["Reason"]:
    from harness.plan import staleness

    experiment, row = found_row(what)
    listed = here.listed([grid.select_rows(experiment, [row.label])], seeds=seeds)
    if not listed:
        raise ValueError(f"{experiment.name} trains nothing, so it has no records")
    records = here.records()
    return [
        staleness.of_trial(
            each,
            records,
            passport=here.passport(each.trial),
            code=code.hashes(each.trial),
            places=code.places(each.trial),
        )
        for each in listed
    ]


def _of_key(what: str, here: Workspace, seeds: int) -> "Reason":
    from harness.plan import staleness

    if not _KEY.fullmatch(what):
        raise ValueError(f"{what!r} is neither TABLE/ROW nor a key, which has 20 digits of 0-9a-f")
    records = here.records()
    listed = here.listed([experiments.load(name) for name in experiments.names()], seeds=seeds)
    asked = {each.key: each for each in listed if here.passport(each.trial)}
    recorded = {each.key: each for each in records}
    fitting = sorted(key for key in asked | recorded if key.startswith(what))
    if len(fitting) != 1:
        several = f"several: {', '.join(fitting)}" if fitting else "no record and no trial"
        raise ValueError(f"{what!r} is the key of {several}, at {here.scale} scale")
    key = fitting[0]
    passports = {each.key: here.passport(each.trial) for each in listed}
    if key in asked:
        trial = asked[key].trial
        return staleness.of_trial(
            asked[key],
            records,
            passport=passports[key],
            code=code.hashes(trial),
            places=code.places(trial),
        )
    codes = {each.key: code.hashes(each.trial) for each in listed}
    return staleness.of_record(recorded[key], listed, passports=passports, codes=codes)


COMMANDS = (explain_row, why_record)
