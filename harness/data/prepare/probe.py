"""Check of one video, read once from end to end.

The rules, in order: the gate that every reader has too (`harness.data.gate`: a regular file inside
its root, links resolved, or a folder of pictures, `probe_images`; formats and protocols from a
list; a video stream that is not a cover; limits on size, shape and length before anything is
decoded); one decoder thread; frames are counted by decoding; any error, logged or raised, and any
flag means damage; a display matrix that readers support.

This file is also a program, the child process of `harness.data.prepare.probe_pool`. Nothing
that it imports may import torch, which costs seconds and half a gigabyte in every process.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import PIL
from av.logging import Capture
from av.stream import Discard

from harness.data import gate
from harness.data.gate import Limits
from harness.data.passport import file_sha256
from harness.data.prepare import probe_images
from harness.data.prepare.packet_notes import PacketNotes
from harness.data.prepare.probe_error import ProbeError, translate_os_errors
from harness.data.prepare.video_facts import Facts, Verdict, describe_timing, judge
from harness.data.reading.container import (
    Log,
    open_container,
    prepare_decoder,
    promised_seconds,
    refused_format,
    select_stream,
)
from harness.data.reading.display_matrix import STORED, frame_matrix
from harness.data.video import RefusedVideoError

# Versions that a verdict depends on: a change of one makes a check read every file again.
DECODER = f"PyAV {av.__version__}, Pillow {PIL.__version__}, rules 5"
_GRACE_S = 5.0


def probe(path: Path, roots: Sequence[Path], limits: Limits) -> Facts:
    """Read a video from end to end and return its facts; a bad file never raises.

    Args:
        path: The file, or a folder with a picture for each frame.
        roots: Folders that may hold it, with links resolved.
        limits: Limits on its header.
    """
    fields: dict[str, Any] = {}
    try:
        with translate_os_errors():
            resolved = Path(os.path.realpath(path, strict=True))
            places = gate.real_folders(*roots)
            gate.check_place(resolved, places)
            folder = resolved.is_dir()
        if folder:
            probe_images.read(resolved, places, limits, fields)
        else:
            _hash(resolved, fields)
            with Capture() as log, _translate_errors(log):
                _read(resolved, limits, fields, log)
        verdict, reason = judge(fields, limits)
    except ProbeError as finding:
        verdict, reason = finding.verdict, finding.reason
    internal = {"promised_s", "ends_s", "lasts_s", "matrix"}
    return Facts(
        verdict=verdict, reason=reason, **{k: v for k, v in fields.items() if k not in internal}
    )


def _hash(resolved: Path, fields: dict[str, Any]) -> None:
    """Hash a file, after checking that it is regular and not empty."""
    with translate_os_errors():
        status = gate.check_regular(resolved)
        fields |= {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        fields["sha256"] = file_sha256(resolved)
    if status.st_size == 0:
        raise ProbeError("damaged", "file is empty")


@contextmanager
def _translate_errors(log: Log) -> Iterator[None]:
    """Translate errors and log messages of the decoder into a verdict."""
    try:
        yield
    except RefusedVideoError as error:
        raise ProbeError("refused", str(error)) from None
    except MemoryError:
        raise ProbeError("out of memory", "video needs more memory than its limit") from None
    except av.FFmpegError as error:
        message = _last_message(log) or str(error.strerror)
        if reason := refused_format(log):
            raise ProbeError("refused", reason) from None
        verdict: Verdict = "refused" if isinstance(error, av.ArgumentError) else "damaged"
        raise ProbeError(verdict, f"video cannot be decoded: {message}") from None
    if log:
        raise ProbeError("damaged", f"decoder reports: {_last_message(log)}")


def _last_message(log: Log) -> str:
    return log[-1][2].strip() if log else ""


def _read(resolved: Path, limits: Limits, fields: dict[str, Any], log: Log) -> None:
    with open_container(resolved) as container:
        stream = select_stream(container)
        for other in container.streams:
            other.discard = Discard.default if other is stream else Discard.all
        fields |= _header(container, stream)
        gate.check_size(stream.width, stream.height, limits)
        gate.check_claim(fields["promised_s"], fields["header_frames"], limits)
        # Opening reads every stream, audio too; only messages about the video count.
        log.clear()
        prepare_decoder(stream.codec_context, limits)
        stamps: list[int | None] = []
        notes = PacketNotes(container, stream)
        try:
            _decode(notes.watched(container, stream), limits, fields, stamps, log)
        finally:
            rates = (stream.average_rate, stream.guessed_rate)
            fields |= describe_timing(stamps, stream.time_base, rates)
    gate.check_duration(fields["lasts_s"], limits)
    if stamps:
        fields["packets"] = notes.entry(stamps, fields["matrix"])


def _header(container: Any, stream: Any) -> dict[str, Any]:
    """Return the fields of the header."""
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
        "promised_s": promised_seconds(container, stream),
    }


def _decode(
    packets: Iterable[Any],
    limits: Limits,
    fields: dict[str, Any],
    stamps: list[int | None],
    log: Log,
) -> None:
    """Decode every frame, and stop at the first damaged one."""
    size = None
    for packet in packets:
        if packet.size:
            fields.setdefault("key_start", packet.is_keyframe)
        if packet.is_corrupt:
            raise ProbeError("damaged", f"data after frame {len(stamps)} are flagged corrupt")
        for frame in packet.decode():
            if frame.is_corrupt:
                raise ProbeError("damaged", f"frame {len(stamps)} is flagged corrupt")
            if size is None:
                size = (frame.width, frame.height)
                gate.check_size(*size, limits)
            if size != (frame.width, frame.height):
                raise ProbeError("damaged", f"frame {len(stamps)} differs in size from the first")
            if not stamps:
                _check_matrix(frame, fields)
                # Frames before the first key frame are not displayed, so their errors do not count.
                if not fields.get("key_start"):
                    log.clear()
            stamps.append(frame.pts)
            gate.check_count(len(stamps), limits)


def _check_matrix(frame: Any, fields: dict[str, Any]) -> None:
    """Record whether players rotate the video, and refuse a matrix that readers do not support."""
    fields["rotation"] = frame.rotation
    matrix = fields["matrix"] = frame_matrix(frame)
    fields["turned"] = matrix != STORED
    if matrix is None:
        raise ProbeError("refused", "display matrix is not made of quarter turns and mirrors")


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)


def _serve(limits: Limits, seconds: float) -> None:
    """Probe one video for each line of stdin: its path, roots and memory limit."""
    av.logging.set_level(av.logging.ERROR)
    # Otherwise a message that repeats that of the previous file is not logged.
    av.logging.set_skip_repeated(False)
    print("ready", flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        # The parent kills this process after a timeout; the timer does so if the parent is gone.
        signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE_S)
        _limit_memory(job["memory_mb"])
        facts = probe(Path(job["path"]), [Path(root) for root in job["roots"]], limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _limit_memory(None)
        print(json.dumps(asdict(facts)), flush=True)


def _limit_memory(more_mb: int | None) -> None:
    """Limit the growth of the address space of this process; None lifts the limit."""
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
    settings = json.loads(sys.argv[1])
    _serve(Limits(**settings["limits"]), settings["seconds"])
