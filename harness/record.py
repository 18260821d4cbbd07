"""Records of finished trials, as JSON: the only source of tables, figures and tracking.

`records/<key>.json` is written last at the end of a trial. It holds the hash of the scores of every
test video, `records/<key>-<hash>.npz`, so the two are replaced as one. Older records have their
scores in `records/<key>.npz`.
"""

import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.record_form import DIGITS, FORMAT, check
from harness.record_form import GIVEN_FOLDER as GIVEN_FOLDER
from harness.record_form import checksum as _checksum
from harness.record_form import hash_code as hash_code
from harness.record_form import key_of as key_of
from harness.record_form import trial_key as trial_key
from harness.utils import json_file
from harness.utils.atomic import write_atomic
from harness.utils.json_file import BadFileError
from harness.utils.lookup import freeze
from harness.utils.read_once import ReadOnce

MAX_BYTES = 16 * 2**20
_KEY = re.compile(r"[0-9a-f]{20}")
_REMEDY = "delete it to run its trial again"
_LOG = logging.getLogger(__name__)


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
        gmacs: Its cost per training view, 10^9 multiply-adds under `counting_rule`.
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
        return hash_code(self.code)

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


def write(results: Path, record: Record, scores: bytes) -> None:
    """Write a record, its scores first: a kill in between leaves the earlier pair."""
    folder = results / "records"
    write_atomic(folder / scores_name(record), scores)
    write_atomic(folder / f"{record.key}.json", as_json(record))


def as_json(record: Record) -> bytes:
    """Return a record as its file holds it, with the checksum that tells damage, not forgery."""
    body = asdict(record)
    text = json.dumps(body | {"checksum": _checksum(body)}, indent=1, allow_nan=False)
    return f"{text}\n".encode()


def scores_name(record: Record) -> str:
    """Return the name of a record's scores file."""
    return f"{record.key}-{record.scores_sha256[:DIGITS]}.npz"


class Records(list[Record]):
    """Records of a results folder, found by their trial; of each file that is none, a sentence.

    Args:
        records: Of any trials.
        faults: A sentence on each file that was set aside.
    """

    def __init__(self, records: Iterable[Record] = (), faults: Sequence[str] = ()) -> None:
        super().__init__(records)
        self.faults = tuple(faults)

    def of(self, trial: Mapping[str, Any]) -> list[Record]:
        """Return the records of a trial, whatever their seeds, in the order of the list."""
        return self._by_trial.get(_without_seed(trial), [])

    def without(self, key: str, fault: str) -> "Records":
        """Return the same records without one, whose file is set aside."""
        rest = [record for record in self if record.key != key]
        if len(rest) == len(self):
            raise BadFileError(fault)
        _warn(fault)
        return Records(rest, (*self.faults, fault))

    @cached_property
    def _by_trial(self) -> dict[object, list[Record]]:
        found: dict[object, list[Record]] = {}
        for record in self:
            found.setdefault(_without_seed(record.trial), []).append(record)
        return found


def read(results: Path, key: str) -> Record | None:
    """Return a record; None if the trial has not finished.

    Raises:
        BadFileError: If the file is no record, was altered, or has another layout.
        ValueError: If `key` is not of the form of a key.
    """
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a key; a key is {DIGITS} digits of 0-9a-f")
    try:
        return _read_once(results / "records" / f"{key}.json")
    except FileNotFoundError:
        return None


def find(results: Path, key: str) -> Record | None:
    """Return a record as `read` does; warn of a file that is none, and take it for missing."""
    try:
        return read(results, key)
    except BadFileError as error:
        _warn(str(error))
        return None


def read_all(results: Path) -> Records:
    """Return every record of a folder, in the order of their keys; warn of what is none."""
    records, faults = [], []
    for path in json_file.list_files(results / "records"):
        try:
            records.append(_read_once(path))
        except FileNotFoundError:  # deleted since
            continue
        except BadFileError as error:
            faults.append(str(error))
            _warn(faults[-1])
    return Records(records, faults)


def scores_path(results: Path, record: Record) -> Path:
    """Return the scores file of a record, which may be missing."""
    path = results / "records" / scores_name(record)
    old = path.with_name(f"{record.key}.npz")
    return old if old.exists() and not path.exists() else path


def paths(results: Path, record: Record) -> tuple[Path, Path]:
    """Return the files of a record: its own, and that of its scores."""
    return results / "records" / f"{record.key}.json", scores_path(results, record)


def _load(path: Path) -> Record:
    try:
        body = json_file.loads(json_file.read_bytes(path, max_bytes=MAX_BYTES))
        check(body, path)
    except BadFileError as error:
        raise BadFileError(f"{error}; {_REMEDY}") from None
    except ValueError as error:
        raise BadFileError(f"{path} is not a record: {error}; {_REMEDY}") from None
    return Record(**body)


_read_once = ReadOnce(_load)


def _without_seed(trial: Mapping[str, Any]) -> object:
    """Return what trials have in common that differ in their seeds at most, to look them up by."""
    return freeze({name: value for name, value in trial.items() if name != "seed"})


def _warn(fault: str) -> None:
    _LOG.warning("%s (set aside)", fault)
