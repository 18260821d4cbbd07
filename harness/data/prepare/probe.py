"""Read one video once, from end to end: what it holds, and whether it is whole.

The rules, in order: a regular file inside its root, links resolved, or a folder of pictures
(`probe_images`); formats and protocols from a list; a stream of pictures that is not a cover;
limits on size, shape and length before anything is decoded; one decoder thread; frames are counted
by decoding; any error, logged or raised, and any flag means damage; a display matrix that readers
know.

This file is also a program, the child process of `harness.data.prepare.probe_pool`. Nothing
that it imports may import torch: seconds and half a gigabyte in every process.
"""

import json
import os
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import PIL
from av.logging import Capture
from av.stream import Discard, Disposition

from harness.data.passport import file_sha256
from harness.data.prepare import probe_images
from harness.data.prepare.probe_error import ProbeError, check_size, translate_os_errors
from harness.data.prepare.video_facts import Facts, Limits, Verdict, describe_timing, judge
from harness.data.reading.display_matrix import STORED, frame_matrix

# What a verdict may depend on: another one of these, and every file is read again.
DECODER = f"PyAV {av.__version__}, Pillow {PIL.__version__}, rules 2"
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
_SAFE = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
_GRACE_S = 5.0
Log = list[tuple[int, str, str]]


def probe(path: Path, root: Path, limits: Limits) -> Facts:
    """Read a video from end to end and say what it is; never raises for a bad file.

    Args:
        path: The file, or a folder with a picture for each frame.
        root: Folder that it must lie in once links are resolved.
        limits: What it may claim.
    """
    seen: dict[str, Any] = {}
    try:
        with translate_os_errors():
            real = _resolve(path, root)
            folder = real.is_dir()
        if folder:
            probe_images.read(real, root, limits, seen)
        else:
            _hash(real, seen)
            with Capture() as log, _translate_errors(log):
                _read(real, limits, seen, log)
        verdict, reason = judge(seen, limits)
    except ProbeError as finding:
        verdict, reason = finding.verdict, finding.reason
    promised = {"promised_s", "ends_s"}
    return Facts(
        verdict=verdict, reason=reason, **{k: v for k, v in seen.items() if k not in promised}
    )


def _resolve(path: Path, root: Path) -> Path:
    """Resolve links, and insist on a place inside the root."""
    real = Path(os.path.realpath(path, strict=True))
    if not real.is_relative_to(os.path.realpath(root)):
        raise ProbeError("refused", "it lies outside the folder of the data set")
    return real


def _hash(real: Path, seen: dict[str, Any]) -> None:
    """Insist on a regular file that is not empty, and hash it."""
    with translate_os_errors():
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ProbeError("refused", "it is not a regular file")
        seen |= {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        seen["sha256"] = file_sha256(real)
    if status.st_size == 0:
        raise ProbeError("damaged", "it is empty")


@contextmanager
def _translate_errors(log: Log) -> Iterator[None]:
    """Turn what the decoder raises or logs into a finding."""
    try:
        yield
    except MemoryError:
        raise ProbeError("out of memory", "it needs more memory than it was given") from None
    except av.FFmpegError as error:
        said = _last_message(log) or str(error.strerror)
        if said.startswith("Format not on whitelist"):
            raise ProbeError("refused", f"its format, {log[-1][1]}, is none of a video") from None
        verdict: Verdict = "refused" if isinstance(error, av.ArgumentError) else "damaged"
        raise ProbeError(verdict, f"it cannot be decoded: {said}") from None
    if log:
        raise ProbeError("damaged", f"the decoder reports: {_last_message(log)}")


def _last_message(log: Log) -> str:
    return log[-1][2].strip() if log else ""


def _read(real: Path, limits: Limits, seen: dict[str, Any], log: Log) -> None:
    with av.open(str(real), options=_SAFE, metadata_errors="replace") as container:
        streams = [
            s for s in container.streams.video if Disposition.attached_pic not in s.disposition
        ]
        if not streams:
            raise ProbeError("refused", "it has no stream of pictures")
        stream = streams[0]
        if stream.codec_context is None:
            raise ProbeError("refused", "its pictures are in a coding that is not known")
        for other in container.streams:
            other.discard = Discard.default if other is stream else Discard.all
        seen |= _header(container, stream)
        _check_header(seen, limits)
        # Opening looks at every stream, sound too; only what the pictures say counts.
        log.clear()
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"max_pixels": str(limits.max_pixels)}
        stamps: list[int | None] = []
        try:
            _decode(container, stream, limits, seen, stamps, log)
        finally:
            rates = (stream.average_rate, stream.guessed_rate)
            seen |= describe_timing(stamps, stream.time_base, rates)


