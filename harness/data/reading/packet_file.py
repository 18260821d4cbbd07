"""The packet index of a data set: what its check learned of the packets of every file.

It lies beside the passport, so that no process has to read the packets of a file before it reads
frames by plan. A file of safetensors, mapped and so shared by all processes of a machine: sorted
beginnings of the hashes of the files, the ends of their entries, and the entries. Its metadata name
the passport and the version of the reader. Whatever is wrong with it, files are read without it.
"""

import filecmp
import json
import logging
import os
import struct
import weakref
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from harness.data import gate
from harness.data.passport.column_file import checksum
from harness.data.reading.packet_packing import Entry
from harness.data.video import Video
from harness.utils import json_file
from harness.utils.atomic import replace_synced

# Versions that a packet table depends on: a change of one makes every index stale.
READER = f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}, packets 1"
_SUFFIX = ".packets"
_ARRAYS = ("keys", "ends")
_CHECKSUM = struct.Struct("<I")
_HASH_BYTES = 32
_KEY_BYTES = 8
_START = _CHECKSUM.size + _HASH_BYTES
_REMEDY = "run `harness data check` again to have it written anew"
_FAILURES = (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError)
_LOG = logging.getLogger(__name__)


class PacketFile:
    """A packet index that is open, here and in child processes; see `find`."""

    def __init__(
        self, path: Path, digest: str, content: Any, arrays: Mapping[str, np.ndarray]
    ) -> None:
        self.path, self._digest = path, digest
        self._keys, self._ends = arrays["keys"], arrays["ends"]
        self._entries = content.get_slice("entries")
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._bytes = os.fstat(self._file).st_size
        self._is_whole = True
        weakref.finalize(self, os.close, self._file)

    def __reduce__(self) -> tuple[Any, tuple[Path, str]]:
        """Open it again in a process that is not forked from this one."""
        return find, (self.path, self._digest)

    def get(self, video: Video) -> Entry | None:
        """Return the entry of a video file; None if the index has none that fits it.

        Args:
            video: With the hash of its content, which has been compared.
        """
        try:
            digest = bytes.fromhex(video.sha256)
        except ValueError:
            return None
        if len(digest) != _HASH_BYTES or not self._is_whole:
            return None
        try:
            entry = self._find(digest)
        except _FAILURES as error:
            self._is_whole = False
            _LOG.warning("%s is damaged, so it is passed over: %s; %s", self.path, error, _REMEDY)
            return None
        has_other_frames = entry and entry.table and len(entry.table.pts) != video.frames
        return None if has_other_frames else entry

    def _find(self, digest: bytes) -> Entry | None:
        key = np.uint64(int.from_bytes(digest[:_KEY_BYTES], "big"))
        index = int(np.searchsorted(self._keys, key))
        while index < len(self._keys) and self._keys[index] == key:
            content = self._content(index)
            if content.startswith(digest):
                return Entry.unpack(content[_HASH_BYTES:])
            index += 1
        return None

    def _content(self, index: int) -> bytes:
        """Return the hash and the entry of a file."""
        start, end = int(self._ends[index - 1]) if index else 0, int(self._ends[index])
        # A mapped page that the file has lost would kill this process.
        if os.fstat(self._file).st_size != self._bytes:
            raise ValueError("it was cut off while it was read")
        content: bytes = self._entries[start:end].tobytes()
        if len(content) < _START or _CHECKSUM.unpack_from(content)[0] != _crc(content):
            raise ValueError("an entry differs from its checksum")
        return content[_CHECKSUM.size :]


def index_path(path: Path) -> Path:
    """Return the path of the packet index of a passport."""
    return path.with_suffix(_SUFFIX)


def find(path: Path, digest: str) -> PacketFile | None:
    """Open the packet index beside a passport.

    Args:
        path: Of the passport.
        digest: Hash of the passport.

    Returns:
        None without one; it warns of one that is damaged or of another passport or version.
    """
    file = index_path(path)
    try:
        gate.check_regular(file)
        content: Any = safe_open(file, "np")
        text = (content.metadata() or {}).get("head", "")
        head = json_file.loads(text.encode())
        for name, expected in _head(digest).items():
            if head.get(name) != expected:
                _LOG.warning("%s is of another %s, so it is passed over; %s", file, name, _REMEDY)
                return None
        arrays = {name: content.get_tensor(name) for name in _ARRAYS}
        if content.get_tensor("sha256").tobytes() != _sha256(text, arrays):
            raise ValueError("its content differs from its hash")
        _check_arrays(arrays, content.get_slice("entries"))
        return PacketFile(file, digest, content, arrays)
    except FileNotFoundError:
        return None
    except _FAILURES as error:
        _LOG.warning("%s is damaged, so it is passed over: %s; %s", file, error, _REMEDY)
        return None


def write(path: Path, digest: str, entries: Mapping[str, bytes]) -> bool:
    """Write the packet index of a passport; without entries none is left.

    An equal index stays in place, since others may have mapped it.

    Args:
        path: Of the passport.
        digest: Hash of the passport.
        entries: Packed entry of each file, by the hash of the file.

    Returns:
        Whether there is one now.
    """
    file = index_path(path)
    if not entries:
        file.unlink(missing_ok=True)
        return False
    body, ends = bytearray(), np.empty(len(entries), np.int64)
    digests = sorted(map(bytes.fromhex, entries))
    for number, one in enumerate(digests):
        content = one + entries[one.hex()]
        body += _CHECKSUM.pack(zlib.crc32(content)) + content
        ends[number] = len(body)
    keys = np.array([int.from_bytes(one[:_KEY_BYTES], "big") for one in digests], np.uint64)
    arrays: dict[str, np.ndarray] = {"keys": keys, "ends": ends}
    head = json.dumps(_head(digest))
    sha256 = np.frombuffer(_sha256(head, arrays), np.uint8)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        arrays |= {"sha256": sha256, "entries": np.frombuffer(body, np.uint8)}
        save_file(arrays, part, {"head": head})
        if not _is_same(part, file):
            replace_synced(part, file)
    finally:
        part.unlink(missing_ok=True)
    return True


def _head(digest: str) -> dict[str, str]:
    return {"version": READER, "passport": digest}


def _sha256(head: str, arrays: Mapping[str, np.ndarray]) -> bytes:
    return bytes.fromhex(checksum(head, arrays))


def _crc(content: bytes) -> int:
    return zlib.crc32(memoryview(content)[_CHECKSUM.size :])


def _check_arrays(arrays: Mapping[str, np.ndarray], entries: Any) -> None:
    """Refuse places outside the entries.

    Raises:
        ValueError: If there are any.
    """
    keys, ends = arrays["keys"], arrays["ends"]
    (size,) = entries.get_shape()
    is_good = keys.dtype == np.uint64 and ends.dtype == np.int64 and entries.get_dtype() == "U8"
    if not is_good or keys.ndim != 1 or keys.shape != ends.shape or not len(keys):
        raise ValueError("it has other arrays than keys and ends")
    if np.diff(ends, prepend=0).min() < _START or ends[-1] != size:
        raise ValueError("its entries lie elsewhere than it says")


def _is_same(part: Path, file: Path) -> bool:
    try:
        gate.check_regular(file)
        return filecmp.cmp(part, file, shallow=False)
    except (OSError, ValueError):
        return False
