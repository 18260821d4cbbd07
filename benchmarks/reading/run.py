"""Measure reading against others, side by side on made videos; docs/reading.md says how.

A ratio is the other one's processor time over ours: above 1, ours is faster. A target is missed
if the ratio is more than 15 % below it.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from benchmarks.paired import Action, compare
from benchmarks.reading import baselines, first_epoch, loader, videos
from benchmarks.reading.cases import SMALL_PX, SPEC, Clip, Duel, Forms, Read, crop_rng, duels
from benchmarks.reading.videos import Kind
from harness.data import sampling, transforms
from harness.data.prepare.copies.reencode import EncodeSettings, reencode
from harness.data.reading import sparse_decode
from harness.data.reading.decode import read_frames

TOLERANCE = 0.85
_PASSES_X_SNIPPETS = 10


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Settings of the measurement.

    Attributes:
        folder: Where the made videos are kept.
        clips: Videos of each kind.
        views: Draws of frames from each small video: what a read costs depends on where frames
            lie in their groups.
        seconds: Length of a video.
        pairs: Pairs of runs per ratio, at least 2.
        kinds: How the videos are stored; the first is the one that whole paths are measured on.
        only: Part of the names of the comparisons to make; empty for all.
    """

    folder: Path
    clips: int = 2
    views: int = 4
    seconds: int = 10
    pairs: int = 9
    kinds: tuple[Kind, ...] = videos.KINDS
    only: str = ""


