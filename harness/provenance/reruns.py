"""Reruns: records of the same trials in two folders, compared bit by bit."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Any

from harness.record import Record

_NOT_COMPARED = ("campaign",)


@dataclass(frozen=True, kw_only=True)
class Rerun:
    """A trial that two folders have a record of.

    Attributes:
        key: Of both records.
        backbone: Of the network.
        module: In the network; None without one.
        seed: Of the trial.
        top1: Top-1 in each folder, in percent.
        is_equal: True if the scores are the same to the last bit.
    """

    key: str
    backbone: str
    module: str | None
    seed: int
    top1: tuple[float, float]
    is_equal: bool


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The records of two folders, compared.

    Attributes:
        reruns: Trials with a record in both.
        provenance: Fields in which the machines, libraries or commits differ, with the distinct
            values of each folder.
    """

    reruns: tuple[Rerun, ...]
    provenance: Mapping[str, tuple[str, str]]


def compare(first: Sequence[Record], second: Sequence[Record]) -> Comparison:
    """Compare the records of two folders.

    Raises:
        ValueError: If they have no trial in common.
    """
    others = {record.key: record for record in second}
    pairs = [(record, others[record.key]) for record in first if record.key in others]
    if not pairs:
        raise ValueError(
            "the two folders have no trial in common; compare runs of the same table on the "
            "same data"
        )
    ones, twos = zip(*pairs, strict=True)
    return Comparison(
        reruns=tuple(_rerun(one, other) for one, other in pairs),
        provenance=_provenance(ones, twos),
    )


def _rerun(one: Record, other: Record) -> Rerun:
    model: Mapping[str, Any] = one.trial["model"]
    return Rerun(
        key=one.key,
        backbone=model["backbone"],
        module=model["module"],
        seed=one.trial["seed"],
        top1=(one.metrics["top1"], other.metrics["top1"]),
        is_equal=one.scores_sha256 == other.scores_sha256,
    )


def _provenance(first: Sequence[Record], second: Sequence[Record]) -> dict[str, tuple[str, str]]:
    """Return the fields of the provenance in which two groups of records differ."""
    names = sorted({name for record in (*first, *second) for name in record.provenance})
    values = {name: (_distinct(first, name), _distinct(second, name)) for name in names}
    values["code"] = (_codes(first), _codes(second))
    return {
        name: pair
        for name, pair in values.items()
        if name not in _NOT_COMPARED and pair[0] != pair[1]
    }


def _codes(records: Sequence[Record]) -> str:
    return ", ".join(sorted({record.code_hash for record in records}))


def _distinct(records: Sequence[Record], name: str) -> str:
    absent = "not recorded"
    texts = {
        json.dumps(record.provenance[name], sort_keys=True).strip('"')
        if name in record.provenance
        else absent
        for record in records
    }
    return ", ".join(sorted(texts))


def text(comparison: Comparison) -> str:
    """Return a comparison as a page of text: trials, how far apart they are, and what differs."""
    lines = [_line(rerun) for rerun in comparison.reruns]
    equal = sum(rerun.is_equal for rerun in comparison.reruns)
    count = len(lines)
    trials = "1 trial" if count == 1 else f"{count} trials"
    summary = f"{trials} in both folders, {equal} equal to the last bit"
    if equal < count:
        gaps = [abs(rerun.top1[0] - rerun.top1[1]) for rerun in comparison.reruns]
        summary += f"; top-1 differs by {mean(gaps):.2f} points on average, {max(gaps):.2f} at most"
    lines += ["", f"{summary}."]
    if comparison.provenance:
        lines += ["Machines, libraries and commits differ in:"]
        lines += [f"  {name}: {one}; {two}" for name, (one, two) in comparison.provenance.items()]
    return "\n".join(lines)


def _line(rerun: Rerun) -> str:
    network = f"{rerun.module} in {rerun.backbone}" if rerun.module else rerun.backbone
    verdict = "equal" if rerun.is_equal else f"{rerun.top1[1] - rerun.top1[0]:+.2f}"
    one, other = rerun.top1
    return f"{rerun.key}  {network:24} seed {rerun.seed}  {one:6.2f} {other:6.2f}  {verdict}"
