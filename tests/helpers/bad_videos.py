"""Small broken, odd and hostile video files with their expected verdicts.

Everything follows from fixed seeds. Every picture carries its own number as black and white blocks
along its top edge, so `frame_number` tells whether frame 57 really is frame 57.
"""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file: its writer, its expected verdict and the expected output."""

    name: str
    file: str
    verdict: str
    note: str
    frames: int | None
    size: tuple[int, int]
    make: Callable[[Path, np.random.Generator], object]


CASES: list[Case] = []


def case(file, verdict, note, frames=None, size=(96, 64)):
    def add(make):
        name = make.__name__
        CASES.append(
            Case(
                name=name,
                file=file,
                verdict=verdict,
                note=note,
                frames=frames,
                size=size,
                make=make,
            )
        )
        return make

    return add


def make_all(folder):
    """Write every file into a folder."""
    for number, each in enumerate(CASES):
        each.make(folder / each.file, np.random.default_rng([0, number]))


def picture(i: int, w: int, h: int, seed: int = 0) -> np.ndarray:
    """A moving gradient with the frame number coded as 8 black/white blocks."""
    y, x = np.mgrid[0:h, 0:w]
    img = np.empty((h, w, 3), np.uint8)
    img[..., 0] = (x * 2 + i * 5 + seed) % 256
    img[..., 1] = (y * 2 + i * 3) % 256
    img[..., 2] = (x + y + i * 7) % 256
    bw, bh = max(1, w // 8), max(1, h // 8)
    for b in range(8):
        img[0:bh, b * bw : (b + 1) * bw] = 255 if (i >> b) & 1 else 0
    return img


def frame_number(img: np.ndarray) -> int:
    """Read back the number (modulo 256) that picture() drew into an RGB array."""
    img = np.asarray(img)
    h, w = img.shape[:2]
    bw, bh = max(1, w // 8), max(1, h // 8)
    y0, y1 = bh // 4, max(bh // 4 + 1, (3 * bh) // 4)
    n = 0
    for b in range(8):
        block = img[y0:y1, b * bw + bw // 4 : b * bw + max(bw // 4 + 1, (3 * bw) // 4)]
        n |= int(block.mean() > 127) << b
    return n


def write(
    path: Path,
    n: int = 30,
    w: int = 96,
    h: int = 64,
    fps: int | Fraction = 30,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    fmt: str | None = None,
    mux: dict | None = None,
    enc: dict | None = None,
    pts=None,
    time_base: Fraction | None = None,
    flat: bool = False,
) -> Path:
    # No rate control, one encoder thread, no date or library name in the file: the
    # same bytes on every run with one PyAV build (checked; rate control is not stable).
    fixed = {"threads": "1", "flags": "+bitexact", **({"qp": "24"} if codec == "libx264" else {})}
    with av.open(str(path), "w", format=fmt, options={"fflags": "+bitexact", **(mux or {})}) as out:
        st = out.add_stream(codec, rate=fps, options={**fixed, **(enc or {})})
        st.width, st.height, st.pix_fmt = w, h, pix_fmt
        if time_base is not None:
            st.codec_context.time_base = time_base
        for i in range(n):
            img = np.full((h, w, 3), 90, np.uint8) if flat else picture(i, w, h)
            fr = av.VideoFrame.from_ndarray(img, format="rgb24")
            if pts is not None:
                fr.pts = pts[i]
                fr.time_base = time_base
            for pkt in st.encode(fr):
                out.mux(pkt)
        for pkt in st.encode(None):
            out.mux(pkt)
    return path


def boxes(data: bytes, start: int = 0, end: int | None = None):
    """Yield (type, offset, size, header) for each ISO-BMFF box in a range."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        head = 8
        if size == 1:
            size = struct.unpack(">Q", data[start + 8 : start + 16])[0]
            head = 16
        if size == 0:
            size = end - start
        yield kind, start, size, head
        start += max(size, 8)


def find(data: bytes, path: list[bytes], start: int = 0, end: int | None = None):
    for kind, off, size, head in boxes(data, start, end):
        if kind == path[0]:
            if len(path) == 1:
                return off, size, head
            return find(data, path[1:], off + head, off + size)
    raise KeyError(path)


