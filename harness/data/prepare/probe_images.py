"""Check of a folder with a picture for each frame: every picture is decoded once.

The rules, in order: only regular files, with the targets of links inside the root; a limit on their
number; numbered JPEG pictures without gaps (`jpeg_sequence`); all decode, and have one size.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.data.passport import content_sha256
from harness.data.prepare.probe_error import ProbeError, check_size, translate_os_errors
from harness.data.prepare.video_facts import PICTURES, Limits
from harness.data.reading import jpeg_sequence
from harness.data.video import DamagedVideoError


def read(folder: Path, root: Path, limits: Limits, fields: dict[str, Any]) -> None:
    """Decode every picture of a folder.

    Args:
        folder: Its links are resolved.
        root: Folder that the files of links must lie in.
        limits: What it may hold.
        fields: Receives the fields of `Facts`.

    Raises:
        Finding: If it is not whole or not allowed.
    """
    with translate_os_errors():
        files = list(_files(folder, Path(os.path.realpath(root)), limits))
        stats = [file.stat() for file in files]
        fields |= {
            "size": sum(status.st_size for status in stats),
            "mtime_ns": folder.stat().st_mtime_ns,
        }
        fields["sha256"] = content_sha256(folder)
    if not files:
        raise ProbeError("refused", "folder is empty")
    # A folder has no header and no time stamps; its pictures are key frames, displayed as stored.
    constants = {"header_frames": None, "promised_s": None, "stamps": (), "key_start": True}
    fields |= constants | {"container": PICTURES, "codec": "jpeg", "turned": False}
    try:
        _decode(folder, files, limits, fields)
    except MemoryError:
        raise ProbeError("out of memory", "video needs more memory than its limit") from None
    except DamagedVideoError as error:
        raise ProbeError("damaged", str(error)) from None


def _files(folder: Path, root: Path, limits: Limits) -> Iterator[Path]:
    """Yield the files of a folder; refuse other entries and links out of the root."""
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries, start=1):
            if count > limits.max_frames:
                raise ProbeError("refused", f"folder has more than {limits.max_frames} files")
            if entry.is_symlink() and not Path(os.path.realpath(entry)).is_relative_to(root):
                raise ProbeError(
                    "refused", f"{entry.name!r} lies outside the folder of the data set"
                )
            if not entry.is_file():
                raise ProbeError("refused", f"{entry.name!r} is not a regular file")
            yield Path(entry)


def _decode(folder: Path, files: list[Path], limits: Limits, fields: dict[str, Any]) -> None:
    size = None
    for index, name in enumerate(jpeg_sequence.sort_by_number(file.name for file in files)):
        with jpeg_sequence.open_jpeg(folder / name) as image:
            check_size(*image.size, limits)
            size = size or image.size
            if size != image.size:
                raise ProbeError("damaged", f"{name!r} differs in size from the first picture")
            image.load()
        fields |= {"width": size[0], "height": size[1], "frames": index + 1}
