"""Commands that look ahead or explain: plan, explain, why, bench-step, recount.

All but the last two run without PyTorch, so that they answer at once.
"""

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import experiments
from experiments.scales import SCALES
from harness import plan
from harness.here import Here, found_row
from harness.options import (
    as_json,
    at_scale,
    given_tables,
    in_data,
    in_results,
    labels,
    named,
    on_own_terms,
    one_row,
    only_rows,
    terms,
    with_seeds,
)
from harness.provenance import code
from harness.rates import GPUS, Rate, assumed, read
from harness.specs import Scale

if TYPE_CHECKING:
    from harness.why import Reason

_KEY = re.compile(r"[0-9a-f]{4,20}")


@click.command("plan")
@given_tables
@at_scale
@only_rows
@with_seeds
@click.option(
    "--gpu", default="h200", show_default=True, help=f"At paper scale: {', '.join(GPUS)}."
)
@click.option(
    "--gpus",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="At paper scale: how many, one trial each.",
)
@click.option(
    "--throughput",
    type=click.Path(path_type=Path),
    help="What bench-step --json printed, instead of an assumption.",
)
@in_results
@in_data
@as_json
def plan_tables(
    tables: tuple[str, ...],
    rows: str,
    seeds: int,
    gpu: str,
    gpus: int,
    throughput: Path | None,
    as_json: bool,
    **where: Any,
) -> None:
    """Say which trials tables need, what they cost and what they can decide.

    Makes no data: where they are not here, nothing counts as recorded.
    """
    here = Here(**where)
    chosen = [plan.narrowed(experiments.load(name), labels(rows)) for name in named(tables)]
    rate = _rate(here.scale, gpu, throughput)
    from harness import outlook

    devices = gpus if here.scale == "paper" else os.cpu_count() or 1
    found = outlook.look(here, chosen, seeds=seeds, rate=rate, devices=devices)
    _show(outlook.as_json(found) if as_json else outlook.text(found))


def _rate(scale: Scale, gpu: str, throughput: Path | None) -> Rate | None:
    """Return the rate to plan with; at desk scale the records tell it."""
    declared = assumed(gpu)
    if throughput is not None:
        return read(throughput, scale=scale)
    return declared if scale == "paper" else None


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
    from harness import explain

    scale, shrink = terms(scale, data, **asked)
    records = Here(results=results, data=data, scale=scale).records()
    found = explain.explain(*found_row(row), records, scale=scale, shrink=shrink)
    _show(explain.as_json(found) if as_json else explain.text(found))


@click.command("why")
@click.argument("what", metavar="KEY|TABLE/ROW")
@at_scale
@with_seeds
@in_results
@in_data
@as_json
def why_record(what: str, seeds: int, as_json: bool, **where: Any) -> None:
    """Say why records are cached, stale or missing, part by part of their key."""
    from harness import why

    here = Here(**where)
    reasons = _of_row(what, here, seeds) if "/" in what else [_of_key(what, here, seeds)]
    _show(why.as_json(reasons) if as_json else "\n".join(why.text(each) for each in reasons))


def _of_row(what: str, here: Here, seeds: int) -> list["Reason"]:
    from harness import why

    experiment, row = found_row(what)
    listed = here.listed([plan.narrowed(experiment, [row.label])], seeds=seeds)
    if not listed:
        raise ValueError(f"{experiment.name} trains nothing, so it has no records")
    records = here.records()
    return [
        why.of_trial(
            each,
            records,
            passport=here.passport(each.trial),
            code=code.hashes(each.trial),
            places=code.places(each.trial),
        )
        for each in listed
    ]


def _of_key(what: str, here: Here, seeds: int) -> "Reason":
    from harness import why

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
        return why.of_trial(
            asked[key],
            records,
            passport=passports[key],
            code=code.hashes(trial),
            places=code.places(trial),
        )
    codes = {each.key: code.hashes(each.trial) for each in listed}
    return why.of_record(recorded[key], listed, passports=passports, codes=codes)


@click.command("bench-step")
@one_row
@at_scale
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:<index>.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--batch", type=click.IntRange(min=1), help="Videos in a step.  [default: the row's]")
@click.option("--steps", type=click.IntRange(min=2), default=20, show_default=True)
@as_json
def measure_steps(row: str, scale: Scale, batch: int | None, as_json: bool, **setting: Any) -> None:
    """Time training steps of a row on this machine; `plan --throughput` reads the JSON."""
    experiment, chosen = found_row(row)
    if chosen.trial is None:
        raise ValueError(f"{experiment.name}/{chosen.label} has no network")
    trial = SCALES[scale](chosen.trial)
    from harness import step

    measured = step.measure(
        trial,
        table=experiment.name,
        row=chosen.label,
        batch_videos=batch or trial.train.batch_videos,
        **setting,
    )
    _show(step.as_json(measured) if as_json else step.text(measured))


@click.command("recount")
def count_again() -> None:
    """Count the networks of every table again; plans read the counts instead of a network."""
    from harness import counted

    written = counted.write(
        shrink(row.trial)
        for name in experiments.names()
        for row in experiments.load(name).rows
        for shrink in SCALES.values()
        if row.trial is not None
    )
    click.echo(f"{written} networks counted")


def _show(what: object) -> None:
    text = what if isinstance(what, str) else json.dumps(what, indent=1, ensure_ascii=False)
    click.echo(text)


COMMANDS = (plan_tables, explain_row, why_record, measure_steps, count_again)
