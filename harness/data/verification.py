"""Comparison of a data set with its passport, once a machine and campaign.

The first process compares every file and leaves a note beside the passport; others of the same
campaign and machine believe it for a day, if it is about the same passport. The stamps of the files
stay in the note, so that files whose times differ from those of the passport, as those of a staged
copy do, are hashed once. Loader processes compare the stamp of every video that they read with
those of the note.
"""

import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from jaxtyping import Int64

from harness.data import passport
from harness.data.passport import Passport
from harness.data.passport.columns_check import NO_STAMP
from harness.utils import files, json_file, process
from harness.utils.atomic import write_atomic

FOLDER = "verified"
VALID_S = 86_400.0
_MAX_BYTES = 100_000
_STAMP = "<i8"
_LOG = logging.getLogger(__name__)
Stamps = Int64[np.ndarray, "N 2"]
Verify = Callable[[Path, Passport], Passport]


def verify(_path: Path, known: Passport) -> Passport:
    """Compare every video with a passport, and return the passport with their stamps.

    Raises:
        DamagedVideoError: If a video is missing or differs, or lies elsewhere.
    """
    found = [stamp for videos in known.splits.values() for stamp in passport.verify(videos)]
    return known.with_stamps(np.array(found, np.int64).reshape(-1, 2), known.digest)


def verify_once(path: Path, known: Passport, campaign: str) -> Passport:
    """Compare videos as `verify` does, unless another process of this campaign has done so here.

    Args:
        path: Of the passport, below whose folder the note is kept.
        known: The passport as it was read.
        campaign: Name of the campaign; without one, no note of others is believed.

    Raises:
        DamagedVideoError: If a video is missing or differs, or lies elsewhere.
    """
    memory = _Memory(path.parent / FOLDER, known, campaign)
    believed = memory.recall()
    if believed is not None:
        return believed
    with memory.alone():
        believed = memory.recall()
        if believed is not None:
            return believed
        known = _with_columns(path, known)
        verified = verify(path, memory.restamped(known))
        memory.keep(verified)
    return verified


def _with_columns(path: Path, known: Passport) -> Passport:
    """Return a passport read from columns, which are made if they are worth it and missing."""
    with contextlib.suppress(OSError):
        if passport.write_columns(path, known):
            return passport.read(path)
    return known


@dataclass(frozen=True, kw_only=True)
class _Note:
    """The last comparison on a machine.

    Attributes:
        passport: Hash of the passport's JSON.
        digest: Hash of the passport.
        stamps: Hash of the file of the stamps.
        scopes: Who may believe it, to its time in seconds since 1970; see `_scope`.
    """

    passport: str
    digest: str
    stamps: str
    scopes: Mapping[str, float]


class _Memory:
    """The note on a data set on this machine.

    Args:
        folder: Of the notes of all machines.
        known: The passport.
        campaign: Name of the campaign.
    """

    def __init__(self, folder: Path, known: Passport, campaign: str) -> None:
        self._known = known
        self._scope = _scope(campaign)
        self._path = folder / f"{process.hashed_hostname()}-{os.getuid()}.json"
        self._stamps_path = self._path.with_suffix(".stamps")

    def recall(self) -> Passport | None:
        """Return the passport as the note has it; None without a valid one."""
        note = self._note()
        if note is None or not _is_valid(note.scopes.get(self._scope)):
            return None
        stamps = self._stamps(note)
        return None if stamps is None else self._known.with_stamps(stamps, note.digest)

    def restamped(self, known: Passport) -> Passport:
        """Return a passport with the stamps that the note has of its files.

        A file without a stamp in the passport gets none, so that it is hashed every time.
        """
        note = self._note()
        stamps = None if note is None else self._stamps(note)
        if stamps is None:
            return known
        own = known.stamps
        return known.with_stamps(np.where(own[:, :1] == NO_STAMP, own, stamps), known.digest)

    def keep(self, verified: Passport) -> None:
        """Write the note, if it is of use; without the right to, none is kept."""
        if not self._scope and np.array_equal(verified.stamps, self._known.stamps):
            return
        content = verified.stamps.astype(_STAMP).tobytes()
        sha256, last = hashlib.sha256(content).hexdigest(), self._note()
        others = last.scopes if last is not None and last.stamps == sha256 else {}
        scopes = {scope: then for scope, then in others.items() if _is_valid(then)}
        note = _Note(
            passport=self._known.file_sha256,
            digest=verified.digest,
            stamps=sha256,
            scopes=scopes | ({self._scope: time.time()} if self._scope else {}),
        )
        try:
            write_atomic(self._stamps_path, content)
            write_atomic(self._path, json.dumps(asdict(note)).encode())
        except OSError as error:
            _LOG.info("%s cannot be written, so every process verifies: %s", self._path, error)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for other processes of this machine that verify; without the right to, do not."""
        with contextlib.ExitStack() as held:
            with contextlib.suppress(OSError):
                files.make_folder(self._path.parent)
                held.enter_context(FileLock(self._path.with_suffix(".lock")))
            yield

    def _note(self) -> _Note | None:
        body = json_file.find(self._path, "verification", max_bytes=_MAX_BYTES)
        if body is None or body["passport"] != self._known.file_sha256:
            return None
        return _Note(**body)

    def _stamps(self, note: _Note) -> Stamps | None:
        """Return the stamps of all videos; None without those of the note."""
        size = 2 * np.dtype(_STAMP).itemsize * sum(map(len, self._known.splits.values()))
        try:
            content = json_file.read_bytes(self._stamps_path, max_bytes=size)
        except (OSError, ValueError):
            return None
        if len(content) != size or hashlib.sha256(content).hexdigest() != note.stamps:
            return None
        return np.frombuffer(content, _STAMP).astype(np.int64).reshape(-1, 2)


def _is_valid(then: float | None) -> bool:
    return then is not None and 0 <= time.time() - then < VALID_S


def _scope(campaign: str) -> str:
    """Return a hash of the machine since its start, the user and the campaign; empty without."""
    machine = process.machine_id()
    if not campaign or not machine:
        return ""
    return hashlib.sha256(f"{machine}\n{os.getuid()}\n{campaign}".encode()).hexdigest()