def good_bytes(tmp: Path, **kw) -> bytes:
    p = tmp / "_tmp.mp4"
    write(p, **kw)
    data = p.read_bytes()
    p.unlink()
    return data


@case("good.mp4", "ok", "30 frames, 96x64, 30 fps, H.264, B-frames", frames=30)
def good(p, rng):
    write(p)


@case("long_gop.mp4", "ok", "120 frames, one key frame only, B-frames: seek accuracy", frames=120)
def long_gop(p, rng):
    write(p, n=120, enc={"g": "1000", "bf": "3", "sc_threshold": "0"})


@case(
    "vidéo 名前 (1) #%20.mp4",
    "ok",
    "good file whose name has blanks, accents, CJK, '#' and '%20'",
    frames=10,
)
def odd_name(p, rng):
    write(p, n=10)


@case("zero_byte.mp4", "damaged", "empty file")
def zero_byte(p, rng):
    p.write_bytes(b"")


@case("html_404.mp4", "damaged", "an error page saved under a video name")
def html_404(p, rng):
    p.write_bytes(
        b"<!DOCTYPE html><html><head><title>404</title></head><body>Unavailable</body></html>\n"
        * 20
    )


@case("random_bytes.mp4", "damaged", "64 KiB of noise")
def random_bytes(p, rng):
    p.write_bytes(rng.integers(0, 256, 65536, dtype=np.uint8).tobytes())


@case("all_zero.mp4", "damaged", "1 MiB of zero bytes (sparse file left by an interrupted copy)")
def all_zero(p, rng):
    p.write_bytes(b"\0" * (1 << 20))


@case("picture.mp4", "refused", "a PNG picture under a video name; decodes as a one-frame video")
def picture_file(p, rng):
    tmp = p.with_suffix(".png")
    write(tmp, n=1, codec="png", pix_fmt="rgb24", fmt="image2", mux={"update": "1"})
    p.write_bytes(tmp.read_bytes())
    tmp.unlink()


@case(
    "truncated_no_index.mp4", "damaged", "index at the end, file cut at 60 %: 'moov atom not found'"
)
def truncated_no_index(p, rng):
    d = good_bytes(p.parent)
    p.write_bytes(d[: int(len(d) * 0.6)])


