"""NumPy archives that somebody else may have written: their arrays are checked, then unpacked."""

import io
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from numpy.lib import format as npy

_MAX_HEADER = 1_000
_MAX_BYTES = 2**28  # of a member once it is unpacked
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True, kw_only=True)
class Member:
    """An array that an archive may hold.

    Attributes:
        kinds: Letters of NumPy's kinds that it may be of.
        shape: Exact.
        item_bytes: Most bytes of an element.
        is_optional: True if it may be missing.
    """

    kinds: str
    shape: tuple[int, ...]
    item_bytes: int = 8
    is_optional: bool = False


def unpack(content: bytes, members: Mapping[str, Member]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an archive; loads no pickle.

    Args:
        content: Of the file.
        members: Name of every array that it may hold.

    Raises:
        ValueError: If it is no archive of these arrays, with the fault.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            wanted = {f"{name}.npy" for name in members}
            if len(set(names)) < len(names) or not set(names) <= wanted:
                raise ValueError(f"holds other arrays than {', '.join(members)}")
            return {
                name: _read(archive, name, member)
                for name, member in members.items()
                if not (member.is_optional and f"{name}.npy" not in names)
            }
    except KeyError as error:
        raise ValueError(f"is incomplete: {error.args[0]}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"is no archive of arrays: {error}") from None


def _read(archive: zipfile.ZipFile, name: str, member: Member) -> npt.NDArray[Any]:
    with archive.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"holds {name} in an unknown format")
        shape, _, dtype = _HEADERS[version](file, max_header_size=_MAX_HEADER)
        if dtype.kind not in member.kinds or dtype.hasobject or dtype.subdtype is not None:
            raise ValueError(f"holds {name} of type {dtype}")
        if shape != member.shape:
            raise ValueError(f"holds {name} of shape {shape}, not {member.shape}")
        size = math.prod(shape) * dtype.itemsize
        if dtype.itemsize > member.item_bytes or size > _MAX_BYTES:
            raise ValueError(f"holds {name} of {size:,} bytes")
    with archive.open(f"{name}.npy") as file:
        array: npt.NDArray[Any] = npy.read_array(
            file, allow_pickle=False, max_header_size=_MAX_HEADER
        )
    return array
