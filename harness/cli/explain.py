"""Commands that explain numbers and records: `harness explain` and `why`."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness import tables as all_tables
from harness.cli.options import (
    data_option,
    json_option,
    open_workspace,
    print_result,
    results_option,
    row_argument,
    scale_change_options,
    scale_option,
    seeds_option,
)
from harness.cli.report.records import command, place_of, terms_of
from harness.cli.requests import experiment_option, short_path, warn_once
from harness.plan import grid
from harness.plan.grid import PlannedTrial, Seeds
from harness.plan.workspace import Workspace, find_table_row
from harness.provenance import code
from harness.record import Record, read_all
from harness.specs import Scale

if TYPE_CHECKING:
    from harness.plan.staleness import Diagnosis

_KEY = re.compile(r"[0-9a-f]{4,20}")


@click.command("explain")
@row_argument
@scale_option
@scale_change_options
@results_option
@data_option
@json_option
def explain_row(
    row: str, scale: Scale, results: Path, data: Path, as_json: bool, **changes: Any
) -> None:
    """List all deviations of a row from the paper's recipe, with their expected effects."""
    from harness.plan import explanation

    workspace = open_workspace(scale, results, data, **changes)
    result = explanation.explain(
        *find_table_row(row),
        workspace.records(),
        scale=workspace.scale,
        rescale=workspace.rescale,
    )
    print_result(explanation.as_json(result) if as_json else explanation.text(result))


@click.command("why")
@experiment_option
@click.argument("target", metavar="KEY|TABLE/ROW")
@scale_option
@scale_change_options
@seeds_option
@results_option
@data_option
@json_option
def explain_state(target: str, seeds: Seeds, as_json: bool, **options: Any) -> None:
    """Explain, part by part of the key, why records are cached, stale or missing."""
    from harness.plan import staleness

    workspace = open_workspace(**options)
    diagnoses = (
        _diagnose_row(target, workspace, seeds)
        if "/" in target
        else [_diagnose_key(target, workspace, seeds)]
    )
    print_result(
        staleness.as_json(diagnoses)
        if as_json
        else "\n".join(staleness.text(diagnosis) for diagnosis in diagnoses)
    )


def _diagnose_row(text: str, workspace: Workspace, seeds: Seeds) -> list["Diagnosis"]:
    experiment, row = find_table_row(text)
    trials = workspace.trials_of(grid.select_rows(experiment, [row.label]), seeds=seeds)
    if not trials:
        raise ValueError(f"{experiment.name} trains nothing, so it has no records")
    records = workspace.records()
    return [_diagnose_trial(planned, workspace, records) for planned in trials]


def _diagnose_trial(
    planned: PlannedTrial, workspace: Workspace, records: Sequence[Record]
) -> "Diagnosis":
    from harness.plan import staleness

    return staleness.diagnose_trial(
        planned,
        records,
        passport=workspace.passport(planned.trial),
        code=code.hashes(planned.trial),
        places=code.places(planned.trial),
    )


def _diagnose_key(prefix: str, workspace: Workspace, seeds: Seeds) -> "Diagnosis":
    from harness.plan import staleness

    if not _KEY.fullmatch(prefix):
        if prefix.lower() in all_tables.names():
            find_table_row(prefix)  # says which rows it has
        raise ValueError(
            f"{prefix!r} is neither TABLE/ROW nor a key; a key is 4 to 20 digits of 0-9a-f"
        )
    records = workspace.records()
    if not any(record.key.startswith(prefix) for record in records):
        _check_scale(prefix, workspace)
    tables = all_tables.load_all(warn_once)
    trials = workspace.trials(tables, seeds=seeds, warn=warn_once)
    planned = {trial.key: trial for trial in trials if workspace.passport(trial.trial)}
    recorded = {record.key: record for record in records}
    key = _match_key(prefix, sorted({*planned, *recorded}), workspace.scale)
    if key in planned:
        return _diagnose_trial(planned[key], workspace, records)
    return staleness.diagnose_record(
        recorded[key],
        trials,
        passports={trial.key: workspace.passport(trial.trial) for trial in trials},
        codes={trial.key: code.hashes(trial.trial) for trial in trials},
    )


def _check_scale(prefix: str, workspace: Workspace) -> None:
    """Refuse a key that one record has, at another scale or on other terms.

    Raises:
        ValueError: If it is one; gives the command that explains it.
    """
    found = [record for record in read_all(workspace.results) if record.key.startswith(prefix)]
    if len(found) != 1 or found[0].trial["scale"] == workspace.scale:
        return
    (record,) = found
    place, scale = place_of(record), record.trial["scale"]
    if place is None:
        raise ValueError(
            f"{record.key} is a record at {scale} scale, of no table that is known here; name its "
            "TABLE/ROW with the options of its run"
        )
    row = f"{all_tables.word(place.place.table)}/{place.place.row}"
    folders = ["--results", short_path(workspace.results), "--data", short_path(workspace.data)]
    seeds = ["--seeds", f"{record.trial['seed']},"]
    words = command(["why", row, *terms_of(place), *seeds, *folders])
    raise ValueError(f"{record.key} is a record at {scale} scale; run: {words}")


def _match_key(prefix: str, keys: Sequence[str], scale: Scale) -> str:
    matches = [key for key in keys if key.startswith(prefix)]
    if not matches:
        raise ValueError(f"{prefix!r} matches no record and no trial at {scale} scale")
    if len(matches) > 1:
        raise ValueError(
            f"{prefix!r} matches several keys at {scale} scale: {', '.join(matches)}; "
            "type more digits"
        )
    return matches[0]


COMMANDS = (explain_row, explain_state)
