"""Names of the pictures in a folder that is a video: one picture for each frame, numbered.

Programs that extract frames also leave optical flow and other files there. Flow beside other
pictures is passed over, and so are files that are no pictures; two kinds that could both be the
video are refused. Knows names alone, and opens no file.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from harness.data.video import DamagedVideoError

FORMATS = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".bmp": "bmp"}
_OTHER_FORMATS = (
    *(".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pnm", ".heic", ".heif", ".avif"),
    *(".jp2", ".j2k", ".jxl", ".tga", ".exr", ".hdr", ".dng", ".raw"),
)
_NAME = re.compile(r"(.*?)([0-9]{1,9})\.[a-z0-9]+", re.ASCII | re.IGNORECASE | re.DOTALL)
_FLOW = re.compile(r"(warp_?|tvl1_?|opt(ical)?_?)*flow([_-]?[a-z])?[_-]*", re.IGNORECASE)
_FLOW_PAIRS = (("x", "y"), ("u", "v"))
_SHOWN = 3
Kind = tuple[str, str]


def is_picture(name: str) -> bool:
    """Return whether a name has the suffix of a picture, of a format that is read or another."""
    return name.lower().endswith((*FORMATS, *_OTHER_FORMATS))


def sort_by_number(names: Iterable[str]) -> list[str]:
    """Return the names of the pictures that are the frames of a video, in their order.

    Args:
        names: All files of a folder. Pictures have a common prefix, perhaps empty, a number and a
            suffix of `FORMATS`; hidden files and other files are passed over.

    Raises:
        DamagedVideoError: If a picture has another name or format, if pictures of several kinds
            could be the video, or if the numbers have gaps or repeat.
    """
    kinds: dict[Kind, dict[str, int]] = defaultdict(dict)
    for name in sorted(names):
        if is_picture(name) and not name.startswith("."):
            prefix, number, suffix = _parse(name)
            kinds[prefix, suffix][name] = number
    numbers = _frames(kinds)
    _check_numbers(Counter(numbers.values()))
    return sorted(numbers, key=numbers.__getitem__)


def _parse(name: str) -> tuple[str, int, str]:
    """Return the prefix, the number and the format of a picture."""
    suffix = name[name.rindex(".") :].lower()
    if suffix not in FORMATS:
        readable = ", ".join(FORMATS)
        raise DamagedVideoError(f"{name!r} is a {suffix} picture; convert it to one of {readable}")
    match = _NAME.fullmatch(name)
    if match is None:
        raise DamagedVideoError(f"{name!r} is not a numbered picture")
    return match[1], int(match[2]), FORMATS[suffix]


def _frames(kinds: Mapping[Kind, dict[str, int]]) -> dict[str, int]:
    """Return the numbers of the pictures that are the video: all but optical flow."""
    stems = {prefix.lower().strip("_-.") for prefix, _ in kinds}
    flow = {name for pair in _FLOW_PAIRS if stems.issuperset(pair) for name in pair}
    video = {
        kind: numbers
        for kind, numbers in kinds.items()
        if not _FLOW.fullmatch(kind[0]) and kind[0].lower().strip("_-.") not in flow
    }
    if len(kinds) < 2 or len(video) == 1:
        return next(iter((video or kinds).values()), {})
    shown = [f"'{prefix}*.{form}' ({len(kinds[prefix, form])})" for prefix, form in kinds]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    why = "are of different kinds" if video else "are all optical flow"
    raise DamagedVideoError(
        f"pictures {why}: {', '.join(shown[:_SHOWN])}{more}; leave those of the video alone here"
    )


def _check_numbers(numbers: Counter[int]) -> None:
    first = 0 if 0 in numbers else 1
    for number in range(first, first + len(numbers)):
        if number not in numbers:
            raise DamagedVideoError(f"picture number {number} is missing")
        if numbers[number] > 1:
            raise DamagedVideoError(f"picture number {number} occurs twice")
