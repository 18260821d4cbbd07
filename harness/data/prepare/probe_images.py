"""Read a folder with a picture for each frame once, and say whether it is whole.

The rules, in order: nothing but regular files, those of links inside the root; limits on their
count; numbered JPEG pictures without a gap (`numbered`); each is decoded, and all have one size.
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


def read(folder: Path, root: Path, limits: Limits, seen: dict[str, Any]) -> None:
    """Decode every picture of a folder.

    Args:
        folder: Its links are resolved.
        root: Folder that the files of links must lie in.
        limits: What it may hold.
        seen: Takes in fields of `Facts`, and what `video_facts.judge` asks for.

    Raises:
        Finding: If it is not whole or not allowed.
    """
    with translate_os_errors():
        files = list(_files(folder, Path(os.path.realpath(root)), limits))
        stats = [file.stat() for file in files]
        seen |= {"size": sum(each.st_size for each in stats), "mtime_ns": folder.stat().st_mtime_ns}
        seen["sha256"] = content_sha256(folder)
    if not files:
        raise ProbeError("refused", "it is an empty folder")
    # What a folder does not tell, or what each of its pictures is: a key frame, shown as stored.
    unsaid = {"header_frames": None, "promised_s": None, "stamps": (), "key_start": True}
    seen |= unsaid | {"container": PICTURES, "codec": "jpeg", "turned": False}
    try:
        _decode(folder, files, limits, seen)
    except MemoryError:
        raise ProbeError("out of memory", "it needs more memory than it was given") from None
    except DamagedVideoError as error:
        raise ProbeError("damaged", str(error)) from None


def _files(folder: Path, root: Path, limits: Limits) -> Iterator[Path]:
    """List the files of a folder; a thing that is no file, or a link out of the root, ends it."""
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries, start=1):
            if count > limits.max_frames:
                raise ProbeError("refused", f"it has more than {limits.max_frames} files")
            if entry.is_symlink() and not Path(os.path.realpath(entry)).is_relative_to(root):
                raise ProbeError(
                    "refused", f"{entry.name!r} lies outside the folder of the data set"
                )
            if not entry.is_file():
                raise ProbeError("refused", f"{entry.name!r} is not a regular file")
            yield Path(entry)


def _decode(folder: Path, files: list[Path], limits: Limits, seen: dict[str, Any]) -> None:
    size = None
    for done, name in enumerate(jpeg_sequence.sort_by_number(file.name for file in files)):
        with jpeg_sequence.open_jpeg(folder / name) as image:
            check_size(*image.size, limits)
            size = size or image.size
            if size != image.size:
                raise ProbeError("damaged", f"{name!r} has another size than the first picture")
            image.load()
        seen |= {"width": size[0], "height": size[1], "frames": done + 1}