@case(
    "truncated_index_first.mp4",
    "damaged",
    "index at the front, picture data cut at half: opens well, ends early",
)
def truncated_index_first(p, rng):
    d = good_bytes(p.parent, n=60, mux={"movflags": "+faststart"})
    off, size, _ = find(d, [b"mdat"])
    p.write_bytes(d[: off + size // 2])


@case("truncated_header_only.mp4", "damaged", "only the first 40 bytes")
def truncated_header_only(p, rng):
    p.write_bytes(good_bytes(p.parent)[:40])


@case("corrupt_payload.mp4", "damaged", "2 % of the picture bytes replaced, index intact")
def corrupt_payload(p, rng):
    d = bytearray(good_bytes(p.parent, n=60, enc={"g": "15"}))
    off, size, head = find(bytes(d), [b"mdat"])
    body = size - head
    for k in rng.choice(np.arange(400, body), size=body // 50, replace=False):
        d[off + head + int(k)] = int(rng.integers(0, 256))
    p.write_bytes(bytes(d))


@case("corrupt_index.mp4", "damaged", "sample table (chunk offsets) points outside the file")
def corrupt_index(p, rng):
    d = bytearray(good_bytes(p.parent))
    off, _, head = find(bytes(d), [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stco"])
    n = struct.unpack(">I", d[off + head + 4 : off + head + 8])[0]
    for k in range(n):
        struct.pack_into(">I", d, off + head + 8 + 4 * k, 0x7FFFFFF0)
    p.write_bytes(bytes(d))


@case(
    "huge_sample_count.mp4",
    "damaged",
    "stsz box claims 2^31-1 samples of one byte each: header bomb",
)
def huge_sample_count(p, rng):
    d = bytearray(good_bytes(p.parent))
    off, _, head = find(bytes(d), [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsz"])
    struct.pack_into(">II", d, off + head + 4, 1, 0x7FFFFFFF)
    p.write_bytes(bytes(d))


@case(
    "no_key_frame_start.ts", "odd", "transport stream cut in the middle: starts without a key frame"
)
def no_key_frame_start(p, rng):
    tmp = p.parent / "_tmp.ts"
    write(tmp, n=90, fmt="mpegts", enc={"g": "30", "sc_threshold": "0"})
    d = tmp.read_bytes()
    tmp.unlink()
    cut = (len(d) * 4 // 9) // 188 * 188
    p.write_bytes(d[:376] + d[cut:])  # keep the program tables


@case("audio_only.mp4", "refused", "one second of sound, no picture stream")
def audio_only(p, rng):
    with av.open(str(p), "w") as out:
        st = out.add_stream("aac", rate=16000)
        for i in range(16):
            fr = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            fr.sample_rate, fr.pts, fr.time_base = 16000, i * 1024, Fraction(1, 16000)
            for pkt in st.encode(fr):
                out.mux(pkt)
        for pkt in st.encode(None):
            out.mux(pkt)


@case(
    "sound_first.mkv",
    "ok",
    "stream 0 is sound, stream 1 the picture: index 0 is the wrong stream",
    frames=30,
)
def sound_first(p, rng):
    with av.open(str(p), "w", options={"fflags": "+bitexact"}) as out:
        sa = out.add_stream("aac", rate=16000)
        sv = out.add_stream("libx264", rate=30, options={"threads": "1", "qp": "24"})
        sv.width, sv.height, sv.pix_fmt = 96, 64, "yuv420p"
        for i in range(16):
            fr = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            fr.sample_rate, fr.pts, fr.time_base = 16000, i * 1024, Fraction(1, 16000)
            for pkt in sa.encode(fr):
                out.mux(pkt)
        for i in range(30):
            for pkt in sv.encode(av.VideoFrame.from_ndarray(picture(i, 96, 64), format="rgb24")):
                out.mux(pkt)
        for st in (sa, sv):
            for pkt in st.encode(None):
                out.mux(pkt)


@case(
    "cover_art.mp4", "refused", "the only 'video' stream is an attached still picture (album cover)"
)
def cover_art(p, rng):
    tmp = p.parent / "_tmp.png"
    write(tmp, n=1, codec="png", pix_fmt="rgb24", fmt="image2", mux={"update": "1"})
    png = tmp.read_bytes()
    tmp.unlink()
    audio_only(p, rng)
    d = p.read_bytes()
    covr = (
        struct.pack(">I4s", 16 + len(png) + 8, b"covr")
        + struct.pack(">I4sII", 16 + len(png), b"data", 14, 0)
        + png
    )
    ilst = struct.pack(">I4s", 8 + len(covr), b"ilst") + covr
    hdlr = struct.pack(">I4sIIII", 33, b"hdlr", 0, 0, 0x6D646972, 0x6170706C) + b"\0" * 9
    meta = struct.pack(">I4sI", 12 + len(hdlr) + len(ilst), b"meta", 0) + hdlr + ilst
    udta = struct.pack(">I4s", 8 + len(meta), b"udta") + meta
    off, size, _ = find(d, [b"moov"])
    try:  # drop the udta that the muxer wrote, then put ours at the end of moov
        uo, us, _ = find(d, [b"moov", b"udta"])
        body = d[off + 8 : uo] + d[uo + us : off + size]
    except KeyError:
        body = d[off + 8 : off + size]
    moov = struct.pack(">I4s", 8 + len(body) + len(udta), b"moov") + body + udta
    p.write_bytes(d[:off] + moov + d[off + size :])


@case("one_frame.mp4", "too short", "exactly one frame")
def one_frame(p, rng):
    write(p, n=1)


@case(
    "no_frames.mp4",
    "damaged",
    "a picture stream with a valid header and not one packet (duplicate of a cut at 0 s)",
)
def no_frames(p, rng):
    d = bytearray(good_bytes(p.parent))
    for box, at in (
        (b"stsz", 8),
        (b"stco", 4),
        (b"stsc", 4),
        (b"stts", 4),
        (b"ctts", 4),
        (b"stss", 4),
    ):
        try:
            off, _, head = find(bytes(d), [b"moov", b"trak", b"mdia", b"minf", b"stbl", box])
        except KeyError:
            continue
        struct.pack_into(">I", d, off + head + at, 0)
    p.write_bytes(bytes(d))


@case("three_frames.mp4", "too short", "three frames: shorter than any clip of 8 frames")
def three_frames(p, rng):
    write(p, n=3)


@case("duration_lie.mkv", "refused", "one second of pictures, the header claims 10 hours")
def duration_lie(p, rng):
    tmp = p.parent / "_tmp.mkv"
    write(tmp)
    d = bytearray(tmp.read_bytes())
    tmp.unlink()
    i = d.find(b"\x44\x89\x88")  # Duration, an 8-byte float, in milliseconds
    struct.pack_into(">d", d, i + 3, 36_000_000.0)
    p.write_bytes(bytes(d))


@case("frame_count_lie.avi", "damaged", "30 frames, the AVI header claims 3000")
def frame_count_lie(p, rng):
    tmp = p.parent / "_tmp.avi"
    write(tmp, codec="mpeg4")
    d = bytearray(tmp.read_bytes())
    tmp.unlink()
    a = d.find(b"avih")
    struct.pack_into("<I", d, a + 8 + 16, 3000)
    s = d.find(b"strh")
    struct.pack_into("<I", d, s + 8 + 32, 3000)
    p.write_bytes(bytes(d))


@case(
    "no_count.ts",
    "ok",
    "transport stream: the frame count is not in any header (reported as 0)",
    frames=30,
)
def no_count(p, rng):
    write(p, fmt="mpegts")


@case("late_start.mkv", "ok", "first picture at 100 s: time stamps do not begin at zero", frames=30)
def late_start(p, rng):
    write(p, n=30, time_base=Fraction(1, 1000), pts=[100_000 + 33 * i for i in range(30)])


@case(
    "variable_fps.mkv",
    "ok",
    "20 frames in 0.4 s, a 5 s gap, 20 frames in 2 s: index/fps is not time",
    frames=40,
)
def variable_fps(p, rng):
    tb = Fraction(1, 1000)
    pts = [20 * i for i in range(20)] + [5400 + 100 * i for i in range(20)]
    write(p, n=40, time_base=tb, pts=pts)


@case("same_pts.ts", "odd", "all time stamps inside the stream wiped (set to one value)")
def same_pts(p, rng):
    tmp = p.parent / "_tmp.ts"
    write(tmp, fmt="mpegts", enc={"bf": "0"})
    d = bytearray(tmp.read_bytes())
    tmp.unlink()
    stamp = None
    i = d.find(b"\x00\x00\x01\xe0")
    while i != -1:
        if d[i + 7] & 0x80:
            if stamp is None:
                stamp = bytes(d[i + 9 : i + 14])
            d[i + 9 : i + 14] = stamp
        i = d.find(b"\x00\x00\x01\xe0", i + 4)
    p.write_bytes(bytes(d))


@case(
    "rotated.mp4",
    "ok",
    "coded 96x64 with a 90 degree display matrix: players show 64x96",
    frames=30,
)
def rotated(p, rng):
    d = bytearray(good_bytes(p.parent))
    off, _, head = find(bytes(d), [b"moov", b"trak", b"tkhd"])
    m = off + head + 40  # version 0: matrix follows 40 bytes of fields
    one = 1 << 16
    struct.pack_into(">9i", d, m, 0, one, 0, -one, 0, 0, 64 * one, 0, 1 << 30)
    p.write_bytes(bytes(d))


@case("odd_size.mp4", "ok", "101x57 pictures (odd both ways), 4:4:4", frames=30, size=(101, 57))
def odd_size(p, rng):
    write(p, w=101, h=57, pix_fmt="yuv444p")


@case("tiny.mkv", "refused", "2x2 pictures: smaller than any crop")
def tiny(p, rng):
    write(p, w=2, h=2, codec="ffv1", pix_fmt="yuv420p")


@case("thin.mp4", "refused", "4096x16: after resizing the short side to 256 it would be 65536 wide")
def thin(p, rng):
    write(p, n=4, w=4096, h=16)


@case(
    "anamorphic.mkv",
    "ok",
    "sample aspect ratio 3:2: coded 48x64, shown 72x64",
    frames=30,
    size=(48, 64),
)
def anamorphic(p, rng):
    write(p, w=48, h=64, codec="mpeg4", enc={"aspect": "3:2"})


@case("size_change.avi", "damaged", "the picture size changes from 96x64 to 160x96 in the middle")
def size_change(p, rng):
    with av.open(str(p), "w") as out:
        st = out.add_stream("libx264", rate=30, options={"threads": "1", "qp": "24", "bf": "0"})
        other = av.CodecContext.create("libx264", "w")
        other.options = {"threads": "1", "qp": "24", "bf": "0"}
        other.framerate, other.time_base = 30, Fraction(1, 30)
        for encoder, w, h, first in ((st.codec_context, 96, 64, 0), (other, 160, 96, 15)):
            encoder.width, encoder.height, encoder.pix_fmt = w, h, "yuv420p"
            frames = [
                av.VideoFrame.from_ndarray(picture(i, w, h)) for i in range(first, first + 15)
            ]
            for i, fr in enumerate(frames, start=first):
                fr.pts, fr.time_base = i, Fraction(1, 30)
            for pkt in [*(pkt for fr in frames for pkt in encoder.encode(fr)), *encoder.encode()]:
                pkt.stream = st
                out.mux(pkt)


@case("ten_bit.mkv", "ok", "10-bit pictures", frames=30)
def ten_bit(p, rng):
    write(p, pix_fmt="yuv420p10le")


@case("grey.mkv", "ok", "one-channel pictures", frames=30)
def grey(p, rng):
    write(p, codec="ffv1", pix_fmt="gray")


@case(
    "huge_flat.mp4",
    "refused",
    "two frames of 8192x8192, a few KiB on disk, about 200 MB per RGB frame",
)
def huge_flat(p, rng):
    write(p, n=2, w=8192, h=8192, flat=True, enc={"preset": "ultrafast"})


@case("huge_claim.avi", "damaged", "MJPEG whose picture header claims 65000x65000")
def huge_claim(p, rng):
    tmp = p.parent / "_tmp.avi"
    write(tmp, n=2, codec="mjpeg", pix_fmt="yuvj420p")
    d = bytearray(tmp.read_bytes())
    tmp.unlink()
    i = d.find(b"\xff\xc0")
    while i != -1:
        struct.pack_into(">HH", d, i + 5, 65000, 65000)
        i = d.find(b"\xff\xc0", i + 4)
    p.write_bytes(bytes(d))


@case(
    "long_hold.mkv",
    "refused",
    "two frames 24 hours apart: 'frame at second t' means a long wait or nothing",
)
def long_hold(p, rng):
    write(p, n=2, time_base=Fraction(1, 1000), pts=[0, 86_400_000])


@case(
    "playlist.mp4",
    "damaged",
    "an HLS play list under a video name that points at a network address",
)
def playlist(p, rng):
    p.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n"
    )


@case(
    "playlist_local.mp4",
    "damaged",
    "an HLS play list under a video name that points at another local file",
)
def playlist_local(p, rng):
    p.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nno_count.ts\n#EXT-X-ENDLIST\n")


@case(
    "concat_script.mp4",
    "refused",
    "an ffconcat script under a video name that names a file outside the data folder",
)
def concat_script(p, rng):
    p.write_text("ffconcat version 1.0\nfile '../outside_data_root.mp4'\n")


@case(
    "concat_sibling.mp4",
    "refused",
    "an ffconcat script under a video name that pulls in a sibling file",
)
def concat_sibling(p, rng):
    p.write_text("ffconcat version 1.0\nfile 'good.mp4'\nfile 'good.mp4'\n")


@case("pipe.mp4", "refused", "a named pipe under a video name: opening it waits for ever")
def pipe(p, rng):
    if p.exists():
        p.unlink()
    os.mkfifo(p)


@case("directory.mp4", "refused", "a folder under a video name")
def directory(p, rng):
    p.mkdir(exist_ok=True)


@case("dangling.mp4", "missing", "a symbolic link to nothing")
def dangling(p, rng):
    if p.is_symlink():
        p.unlink()
    p.symlink_to("does_not_exist.mp4")
