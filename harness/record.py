"""What a trial left, as JSON: the only truth that tables, figures and tracking are made from.

`records/<key>.json` appears whole, at the end of a trial; the scores of every test video lie
beside it in `records/<key>.npz` and are named there by their hash.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.specs import Trial, as_dict
from harness.utils.atomic import write_atomic

FORMAT = 2
_DIGITS = 20


@dataclass(frozen=True, kw_only=True)
class Record:
    """A finished trial.

    Attributes:
        key: Hash of the trial and of its data.
        trial: Every field of the trial.
        passport: Hash of the data set's passport.
        code: Definition that ran to the hash of its syntax tree.
        metrics: `top1`, `top5` in percent; `videos` counted.
        params: Parameters of the network that ran, in ones.
        gmacs: Its cost per view, 10^9 multiply-adds under `counting_rule`.
        counting_rule: See `harness.cost.count`.
        history: One entry per epoch.
        scores_sha256: Hash of the scores file.
        provenance: Commit, libraries, machine.
        seconds: From the start of the last attempt to its end.
        resumed_epochs: Epoch after which each further attempt went on.
        data: Videos listed and good of each split, and those that may be shorter than a clip; hash
            of the class names; how files differ.
        format: Version of this layout.
    """

    key: str
    trial: Mapping[str, Any]
    passport: str
    code: Mapping[str, str]
    metrics: Mapping[str, float]
    params: int
    gmacs: float
    counting_rule: str
    history: list[dict[str, Any]]
    scores_sha256: str
    provenance: Mapping[str, Any]
    seconds: float
    resumed_epochs: list[int]
    data: Mapping[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def code_hash(self) -> str:
        """Return one hash of all definitions that ran."""
        return _checksum(self.code)[:_DIGITS]

    def is_made_by(self, code: Mapping[str, str]) -> bool:
        """Return whether exactly these definitions made the record; otherwise it is stale."""
        return self.code == code

    @property
    def finished_ms(self) -> int:
        """Return the end of training, in milliseconds since 1970."""
        return int(self.history[-1]["finished_ms"])


def key(trial: Trial, passport: str) -> str:
    """Return the name of a trial on these data: a hash of every field."""
    canonical = json.dumps(
        {"trial": as_dict(trial), "passport": passport}, sort_keys=True, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGITS]


def write(results: Path, record: Record, scores: bytes) -> None:
    """Put a record in place, its scores first."""
    folder = results / "records"
    write_atomic(folder / f"{record.key}.npz", scores)
    body = asdict(record)
    text = json.dumps(body | {"checksum": _checksum(body)}, indent=1)
    write_atomic(folder / f"{record.key}.json", f"{text}\n".encode())


def read(results: Path, key: str) -> Record | None:
    """Read one record; None if the trial has not finished.

    Raises:
        ValueError: If the file is not what was written, or of another layout.
    """
    path = results / "records" / f"{key}.json"
    if not path.is_file():
        return None
    try:
        body = json.loads(path.read_bytes())
        checksum = body.pop("checksum")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is no record ({error}); delete it to run its trial again"
        ) from error
    if checksum != _checksum(body):
        raise ValueError(f"{path} was altered; delete it to run its trial again")
    if body["format"] != FORMAT:
        found = f"{path} has layout {body['format']}; this version reads {FORMAT}"
        raise ValueError(f"{found}: delete it to run its trial again")
    return Record(**body)


def read_all(results: Path) -> list[Record]:
    """Read every record of a folder, in the order of their keys."""
    keys = sorted(path.stem for path in (results / "records").glob("*.json"))
    return [record for record in (read(results, key) for key in keys) if record is not None]


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
