"""One picture from a file: its format follows from its suffix, and no other is tried.

Pictures are returned as stored, grey, CMYK and palette ones as RGB; colour profiles are not
applied. A picture with an EXIF rotation or with transparent pixels is refused, because programs
differ in what they show, and so is one of more than 8 bits that a conversion would cut off.
Does not import torch: processes that check videos start in milliseconds.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import ExifTags
from PIL.BmpImagePlugin import BmpImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from harness.data import gate
from harness.data.gate import LIMITS, Limits
from harness.data.pictures import FORMATS
from harness.data.video import DamagedVideoError, RefusedVideoError

_READERS: dict[str, type[ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
    "bmp": BmpImageFile,
}
_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_UPRIGHT = 1
_OPAQUE = 255


@contextmanager
def open_picture(path: Path, limits: Limits = LIMITS) -> Iterator[ImageFile]:
    """Open a picture, and yield it after reading its header; any error meanwhile means damage.

    Raises:
        DamagedVideoError: If it is not a complete picture of its format, is animated, has more
            than 8 bits, or has an EXIF rotation.
        RefusedVideoError: If the gate refuses it.
    """
    form = FORMATS[path.suffix.lower()]
    try:
        # Damaged EXIF makes Pillow warn; only the orientation matters here.
        with gate.open_file(path) as file, warnings.catch_warnings(action="ignore"):
            image = _READERS[form](file)
            _check_header(image, path.name)
            gate.check_size(*image.size, limits)
            yield image
    except RefusedVideoError as error:
        raise RefusedVideoError(f"{path.name!r}: {error}") from error
    except DamagedVideoError:
        raise
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError) as error:
        reason = f"{path.name!r} is not a complete {form.upper()} picture: {error}"
        raise DamagedVideoError(reason) from error


def _check_header(image: ImageFile, name: str) -> None:
    if image.getexif().get(ExifTags.Base.Orientation, _UPRIGHT) != _UPRIGHT:
        raise DamagedVideoError(f"{name!r} has an EXIF rotation, which programs handle differently")
    if getattr(image, "is_animated", False):
        raise DamagedVideoError(f"{name!r} is animated: a frame of a video is one picture")
    if image.mode not in _MODES:
        raise DamagedVideoError(
            f"{name!r} has pixels of kind {image.mode!r}; convert it to 8 bits, RGB or grey"
        )


def load(image: ImageFile, name: str) -> None:
    """Decode a picture.

    Raises:
        DamagedVideoError: If some of its pixels are transparent.
    """
    image.load()
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A").getextrema()[0]
        if alpha != _OPAQUE:
            raise DamagedVideoError(
                f"{name!r} has transparent pixels, which programs show differently"
            )
