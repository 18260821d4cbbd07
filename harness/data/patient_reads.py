"""Reading that outlasts a storage failure: a video is damaged only if its content has changed."""

import time
from collections.abc import Callable
from typing import TypeVar

from harness.data.passport import video_sha256
from harness.data.video import DamagedVideoError, RefusedVideoError, Video
from harness.utils.transient import TransientError, is_transient

T = TypeVar("T")


class UnreadableVideoError(TransientError):
    """A video that storage does not deliver, although nothing says that it is damaged."""


def read_patiently(make: Callable[[], T], video: Video, *, retries: int, wait_s: float) -> T:
    """Make an example, and try again if storage fails.

    Args:
        make: Reads the video.
        video: With the hash of its passport.
        retries: Further tries.
        wait_s: Seconds before each of them.

    Raises:
        DamagedVideoError: If the video is missing or differs from its passport.
        RefusedVideoError: If the gate refuses it.
        UnreadableVideoError: If storage failed in every try.
        ValueError: If a video whose content is intact does not decode, twice in a row.
    """
    was_intact = False
    for tries in range(retries + 1):
        if tries and not was_intact:
            time.sleep(wait_s)
        try:
            return make()
        except RefusedVideoError:
            raise
        except (DamagedVideoError, OSError) as error:
            is_passing, is_intact = is_transient(error), _is_intact(video)
            if is_intact is False or not (is_intact or is_passing):
                if isinstance(error, DamagedVideoError):
                    raise
                raise DamagedVideoError(f"{video.path}: {error}") from error
            if was_intact and not is_passing:
                break
            was_intact, reason = not is_passing, str(error)
    if was_intact:
        raise ValueError(
            f"{video.path} does not decode, though its content is that of the passport: {reason}; "
            "compare the versions of PyAV here and where it was checked"
        )
    raise UnreadableVideoError(
        f"{video.path} cannot be read, and is not known to be damaged: {reason} (tried "
        f"{retries + 1} times, {wait_s:g} s apart); see whether its file system is up"
    )


def _is_intact(video: Video) -> bool | None:
    """Compare a video with its hash; None if it has none, or if storage fails here too."""
    try:
        return video_sha256(video) == video.sha256 if video.sha256 else None
    except OSError as error:
        return None if is_transient(error) else False
