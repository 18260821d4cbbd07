"""An error that ends the reading of a video, and checks that raise it."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.data.prepare.video_facts import Limits, Verdict


class ProbeError(Exception):
    """Ends the reading of a video with a verdict."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason


@contextmanager
def translate_os_errors() -> Iterator[None]:
    """Translate an error of the operating system into a verdict."""
    try:
        yield
    except FileNotFoundError:
        raise ProbeError("missing", "file does not exist") from None
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise ProbeError("refused", f"file cannot be opened: {text}") from None


def check_size(width: int, height: int, limits: Limits) -> None:
    """Refuse pictures that are too large, too small or too long, before one is decoded.

    Raises:
        Finding: If they are.
    """
    short, long = sorted((width, height))
    size = f"picture size is {width}x{height}"
    if width * height > limits.max_pixels:
        raise ProbeError("refused", f"{size}, over {limits.max_pixels} pixels")
    if short < limits.min_side_px:
        raise ProbeError("refused", f"{size}, under {limits.min_side_px} pixels on a side")
    if long > limits.max_aspect * short:
        raise ProbeError("refused", f"{size}, an aspect ratio over {limits.max_aspect}")
