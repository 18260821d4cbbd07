"""The numbered JPEG pictures of a folder: which they are, in which order, and how one is opened.

Pictures are given as they are stored, grey and CMYK ones as RGB; colour profiles are not applied.
One that EXIF says to turn is refused, because programs differ in whether they turn it.
Without torch: a process that checks videos starts within a blink.
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
        names: Of all files of a folder: one prefix, perhaps empty, a number, and `.jpg`.

    Raises:
        DamagedVideoError: If one is no such name, or the numbers do not count up from 0 or 1.
    """
    found = {name: _NAME.fullmatch(name) for name in sorted(names)}
    if strange := [name for name, match in found.items() if match is None]:
        raise DamagedVideoError(f"{strange[0]!r} is no numbered JPEG picture")
    if len(prefixes := sorted({match[1] for match in found.values() if match})) > 1:
        raise DamagedVideoError(f"its pictures are of two kinds: {prefixes[0]!r}, {prefixes[1]!r}")
    numbers = {name: int(match[2]) for name, match in found.items() if match}
    _check_numbers(Counter(numbers.values()))
    return sorted(numbers, key=numbers.__getitem__)


def _check_numbers(numbers: Counter[int]) -> None:
    first = 0 if 0 in numbers else 1
    for number in range(first, first + len(numbers)):
        if number not in numbers:
            raise DamagedVideoError(f"picture number {number} is missing")
        if numbers[number] > 1:
            raise DamagedVideoError(f"picture number {number} is there twice")


@contextmanager
def open_jpeg(path: Path) -> Iterator[JpegImageFile]:
    """Yield a picture of which only the header was read; anything odd meanwhile means damaged.

    No other format is tried, and how many pixels may be decoded is for the caller to say.

    Raises:
        DamagedVideoError: If it is not a whole JPEG file, or EXIF says to turn it.
    """
    try:
        # Damaged EXIF makes Pillow warn; what counts of it is compared here.
        with path.open("rb") as file, warnings.catch_warnings(action="ignore"):
            image = JpegImageFile(file)
            if image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT) != _UPRIGHT:
                raise DamagedVideoError(f"EXIF says to turn {path.name!r}; programs differ in it")
            yield image
    except (OSError, SyntaxError) as error:
        raise DamagedVideoError(f"{path.name!r} is not a whole JPEG picture: {error}") from error
