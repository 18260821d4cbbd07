"""What a table claimed before its first result, so that a claim changed afterwards is known.

`declared/<name>.json` is written when a table starts to run and has no record yet; from then on it
stays as it is.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.experiment import Claim, Experiment
from harness.record import Record
from harness.specs import Scale
from harness.utils.atomic import write_atomic


def declare(
    experiment: Experiment, *, scale: Scale, results: Path, records: Sequence[Record]
) -> None:
    """Write down the claims and the margin of a table that has no records yet."""
    if not records:
        text = json.dumps(_statement(experiment), indent=1, ensure_ascii=False)
        write_atomic(_path(experiment, scale, results), f"{text}\n".encode())


def late(experiment: Experiment, *, scale: Scale, results: Path) -> tuple[Claim, ...]:
    """Return the claims that were not declared, or not like this, before the first result."""
    known = _read(experiment, scale, results)["claims"]
    stated = _statement(experiment)["claims"]
    return tuple(
        claim for claim, text in zip(experiment.claims, stated, strict=True) if text not in known
    )


def margin_is_late(experiment: Experiment, *, scale: Scale, results: Path) -> bool:
    """Say whether the margin is another one than before the first result."""
    return bool(_read(experiment, scale, results)["margin"] != experiment.margin)


def _statement(experiment: Experiment) -> dict[str, Any]:
    whole = {"margin": experiment.margin, "claims": [asdict(each) for each in experiment.claims]}
    plain: dict[str, Any] = json.loads(json.dumps(whole))
    return plain


def _read(experiment: Experiment, scale: Scale, results: Path) -> dict[str, Any]:
    path = _path(experiment, scale, results)
    if not path.is_file():
        return {"margin": None, "claims": []}
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        return {"margin": found["margin"], "claims": found["claims"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} does not say what was claimed ({error}); delete it") from error


def _path(experiment: Experiment, scale: Scale, results: Path) -> Path:
    name = experiment.name if scale == "desk" else f"{experiment.name}-{scale}"
    return results / "declared" / f"{name}.json"
