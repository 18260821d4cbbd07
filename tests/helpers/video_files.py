"""Small video files of every kind that readers support or refuse."""

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, FRAMES = 96, 64, 60
QUARTERS = {
    "stored": (1, 0, 0, 1),
    "turned right": (0, 1, -1, 0),
    "upside down": (-1, 0, 0, -1),
    "turned left": (0, -1, 1, 0),
    "mirrored": (-1, 0, 0, 1),
    "mirrored upside down": (1, 0, 0, -1),
    "transposed": (0, 1, 1, 0),
    "transposed upside down": (0, -1, -1, 0),
}


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file: its encoder settings, and whether it is plain."""

    suffix: str = ".mp4"
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    x264: str = ""
    pix_fmt: str = "yuv420p"
    muxer: dict[str, str] = field(default_factory=dict)
    stamps: str = "even"
    finish: str = ""
    plain: bool = False


def plain(x264: str = "", **given) -> Kind:
    return Kind(x264=x264, plain=True, **given)


KINDS = {
    "GOP 250": plain(),
    "GOP 12": plain("keyint=12:min-keyint=1"),
    "GOP 4": plain("keyint=4:min-keyint=1:bframes=3:b-adapt=0:b-pyramid=none:ref=1"),
    "all intra": plain("keyint=1"),
    "no B frames": plain("bframes=0"),
    "8 B frames, strict pyramid": plain("bframes=8:ref=8:b-pyramid=strict:b-adapt=0"),
    "8 B frames, no pyramid": plain("bframes=8:b-pyramid=none:b-adapt=0:keyint=20"),
    "temporal direct, weights": plain("bframes=8:ref=8:weightp=2:direct=temporal:keyint=30"),
    "4 slices": plain("slices=4:keyint=20"),
    "no deblocking, CAVLC": plain("no-deblock=1:no-cabac=1:keyint=20"),
    "10 bit": plain("keyint=12", pix_fmt="yuv420p10le"),
    "4:4:4": plain("keyint=12", pix_fmt="yuv444p"),
    "fragmented": plain("keyint=12", muxer={"movflags": "frag_keyframe+empty_moov"}),
    "index first": plain("keyint=12", muxer={"movflags": "faststart"}),
    "variable rate": plain("keyint=12", stamps="variable"),
    "late start": plain("keyint=12", stamps="late"),
    "with sound": plain("keyint=12", finish="sound"),
    "edit list": Kind(x264="keyint=12", finish="edit list"),
    "open GOP": Kind(x264="open-gop=1:scenecut=0:keyint=12:min-keyint=12:bframes=3:b-adapt=0"),
    "intra refresh": Kind(x264="intra-refresh=1:keyint=20"),
    "interlaced": Kind(x264="tff=1:keyint=12"),
    "headers within packets": Kind(x264="repeat-headers=1:keyint=12"),
    "time stamps of decoding": Kind(x264="keyint=12:b-adapt=0", finish="no reordering"),
    "H.264 in Matroska": Kind(suffix=".mkv", x264="keyint=12"),
    "H.264 in a transport stream": Kind(suffix=".ts", x264="keyint=12"),
    "HEVC": Kind(codec="libx265", options={"x265-params": "log-level=none:keyint=20"}),
    "MPEG-4 in AVI": Kind(suffix=".avi", codec="mpeg4", options={"bf": "2", "g": "20"}),
    "motion JPEG": Kind(suffix=".avi", codec="mjpeg", pix_fmt="yuvj420p"),
    "VP9": Kind(suffix=".webm", codec="libvpx-vp9", options={"cpu-used": "8", "g": "20"}),
}


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Draw a moving gradient with a cut in the middle; no two frames are alike."""
    y, x = np.mgrid[:height, :width]
    shift = index + 40 * (index > FRAMES // 2)
    return np.stack(
        [x * 2 + shift * 5, y * 2 + shift * 3, (x + y) * (1 + index % 3) + shift * 7], axis=2
    ).astype(np.uint8)


def write(path: Path, kind: Kind, *, frames: int = FRAMES, pictures=picture) -> Path:
    """Write one file of a kind."""
    options = kind.options | ({"x264-params": kind.x264} if kind.x264 else {})
    base = Fraction(1, 600)
    with av.open(str(path), "w", options=kind.muxer) as container:
        stream = container.add_stream(kind.codec, rate=30, options=options)
        first = pictures(0)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = kind.pix_fmt
        stream.codec_context.thread_count = 1
        if kind.stamps != "even":
            stream.codec_context.time_base = base
        sound = container.add_stream("aac", rate=16000) if kind.finish == "sound" else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(pictures(index), format="rgb24")
            if kind.stamps != "even":
                frame.pts, frame.time_base = _stamp(kind, index), base
            container.mux(stream.encode(frame))
            if sound:
                container.mux(sound.encode(_silence(index)))
        for each in filter(None, (stream, sound)):
            container.mux(each.encode())
    if kind.finish == "edit list":
        hide(path, frames=7)
    if kind.finish == "no reordering":
        _stamp_as_decoded(path)
    return path


def _stamp(kind: Kind, index: int) -> int:
    if kind.stamps == "late":
        return 60_000 + 20 * index
    return 20 * index + 13 * (index % 2) + 900 * (index > 30)


def _silence(index: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(
        np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
    )
    frame.sample_rate, frame.pts, frame.time_base = 16000, index * 1024, Fraction(1, 16000)
    return frame


def hide(path: Path, *, frames: int) -> None:
    """Move the edit list of an mp4 file past its first frames."""
    content = bytearray(path.read_bytes())
    entry = content.index(b"elst") + 12
    (start,) = struct.unpack_from(">i", content, entry + 4)
    with av.open(str(path)) as container:
        step = next(iter(container.demux(video=0))).duration
    struct.pack_into(">i", content, entry + 4, start + frames * step)
    path.write_bytes(content)


def turn(path: Path, matrix: tuple[float, float, float, float]) -> None:
    """Set a, b, c, d of the display matrix of an mp4 file."""
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44
    a, b, c, d = (round(value * 65536) for value in matrix)
    struct.pack_into(">9i", content, place, a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)


def _stamp_as_decoded(path: Path) -> None:
    """Rewrite the packets with their decoding time stamps as presentation time stamps."""
    aside = path.with_suffix(".aside.mp4")
    with av.open(str(path)) as source, av.open(str(aside), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts = packet.dts
                packet.stream = stream
                target.mux(packet)
    aside.replace(path)
