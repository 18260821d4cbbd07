"""Records of finished trials, as JSON: the only source of tables, figures and tracking.

`records/<key>.json` is written whole at the end of a trial; it holds the hash of
`records/<key>.npz`, the scores of every test video.
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
        code: Name of each definition that ran to the hash of its syntax tree.
        metrics: `top1`, `top5` and `map` in percent; number of `videos`.
        params: Parameters of the network that ran, in ones.
        gmacs: Its cost per view, 10^9 multiply-adds under `counting_rule`.
        counting_rule: See `harness.cost.count`.
        history: One entry per epoch.
        scores_sha256: Hash of the scores file.
        provenance: Commit, libraries, machine.
        seconds: Duration of the last attempt.
        resumed_epochs: Finished epochs at the start of each further attempt.
        data: Listed and good videos of each split, and those that may be shorter than a clip; hash
            of the class names; differences of the files.
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
        """Return a hash of all definitions that ran."""
        return _checksum(self.code)[:_DIGITS]

    def is_made_by(self, code: Mapping[str, str]) -> bool:
        """Return whether exactly these definitions made the record; otherwise it is stale."""
        return self.code == code

    @property
    def finished_ms(self) -> int:
        """Return the end of training, in milliseconds since 1970."""
        return int(self.history[-1]["finished_ms"])


@dataclass(frozen=True, kw_only=True)
class FusedRecord(Record):
    """The record of a row that averages the scores of several networks; never on disk.

    Attributes:
        parts: Their records, all of one seed and on the same videos.
    """

    parts: tuple[Record, ...]


def parts_of(record: Record) -> tuple[Record, ...]:
    """Return the records on disk that a record is made from: its own, unless it is fused."""
    return record.parts if isinstance(record, FusedRecord) else (record,)


def trial_key(trial: Trial, passport: str) -> str:
    """Return the key of a trial on a copy of the data: a hash of every field."""
    canonical = json.dumps(
        {"trial": as_dict(trial), "passport": passport}, sort_keys=True, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:_DIGITS]


def write(results: Path, record: Record, scores: bytes) -> None:
    """Write a record, its scores first."""
    folder = results / "records"
    write_atomic(folder / f"{record.key}.npz", scores)
    body = asdict(record)
    text = json.dumps(body | {"checksum": _checksum(body)}, indent=1)
    write_atomic(folder / f"{record.key}.json", f"{text}\n".encode())


def read(results: Path, key: str) -> Record | None:
    """Return a record; None if the trial has not finished.

    Raises:
        ValueError: If the file was altered or has another layout.
    """
    path = results / "records" / f"{key}.json"
    if not path.is_file():
        return None
    try:
        body = json.loads(path.read_bytes())
        checksum = body.pop("checksum")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is not a record ({error}); delete it to run its trial again"
        ) from error
    if checksum != _checksum(body):
        raise ValueError(f"{path} was altered; delete it to run its trial again")
    if body["format"] != FORMAT:
        layouts = f"has layout {body['format']}, but this version reads layout {FORMAT}"
        raise ValueError(f"{path} {layouts}; delete it to run its trial again")
    return Record(**body)


def read_all(results: Path) -> list[Record]:
    """Return every record of a folder, in the order of their keys."""
    keys = sorted(path.stem for path in (results / "records").glob("*.json"))
    return [record for record in (read(results, key) for key in keys) if record is not None]


def _checksum(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
