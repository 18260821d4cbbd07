"""Preregistration: claims and margin of a table, kept before its first result.

`declared/<name>.json` is written when a table starts to run without any record; later runs leave it
unchanged, so a claim or margin changed afterwards is marked as post hoc. The wording and the origin
of a claim may change: they do not alter what is tested.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.experiment import Claim, Experiment
from harness.record import Record
from harness.report.results import file_stem
from harness.specs import Scale
from harness.utils.atomic import write_atomic

_ASSERTION = ("kind", "rows", "metric", "limit", "trend")


def preregister(
    experiment: Experiment, *, scale: Scale, results: Path, records: Sequence[Record]
) -> None:
    """Write the claims and the margin of a table, unless it has records already."""
    if not records:
        text = json.dumps(_statement(experiment), indent=1, ensure_ascii=False)
        write_atomic(_path(experiment, scale, results), f"{text}\n".encode())


def post_hoc_claims(experiment: Experiment, *, scale: Scale, results: Path) -> tuple[Claim, ...]:
    """Return the claims that assert something else than any claim before the first result."""
    before = [_assertion(claim) for claim in _read(experiment, scale, results)["claims"]]
    now = [_assertion(claim) for claim in _statement(experiment)["claims"]]
    return tuple(
        claim for claim, fields in zip(experiment.claims, now, strict=True) if fields not in before
    )


def is_margin_post_hoc(experiment: Experiment, *, scale: Scale, results: Path) -> bool:
    """Return whether the margin was changed after the first result."""
    return bool(_read(experiment, scale, results)["margin"] != experiment.margin)


def _statement(experiment: Experiment) -> dict[str, Any]:
    claims = [asdict(claim) for claim in experiment.claims]
    statement: dict[str, Any] = json.loads(
        json.dumps({"margin": experiment.margin, "claims": claims})
    )
    return statement


def _assertion(claim: Mapping[str, Any]) -> list[Any]:
    """Return the fields that decide the test of a claim, as JSON holds them."""
    return [claim.get(name) for name in _ASSERTION]


def _read(experiment: Experiment, scale: Scale, results: Path) -> dict[str, Any]:
    path = _path(experiment, scale, results)
    if not path.is_file():
        return {"margin": None, "claims": []}
    try:
        statement: dict[str, Any] = json.loads(path.read_bytes())
        return {"margin": statement["margin"], "claims": statement["claims"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a preregistration ({error}); delete it") from error


def _path(experiment: Experiment, scale: Scale, results: Path) -> Path:
    return results / "declared" / f"{file_stem(experiment, scale)}.json"
