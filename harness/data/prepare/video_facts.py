"""Facts of a video, a file or a folder of pictures, and its verdict.

Standard library only: processes that check videos start in milliseconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

from harness.data.gate import Limits

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Facts of one file; unknown ones are None.

    Attributes:
        verdict: `ok`; `odd`: complete, but unlike its header; any other is unusable.
        reason: Reason of the verdict; empty for `ok`.
        size: Bytes; for a folder, of all its files.
        mtime_ns: Modification time in nanoseconds.
        sha256: Hash of its bytes, in hexadecimal; see `harness.data.passport.content_sha256`.
        container: Name of its format; `PICTURES` for a folder of pictures.
        codec: Name of its codec.
        width: Coded width in pixels.
        height: Coded height in pixels.
        sample_aspect: Ratio of the width of a pixel to its height.
        rotation: Degrees of rotation by players; mirrors do not count.
        turned: Whether players rotate or mirror it; decoded pictures are as stored.
        frames: Number of frames, counted by decoding.
        header_frames: Number of frames in the header.
        start: Start time in the header, in units of `time_base`.
        time_base: Seconds of a unit.
        first: Time stamp of the first frame.
        step: Distance of time stamps if constant, perhaps a fraction; see `frame_times`.
        stamps: All time stamps if their distance varies.
        average_fps: Frame rate in the header.
        true_fps: Frame rate by time stamps.
        key_start: Whether it starts with a key frame.
        packets: Its entry of the packet index, in base64; only on its way to the journal.
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
    packets: str | None = None


def frame_times(facts: Facts) -> list[int | None]:
    """Return the time stamp of every frame, in units of the time base."""
    if facts.step is None or facts.first is None:
        return list(facts.stamps)
    return _regular_times(facts.first, Fraction(facts.step), facts.frames or 0)


def describe_timing(
    stamps: Sequence[int | None], unit: Fraction | None, rates: Sequence[Fraction | None]
) -> dict[str, Any]:
    """Describe time stamps, by a step if their distance is constant.

    Args:
        stamps: Time stamp of every frame; None if it has none.
        unit: Seconds of a unit.
        rates: Frame rates in the header.

    Returns:
        Fields of `Facts`; `ends_s`, the end of the last frame; `lasts_s`, from the first stamp on.
    """
    known_stamps = [stamp for stamp in stamps if stamp is not None]
    span = max(known_stamps, default=0) - min(known_stamps, default=0)
    description: dict[str, Any] = {
        "frames": len(stamps),
        "stamps": stamps,
        "lasts_s": span * (unit or 0),
    }
    if not known_stamps or len(known_stamps) < len(stamps) or unit is None:
        return description
    first, last = known_stamps[0], known_stamps[-1]
    description["first"] = first
    for step in _likely_steps(known_stamps, unit, rates):
        if _regular_times(first, step, len(known_stamps)) == known_stamps:
            description |= {"step": str(step), "stamps": ()}
            break
    frame_s = 0 if len(known_stamps) == 1 else (last - first) * unit / (len(known_stamps) - 1)
    description["ends_s"] = max(last * unit, (last - first) * unit) + frame_s
    description["true_fps"] = float(1 / frame_s) if frame_s > 0 else None
    return description


def _likely_steps(
    stamps: Sequence[int], unit: Fraction, rates: Sequence[Fraction | None]
) -> Iterator[Fraction]:
    if len(stamps) > 1:
        yield Fraction(stamps[1] - stamps[0])
    yield from (1 / (rate * unit) for rate in rates if rate)


def _regular_times(first: int, step: Fraction, count: int) -> list[int | None]:
    """Return multiples of a step, rounded to the nearest unit as muxers do."""
    numerator, denominator = step.numerator, step.denominator
    return [
        first + (2 * index * numerator + denominator) // (2 * denominator) for index in range(count)
    ]


def judge(fields: Mapping[str, Any], limits: Limits) -> tuple[Verdict, str]:
    """Judge a video that was decoded to its end without an error.

    Args:
        fields: Fields of `Facts`, and `promised_s` and `ends_s`: its end by the header, and by time
            stamps.
        limits: The least number of frames.
    """
    frames, header = fields["frames"], fields["header_frames"]
    if frames == 0:
        return "damaged", "no frame can be decoded"
    promised, ends = fields["promised_s"], fields.get("ends_s")
    ends_early = bool(promised and ends is not None and ends < _MIN_LENGTH_SHARE * promised)
    if ends_early and header and frames < header:
        return "damaged", f"video ends after {frames} of the {header} frames in its header"
    if frames < limits.min_frames:
        return "too short", f"video has {frames} frames, fewer than {limits.min_frames}"
    oddities = list(_oddities(fields, ends_early=ends_early))
    return ("odd" if oddities else "ok"), "; ".join(oddities)


def _oddities(fields: Mapping[str, Any], *, ends_early: bool) -> Iterator[str]:
    frames, header, stamps = fields["frames"], fields["header_frames"], fields["stamps"]
    if header and header != frames:
        yield f"header counts {header} frames, {frames} were decoded"
    if ends_early and not header:
        yield f"header claims {float(fields['promised_s']):.1f} s, the frames end earlier"
    if None in stamps:
        yield "frames have no time stamp"
    elif Fraction(fields.get("step") or 1) <= 0 or any(b <= a for a, b in pairwise(stamps)):
        yield "time stamps do not increase"
    if not fields.get("key_start"):
        yield "video starts without a key frame"
