"""An error that ends the reading of a video."""

from collections.abc import Iterator
from contextlib import contextmanager

from harness.data.prepare.video_facts import Verdict
from harness.data.video import RefusedVideoError


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
    except RefusedVideoError as error:
        raise ProbeError("refused", str(error)) from None
    except FileNotFoundError:
        raise ProbeError("missing", "file does not exist") from None
    except (OSError, ValueError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise ProbeError("refused", f"file cannot be opened: {text}") from None
