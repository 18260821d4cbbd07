"""Numbered JPEG pictures of a folder: names, order and opening.

Pictures are returned as stored, grey and CMYK ones as RGB; colour profiles are not applied. A
picture with an EXIF rotation is refused, because programs differ in whether they apply it.
Does not import torch: processes that check videos start in milliseconds.
"""

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import ExifTags
from PIL.JpegImagePlugin import JpegImageFile

from harness.data.video import DamagedVideoError

_NAME = re.compile(r"(.*?)([0-9]{1,9})\.jpe?g", re.ASCII | re.IGNORECASE | re.DOTALL)
_UPRIGHT = 1


def sort_by_number(names: Iterable[str]) -> list[str]:
    """Return the names of pictures in the order of their numbers.

    Args:
        names: All files of a folder: a common prefix, perhaps empty, a number, and `.jpg`.

    Raises:
        DamagedVideoError: If a name has another form, or the numbers have gaps or repeat.
    """
    matches = {name: _NAME.fullmatch(name) for name in sorted(names)}
    if invalid := [name for name, match in matches.items() if match is None]:
        raise DamagedVideoError(f"{invalid[0]!r} is not a numbered JPEG picture")
    if len(prefixes := sorted({match[1] for match in matches.values() if match})) > 1:
        raise DamagedVideoError(
            f"pictures have different prefixes: {prefixes[0]!r}, {prefixes[1]!r}"
        )
    numbers = {name: int(match[2]) for name, match in matches.items() if match}
    _check_numbers(Counter(numbers.values()))
    return sorted(numbers, key=numbers.__getitem__)


def _check_numbers(numbers: Counter[int]) -> None:
    first = 0 if 0 in numbers else 1
    for number in range(first, first + len(numbers)):
        if number not in numbers:
            raise DamagedVideoError(f"picture number {number} is missing")
        if numbers[number] > 1:
            raise DamagedVideoError(f"picture number {number} occurs twice")


@contextmanager
def open_jpeg(path: Path) -> Iterator[JpegImageFile]:
    """Open a picture, and yield it after reading its header; any error meanwhile means damage.

    Other formats are not tried; the caller limits the number of pixels.

    Raises:
        DamagedVideoError: If it is not a complete JPEG file, or has an EXIF rotation.
    """
    try:
        # Damaged EXIF makes Pillow warn; only the orientation matters here.
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            image = JpegImageFile(file)
            if image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT) != _UPRIGHT:
                raise DamagedVideoError(
                    f"{path.name!r} has an EXIF rotation, which programs handle differently"
                )
            yield image
    except (OSError, SyntaxError) as error:
        raise DamagedVideoError(f"{path.name!r} is not a complete JPEG picture: {error}") from error
