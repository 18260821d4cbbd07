"""What is known of a video, a file or a folder of pictures; how it is judged; what it may claim.

Standard library only: a process that decodes videos starts within a blink.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

Verdict = Literal[
    "ok",
    "odd",
    "too short",
    "damaged",
    "refused",
    "missing",
    "changed",
    "hung",
    "out of memory",
    "crashed",
]
USABLE: tuple[Verdict, ...] = ("ok", "odd")
PICTURES = "frames"
_MIN_LENGTH_SHARE = Fraction(9, 10)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a video may claim before it is decoded.

    Attributes:
        max_pixels: Width times height; a little over 4096 x 2160.
        max_aspect: Long side over short side.
        min_side_px: Short side.
        max_seconds: Length.
        max_frames: Frames, by its header or by counting.
        min_frames: Fewer are too short for a clip.
    """

    max_pixels: int = 9_000_000
    max_aspect: int = 8
    min_side_px: int = 8
    max_seconds: float = 3600.0
    max_frames: int = 250_000
    min_frames: int = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of one file; what could not be learned is None.

    Attributes:
        verdict: `ok`; `odd`: whole, but not as its header says; any other is not for use.
        reason: One sentence; empty if there is nothing to say.
        size: Bytes; of a folder, of all its files.
        mtime_ns: Time of its last change, in nanoseconds.
        sha256: Hash of its bytes, in hexadecimal; see `harness.data.passport.content_sha256`.
        container: Name of its format; `PICTURES` for a folder of them.
        codec: Name of its coding.
        width: Coded pixels of a row.
        height: Coded rows.
        sample_aspect: Width of a pixel over its height.
        rotation: Degrees by which a player turns it, which say nothing of mirrors.
        turned: Whether a player turns or mirrors it; decoded pictures are as they are stored.
        frames: Counted by decoding.
        header_frames: As its header says.
        start: Time stamp at which its header begins, in units of `time_base`.
        time_base: Seconds of a unit.
        first: Time stamp of the first frame.
        step: From one time stamp to the next if it is constant, perhaps a fraction; see `times`.
        stamps: All time stamps if no step tells them.
        average_fps: As its header says.
        true_fps: By its time stamps.
        key_start: Whether it starts with a key frame.
    """

    verdict: Verdict
    reason: str = ""
    size: int | None = None
    mtime_ns: int | None = None
    sha256: str | None = None
    container: str | None = None
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    sample_aspect: str | None = None
    rotation: int | None = None
    turned: bool | None = None
    frames: int | None = None
    header_frames: int | None = None
    start: int | None = None
    time_base: str | None = None
    first: int | None = None
    step: str | None = None
    stamps: Sequence[int | None] = ()
    average_fps: float | None = None
    true_fps: float | None = None
    key_start: bool | None = None


def frame_times(facts: Facts) -> list[int | None]:
    """Return the time stamp of every frame, in units of the time base."""
    if facts.step is None or facts.first is None:
        return list(facts.stamps)
    return _regular_times(facts.first, Fraction(facts.step), facts.frames or 0)


def describe_timing(
    stamps: Sequence[int | None], unit: Fraction | None, rates: Sequence[Fraction | None]
) -> dict[str, Any]:
    """Describe time stamps, by a step if one tells them all.

    Args:
        stamps: Of every frame; None where there is none.
        unit: Seconds of one.
        rates: Frames a second that the header names.

    Returns:
        Fields of `Facts`, and `ends_s`, when the last frame ends.
    """
    found: dict[str, Any] = {"frames": len(stamps), "stamps": stamps}
    whole = [stamp for stamp in stamps if stamp is not None]
    if not whole or len(whole) < len(stamps) or unit is None:
        return found
    first, last = whole[0], whole[-1]
    found["first"] = first
    for step in _likely_steps(whole, unit, rates):
        if _regular_times(first, step, len(whole)) == whole:
            found |= {"step": str(step), "stamps": ()}
            break
    frame_s = 0 if len(whole) == 1 else (last - first) * unit / (len(whole) - 1)
    found["ends_s"] = max(last * unit, (last - first) * unit) + frame_s
    found["true_fps"] = float(1 / frame_s) if frame_s > 0 else None
    return found


def _likely_steps(
    stamps: Sequence[int], unit: Fraction, rates: Sequence[Fraction | None]
) -> Iterator[Fraction]:
    if len(stamps) > 1:
        yield Fraction(stamps[1] - stamps[0])
    yield from (1 / (rate * unit) for rate in rates if rate)


def _regular_times(first: int, step: Fraction, count: int) -> list[int | None]:
    """Count in steps, rounded to the nearest unit as writers of files do."""
    up, down = step.numerator, step.denominator
    return [first + (2 * index * up + down) // (2 * down) for index in range(count)]


def judge(seen: Mapping[str, Any], limits: Limits) -> tuple[Verdict, str]:
    """Judge a video that was decoded to its end without an error.

    Args:
        seen: Fields of `Facts`, and `promised_s` and `ends_s`: when it ends by its header, and by
            its time stamps.
        limits: What it may claim.
    """
    frames, header = seen["frames"], seen["header_frames"]
    if frames == 0:
        return "damaged", "not one frame can be decoded"
    promised, ends = seen["promised_s"], seen.get("ends_s")
    early = bool(promised and ends is not None and ends < _MIN_LENGTH_SHARE * promised)
    if early and header and frames < header:
        return "damaged", f"it ends after {frames} of the {header} frames that its header promises"
    if frames < limits.min_frames:
        return "too short", f"it has {frames} frames, fewer than {limits.min_frames}"
    oddities = list(_oddities(seen, early=early))
    return ("odd" if oddities else "ok"), "; ".join(oddities)


def _oddities(seen: Mapping[str, Any], *, early: bool) -> Iterator[str]:
    frames, header, stamps = seen["frames"], seen["header_frames"], seen["stamps"]
    if header and header != frames:
        yield f"its header counts {header} frames, {frames} came"
    if early and not header:
        yield f"its header claims {float(seen['promised_s']):.1f} s, its pictures end earlier"
    if None in stamps:
        yield "frames have no time stamp"
    elif Fraction(seen.get("step") or 1) <= 0 or any(b <= a for a, b in pairwise(stamps)):
        yield "its time stamps do not increase"
    if not seen.get("key_start"):
        yield "it starts without a key frame"