def run(setting: Setting, progress: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything; return what JSON can hold."""
    torch.set_num_threads(1)
    progress("making videos, once")
    clips = {kind: prepare(setting, kind) for kind in setting.kinds}
    listed = [
        (duel, kind)
        for number, kind in enumerate(setting.kinds)
        for duel in duels(kind, whole_paths=number == 0)
    ]
    listed += [
        (duel, kind)
        for kind in setting.kinds
        for duel in first_epoch.duels(kind, has_copies=_has_forms(setting, kind))
    ]
    listed.append((loader.duel(), setting.kinds[0]))
    listed = [(duel, kind) for duel, kind in listed if setting.only in duel.what]
    rows = []
    for number, (duel, kind) in enumerate(listed, start=1):
        progress(f"{number}/{len(listed)}: {duel.what}: {duel.other} / {duel.ours}")
        rows.append(measure(duel, clips[kind], setting.pairs))
        progress(_line(rows[-1]))
    if not setting.only:
        rows.append(loader.memory(clips[setting.kinds[0]]))
    return {
        "av": av.__version__,
        "ffmpeg": av.ffmpeg_version_info,
        "torch": torch.__version__,
        "setting": asdict(setting) | {"folder": str(setting.folder)},
        "bytes": sizes(clips[setting.kinds[0]]),
        "rows": rows,
        "missed": [row for row in rows if row["missed"]],
    }


def prepare(setting: Setting, kind: Kind) -> list[Clip]:
    """Make the videos of a kind, and the other forms of those of the first kind."""
    for number in range(setting.clips):
        videos.make(setting.folder, number, seconds=setting.seconds, kinds=setting.kinds)
    views = setting.views if kind.height <= SMALL_PX else 1
    return [
        _clip(
            videos.path(setting.folder, kind, number),
            np.random.default_rng((number, view)),
            other_forms=_has_forms(setting, kind),
        )
        for number in range(setting.clips)
        for view in range(views)
    ]


def _has_forms(setting: Setting, kind: Kind) -> bool:
    return kind == setting.kinds[0] or kind.kbps > 0


def _clip(path: Path, rng: np.random.Generator, *, other_forms: bool) -> Clip:
    known, first = sparse_decode.build_index(path), read_frames(path, [0])
    assert known is not None
    frames = len(known.pts)
    return Clip(
        path=path,
        known=known,
        train=sampling.train_frames(frames, SPEC, rng),
        test=sampling.test_frames(frames, SPEC, num_snippets=_PASSES_X_SNIPPETS),
        box=transforms.random_box(first.shape[1], first.shape[2], SPEC, crop_rng()),
        forms=_forms(path, frames) if other_forms else None,
    )


def _forms(path: Path, frames: int) -> Forms:
    copy, jpegs = path.with_suffix(".copy"), path.with_suffix(".jpegs")
    if not copy.is_file():
        reencode(path, copy.with_suffix(".part"), EncodeSettings(), frames=frames)
        copy.with_suffix(".part").replace(copy)
    if not jpegs.is_dir():
        baselines.write_jpegs(path, jpegs.with_suffix(".part"))
        jpegs.with_suffix(".part").replace(jpegs)
    return Forms(copy=copy, jpegs=jpegs)


def measure(duel: Duel, clips: list[Clip], pairs: int) -> dict[str, Any]:
    """Compare two ways over all clips of a kind."""
    row = {
        "what": duel.what,
        "other": duel.other,
        "ours": duel.ours,
        "target": duel.target,
        "least": duel.least,
        "missed": False,
    }
    if duel.needs and not _importable(duel.needs):
        return row | {"not_installed": duel.needs}
    theirs, mine = (_over(clips, read) for read in (duel.theirs, duel.mine))
    compared = compare(theirs, mine, pairs=pairs, device=torch.device("cpu"))
    if duel.counts_reads:
        row["reads"] = first_epoch.reads(duel, clips)
    return row | {
        "ratio": compared.ratio,
        "quartiles": compared.quartiles,
        "missed": compared.ratio < TOLERANCE * duel.least,
    }


def _over(clips: list[Clip], read: Read) -> Action:
    return lambda: [tensor for clip in clips for tensor in read(clip)]


def _importable(package: str) -> bool:
    """Return whether a package is installed and finds its shared libraries."""
    try:
        import_module(package)
    except (ImportError, OSError, RuntimeError):
        return False
    return True


def sizes(clips: list[Clip]) -> dict[str, int]:
    """Return the bytes of the videos, of their copies and of their raw frames."""
    found = {clip.path: clip.forms for clip in clips if clip.forms}
    forms = found.values()
    raw = [file for form in forms for file in form.jpegs.iterdir()]
    return {
        "originals": sum(path.stat().st_size for path in found),
        "copies": sum(form.copy.stat().st_size for form in forms),
        "raw frames": sum(file.stat().st_size for file in raw),
    }


def text(measured: dict[str, Any]) -> str:
    """Write what `run` returned as a table, ratios first."""
    setting = measured["setting"]
    lines = [
        f"PyAV {measured['av']}, FFmpeg {measured['ffmpeg']}, torch {measured['torch']}, "
        f"one thread, {setting['clips']} videos of {setting['seconds']} s, "
        f"{setting['views']} draws of frames from each small one, {setting['pairs']} pairs",
        "",
        f"{'the other / ours':76}{'time':>6}  {'quartiles':11}{'target':>14}",
    ]
    for what in dict.fromkeys(row["what"] for row in measured["rows"]):
        lines += [what, *(_line(row) for row in measured["rows"] if row["what"] == what)]
    megabytes = [f"{name} {size / 1e6:.1f}" for name, size in measured["bytes"].items()]
    return "\n".join([*lines, "", f"MB: {', '.join(megabytes)}"])


def _line(row: dict[str, Any]) -> str:
    name = f"  {row['other']} / {row['ours']}"
    goal = f"{row['target']}: ≥ {row['least']}" if row["target"] else ""
    if "not_installed" in row:
        return f"{name:76}{'not installed':19}{goal:>14}"
    low, high = row["quartiles"]
    notes = "  MISSED" if row["missed"] else _reads(row["reads"]) if "reads" in row else ""
    return f"{name:76}{row['ratio']:6.2f}  {low:5.2f}–{high:<5.2f}{goal:>14}{notes}"


def _reads(counts: list[tuple[float, float]]) -> str:
    parts = [f"{calls:.0f} reads of {kilobytes:.0f} kB" for calls, kilobytes in counts]
    return f"  {' / '.join(parts)} a video"


def complaint(missed: list[dict[str, Any]]) -> str:
    """Name every missed target in one sentence."""
    named = [
        f"{row['target']} ({row['what']}, {row['other']}: {row['ratio']:.2f}, asked {row['least']})"
        for row in missed
    ]
    return f"more than 15 % below target {'; '.join(named)}"
