"""The passport of a data set: what is known of every video, and its hash.

The hash is part of every trial key: another copy of the data is another trial.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness.data.decode import DamagedVideoError
from harness.data.videos import Video

Splits = Mapping[str, Sequence[Video]]


def digest(splits: Splits) -> str:
    """Hash the identity, label, length and content of every video, split by split."""
    lines = [
        f"{split}\t{video.id}\t{video.label}\t{video.frames}\t{video.sha256}"
        for split, videos in sorted(splits.items())
        for video in sorted(videos, key=lambda video: video.id)
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def verify(videos: Iterable[Video]) -> None:
    """Compare every file with its hash.

    Raises:
        DamagedVideoError: For the first file that is missing or differs; names the file.
    """
    for video in videos:
        if not video.path.is_file():
            raise DamagedVideoError(f"{video.path}: the passport lists it, but it is missing")
        if file_sha256(video.path) != video.sha256:
            raise DamagedVideoError(f"{video.path}: its content differs from the passport's hash")


def write(path: Path, splits: Splits) -> None:
    """Write the passport beside its videos, whose paths become relative to it."""
    rows = {
        split: [
            {
                "id": video.id,
                "path": video.path.relative_to(path.parent).as_posix(),
                "label": video.label,
                "frames": video.frames,
                "sha256": video.sha256,
            }
            for video in videos
        ]
        for split, videos in splits.items()
    }
    path.write_text(json.dumps(rows, indent=0), encoding="utf-8")


def read(path: Path) -> dict[str, list[Video]]:
    """Read what `write` wrote."""
    rows = json.loads(path.read_text(encoding="utf-8"))
    return {
        split: [Video(**(row | {"path": path.parent / row["path"]})) for row in videos]
        for split, videos in rows.items()
    }


def file_sha256(path: Path) -> str:
    """Hash the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
