"""Check of a folder with a picture for each frame: every picture is decoded once.

The rules, in order: a limit on the number of files; pictures are regular files, with the targets of
links inside the root; they are numbered without gaps (`harness.data.pictures`), all decode, and
have one size. Other files are passed over, and the passport counts them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.data import gate, pictures
from harness.data.gate import Limits
from harness.data.passport import content_sha256
from harness.data.prepare.probe_error import ProbeError, translate_os_errors
from harness.data.prepare.video_facts import PICTURES
from harness.data.reading import picture_file
from harness.data.video import DamagedVideoError, RefusedVideoError


def read(folder: Path, roots: Sequence[str], limits: Limits, fields: dict[str, Any]) -> None:
    """Decode every picture of a folder.

    Args:
        folder: Its links are resolved.
        roots: Folders that links may lead into, from `gate.real_folders`.
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
    except RefusedVideoError as error:
        raise ProbeError("refused", str(error)) from None
    except DamagedVideoError as error:
        raise ProbeError("damaged", str(error)) from None


def _picture_names(folder: Path, roots: Sequence[str], limits: Limits) -> list[str]:
    """Return the pictures of a folder; refuse links out of the roots, and folders without any."""
    names = [
        name
        for name in gate.list_names(folder, limits)
        if pictures.is_picture(name) and not name.startswith(".")
    ]
    for name in names:
        gate.check_link(folder / name, roots)
        if not (folder / name).is_file():
            raise ProbeError("refused", f"{name!r} is not a regular file")
    if not names:
        raise ProbeError("refused", "folder holds no picture")
    return names


def _decode(folder: Path, names: list[str], limits: Limits, fields: dict[str, Any]) -> None:
    size = None
    for index, name in enumerate(names):
        with picture_file.open_picture(folder / name, limits) as image:
            size = size or image.size
            if size != image.size:
                raise ProbeError("damaged", f"{name!r} differs in size from the first picture")
            picture_file.load(image, name)
        fields |= {"width": size[0], "height": size[1], "frames": index + 1}
        fields["codec"] = pictures.FORMATS[Path(name).suffix.lower()]
