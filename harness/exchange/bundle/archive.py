"""Archives with equal bytes for equal files, and their unpacking without trust."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, BinaryIO, Self

MAX_BYTES = 8 * 2**30
MAX_FILES = 200_000
_MODE = 0o644
_BLOCK = 2**20
_OF_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_SPARSE = "it holds a sparse file, which is not a regular file"
_HEADER_BYTES = 2**11  # of a long name; larger ones take Python's reader memory, and time squared


def write(path: Path, files: Mapping[str, bytes | Path]) -> None:
    """Write a `.tar.gz` of files: sorted, without times, owners or modes of this machine.

    Args:
        path: The archive.
        files: Name in the archive to the content, or to the file that holds it.
    """
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(files):
            found = files[name]
            content = found if isinstance(found, bytes) else found.read_bytes()
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), _MODE
            archive.addfile(member, io.BytesIO(content))


def unpack(path: Path, folder: Path, *, max_bytes: int = MAX_BYTES) -> list[str]:
    """Unpack regular files below a folder, and return their names.

    Args:
        path: The archive.
        folder: An empty folder.
        max_bytes: Most bytes, unpacked; what it takes to unpack them stays below as well.

    Raises:
        ValueError: If it is no such archive, is cut off, holds a link, a device, a path that leads
            outside, a file twice, or more than is allowed.
    """
    names: dict[str, None] = {}  # a set that keeps its order
    try:
        with (
            gzip.open(path, "rb") as packed,
            _Limited(packed, max_bytes, path) as limited,
            tarfile.open(fileobj=limited, mode="r|", tarinfo=_Header) as archive,
        ):
            for member in archive:
                names[_checked(member, names, path)] = None
                archive.extract(member, folder, filter="data")
            while limited.read(_BLOCK):  # the checksum of the whole comes last
                pass
    except _HeaderError as error:
        raise ValueError(f"{path} was refused: {error}") from None
    except (tarfile.TarError, zlib.error, EOFError, OSError, RecursionError) as error:
        raise ValueError(f"{path} is not a whole bundle: {error}") from error
    return list(names)


def list_files(file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield the first byte and the name of every file of an open `.tar`, without trust.

    Raises:
        ValueError: If it is no such archive, is cut off, or holds anything else than files.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:", tarinfo=_Header) as archive:
            for member in archive:
                if not member.isreg() or member.issparse():
                    raise _HeaderError(f"{member.name!r} is not a regular file")
                yield member.offset_data, member.name
    except (tarfile.TarError, EOFError, OSError, RecursionError) as error:
        raise ValueError(f"not a whole archive: {error}") from error


class _HeaderError(ValueError):
    """A header that no archive of ours has."""


class _Header(tarfile.TarInfo):
    """A header, refused if it is of a sparse file, or says more of the next one than a name."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Return the header that a block holds."""
        header = super().frombuf(buf, encoding, errors)
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise _HeaderError(_SPARSE)
        most = _HEADER_BYTES if header.type not in _OF_FILES else MAX_BYTES
        if not 0 <= header.size <= most:
            raise _HeaderError(f"it has a header of {header.size:,} bytes")
        return header

    def _proc_gnusparse_10(self, *_: object) -> None:
        # Python's reader of such files waits for a line break without end.
        raise _HeaderError(_SPARSE)


def _checked(member: tarfile.TarInfo, names: Mapping[str, None], path: Path) -> str:
    """Return the name of a member that may be unpacked."""
    parts = member.name.split("/")
    if not member.isreg() or member.issparse():
        raise ValueError(f"{path} was refused: {member.name!r} is not a regular file")
    if member.name.startswith("/") or "\\" in member.name or {"", ".", ".."} & set(parts):
        raise ValueError(f"{path} was refused: {member.name!r} leads outside the bundle")
    if len(names) >= MAX_FILES:
        raise ValueError(f"{path} was refused: it has more than {MAX_FILES:,} files")
    if member.name in names:
        raise ValueError(f"{path} was refused: it holds {member.name!r} twice")
    return member.name


class _Limited(io.RawIOBase):
    """A stream that ends with an error after so many bytes: small archives can unpack to huge."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, limit: int, path: Path) -> None:
        super().__init__()
        self.stream, self.left, self.limit, self.path = stream, limit, limit, path

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes."""
        content = self.stream.read(min(size, self.left + 1) if size >= 0 else self.left + 1)
        self.left -= len(content)
        if self.left < 0:
            raise ValueError(f"{self.path} was refused: it unpacks to over {self.limit:,} bytes")
        return content
