"""Check of a folder with a picture for each frame: every picture is decoded once.

The rules, in order: a limit on the number of files; pictures are regular files, with the targets of
links inside the root; they are numbered without gaps (`harness.data.pictures`), all decode, and
have one size. Other files are passed over, and the passport counts them.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.data import pictures
from harness.data.passport import content_sha256
from harness.data.prepare.probe_error import ProbeError, check_size, translate_os_errors
from harness.data.prepare.video_facts import PICTURES, Limits
from harness.data.reading import picture_file
from harness.data.video import DamagedVideoError


def read(folder: Path, roots: Sequence[Path], limits: Limits, fields: dict[str, Any]) -> None:
    """Decode every picture of a folder.

    Args:
        folder: Its links are resolved.
        roots: Folders that the files of links must lie in; their links are resolved.
        limits: What it may hold.
        fields: Receives the fields of `Facts`.

    Raises:
        ProbeError: If it is not whole or not allowed.
    """
    with translate_os_errors():
        names = _picture_names(folder, roots, limits)
        fields |= {
            "size": sum((folder / name).stat().st_size for name in names),
            "mtime_ns": folder.stat().st_mtime_ns,
        }
        fields["sha256"] = content_sha256(folder)
    # A folder has no header and no time stamps; its pictures are key frames, displayed as stored.
    constants = {"header_frames": None, "promised_s": None, "stamps": (), "key_start": True}
    fields |= constants | {"container": PICTURES, "turned": False}
    try:
        _decode(folder, pictures.sort_by_number(names), limits, fields)
    except MemoryError:
        raise ProbeError("out of memory", "video needs more memory than its limit") from None
    except DamagedVideoError as error:
        raise ProbeError("damaged", str(error)) from None


def _picture_names(folder: Path, roots: Sequence[Path], limits: Limits) -> list[str]:
    """Return the pictures of a folder; refuse links out of the roots, and folders without any."""
    names: list[str] = []
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries, start=1):
            if count > limits.max_frames:
                raise ProbeError("refused", f"folder has more than {limits.max_frames} files")
            if pictures.is_picture(entry.name) and not entry.name.startswith("."):
                _check_regular(entry, roots)
                names.append(entry.name)
    if not names:
        raise ProbeError("refused", "folder holds no picture")
    return names


def _check_regular(entry: os.DirEntry[str], roots: Sequence[Path]) -> None:
    if entry.is_symlink():
        target = Path(os.path.realpath(entry))
        if not any(target.is_relative_to(root) for root in roots):
            raise ProbeError("refused", f"{entry.name!r} lies outside the folder of the data set")
    if not entry.is_file():
        raise ProbeError("refused", f"{entry.name!r} is not a regular file")


def _decode(folder: Path, names: list[str], limits: Limits, fields: dict[str, Any]) -> None:
    size = None
    for index, name in enumerate(names):
        with picture_file.open_picture(folder / name) as image:
            check_size(*image.size, limits)
            size = size or image.size
            if size != image.size:
                raise ProbeError("damaged", f"{name!r} differs in size from the first picture")
            picture_file.load(image, name)
        fields |= {"width": size[0], "height": size[1], "frames": index + 1}
        fields["codec"] = pictures.FORMATS[Path(name).suffix.lower()]