def _header(container: Any, stream: Any) -> dict[str, Any]:
    """Return what the header claims; the length is promised only here."""
    length = None
    if stream.duration is not None:
        length = stream.duration * stream.time_base
    elif container.duration is not None:
        length = Fraction(container.duration, av.time_base)
    return {
        "container": container.format.name,
        "codec": stream.codec_context.name,
        "width": stream.width,
        "height": stream.height,
        "sample_aspect": _text(stream.sample_aspect_ratio),
        "header_frames": stream.frames or None,
        "start": stream.start_time,
        "time_base": _text(stream.time_base),
        "average_fps": float(stream.average_rate) if stream.average_rate else None,
        "promised_s": length,
    }


def _check_header(seen: dict[str, Any], limits: Limits) -> None:
    check_size(seen["width"], seen["height"], limits)
    length = seen["promised_s"] or 0
    if length > limits.max_seconds:
        claim = f"its header claims {float(length):.0f} s"
        raise ProbeError("refused", f"{claim}, over {limits.max_seconds:.0f}")
    if (seen["header_frames"] or 0) > limits.max_frames:
        claim = f"its header claims {seen['header_frames']} frames"
        raise ProbeError("refused", f"{claim}, over {limits.max_frames}")


def _decode(
    container: Any,
    stream: Any,
    limits: Limits,
    seen: dict[str, Any],
    stamps: list[int | None],
    log: Log,
) -> None:
    """Decode every frame, and stop at the first that is not sound."""
    size = None
    for packet in container.demux(stream):
        if packet.size:
            seen.setdefault("key_start", packet.is_keyframe)
        if packet.is_corrupt:
            raise ProbeError("damaged", f"the data after frame {len(stamps)} are flagged corrupt")
        for frame in packet.decode():
            if frame.is_corrupt:
                raise ProbeError("damaged", f"frame {len(stamps)} is flagged corrupt")
            size = size or (frame.width, frame.height)
            if size != (frame.width, frame.height):
                raise ProbeError("damaged", f"frame {len(stamps)} has another size than the first")
            if not stamps:
                _check_matrix(frame, seen)
                # What comes before the first key frame is not shown, whatever is said of it.
                if not seen.get("key_start"):
                    log.clear()
            stamps.append(frame.pts)
            if len(stamps) > limits.max_frames:
                raise ProbeError("refused", f"it has more than {limits.max_frames} frames")


def _check_matrix(frame: Any, seen: dict[str, Any]) -> None:
    """Say whether players turn the pictures, and refuse what readers cannot turn."""
    seen["rotation"] = frame.rotation
    matrix = frame_matrix(frame)
    seen["turned"] = matrix != STORED
    if matrix is None:
        raise ProbeError("refused", "its display matrix is neither a quarter turn nor a mirror")


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)


def _serve(limits: Limits, seconds: float) -> None:
    """Answer one job a line: a file, its root, and the memory that it may take."""
    av.logging.set_level(av.logging.ERROR)
    # Otherwise a message that two files share is told of the next one.
    av.logging.set_skip_repeated(False)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        # The parent ends a video that takes too long; this ends it if the parent is gone.
        signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_S)
        _limit_memory(job["memory_mb"])
        facts = probe(Path(job["path"]), Path(job["root"]), limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _limit_memory(None)
        print(json.dumps(asdict(facts)), flush=True)


def _limit_memory(more_mb: int | None) -> None:
    """Let the address space of this process grow no further than this; None lifts the limit."""
    import resource

    pages = Path("/proc/self/statm")
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    ceiling = hard
    if more_mb is not None and pages.is_file():
        ceiling = int(pages.read_text().split()[0]) * resource.getpagesize() + more_mb * 1_000_000
        if hard != resource.RLIM_INFINITY:
            ceiling = min(ceiling, hard)
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, hard))


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    _serve(Limits(**asked["limits"]), asked["seconds"])
