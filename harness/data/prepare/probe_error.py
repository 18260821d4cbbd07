"""How the reading of a video ends early: with a verdict and a sentence."""

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
    """Turn what the system says of a file that cannot be opened into a finding."""
    try:
        yield
    except FileNotFoundError:
        raise ProbeError("missing", "there is no such file") from None
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise ProbeError("refused", f"it cannot be opened: {text}") from None


def check_size(width: int, height: int, limits: Limits) -> None:
    """Refuse pictures that are too large, too small or too long, before one is decoded.

    Raises:
        Finding: If they are.
    """
    short, long = sorted((width, height))
    size = f"its pictures are {width}x{height}"
    if width * height > limits.max_pixels:
        raise ProbeError("refused", f"{size}, over {limits.max_pixels} pixels")
    if short < limits.min_side_px:
        raise ProbeError("refused", f"{size}, under {limits.min_side_px} pixels on a side")
    if long > limits.max_aspect * short:
        raise ProbeError("refused", f"{size}, beyond {limits.max_aspect} to 1")
