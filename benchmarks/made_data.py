"""A data set of any number of empty videos, with its passport."""

import hashlib
import itertools
import os
from pathlib import Path

from harness.data import passport
from harness.data.passport import Passport
from harness.data.video import Timing, Video

NAME = "scale"
CLASSES, FRAMES = 400, 300
_TEST_SHARE = 12
_EMPTY = hashlib.sha256(b"").hexdigest()
_MOVED_NS = 1_700_000_000_000_000_000


def write(root: Path, number: int, listed: bool) -> None:
    """Write empty files and their passport."""
    folder = root / NAME / "videos"
    for label in range(CLASSES):
        (folder / f"class_{label:03d}").mkdir(parents=True)
    videos = [_video(folder, index, listed and index % 3 == 0) for index in range(number)]
    train, test = videos[number // _TEST_SHARE :], videos[: number // _TEST_SHARE]
    known = Passport(
        splits={"train": train, "test": test},
        listed={"train": len(train), "test": len(test)},
        classes=tuple(f"class {label}" for label in range(CLASSES)),
    )
    passport.write(root / NAME / passport.FILE, known)


def _video(folder: Path, index: int, listed: bool) -> Video:
    label = index % CLASSES
    path = folder / f"class_{label:03d}" / f"{index:011d}_000010_000020.mp4"
    path.touch()
    timing = Timing(unit="1/15360", step="512")
    if listed:
        distances = (500 + (index + frame) % 3 * 12 for frame in range(FRAMES - 1))
        timing = Timing(unit="1/15360", stamps=(*itertools.accumulate(distances, initial=0),))
    return Video(
        id=f"class_{label:03d}/{index:011d}_000010_000020",
        path=path,
        labels=(label,),
        sha256=_EMPTY,
        frames=FRAMES,
        stamp=passport.file_stamp(path),
        timing=timing,
    )


def touch(root: Path) -> None:
    """Give every file another time, as copying does."""
    for path in (root / NAME / "videos").rglob("*.mp4"):
        os.utime(path, ns=(_MOVED_NS, _MOVED_NS))
