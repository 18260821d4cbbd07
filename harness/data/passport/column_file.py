"""The columnar form of a passport beside its JSON, from which it is made and which decides.

A file of safetensors: the columns of every split, and in its metadata the rest of the passport with
the hash of the JSON, and a hash of all of it. Whatever is wrong with it, the JSON is read instead.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from harness.data import gate
from harness.data.passport.columns import VideoTable
from harness.data.passport.packing import pack
from harness.data.passport.rows import Places, absolute_path, relative_path
from harness.data.video import Video
from harness.utils import json_file
from harness.utils.atomic import write_atomic

MIN_VIDEOS = 10_000  # below, JSON is as good
_SUFFIX = ".columns"
_VERSION = 3
_LOG = logging.getLogger(__name__)
Body = Mapping[str, Any]


def write(path: Path, body: Body, splits: Mapping[str, Sequence[Video]]) -> bool:
    """Write the columns of a passport, if it is large, has none, and columns can hold it.

    Args:
        path: Of its JSON, which is written.
        body: Its JSON without videos.
        splits: Its videos.

    Returns:
        Whether they were written.
    """
    is_columnar = any(isinstance(videos, VideoTable) for videos in splits.values())
    if is_columnar or sum(map(len, splits.values())) < MIN_VIDEOS:
        return False
    folders: dict[str, int] = {}
    kinds: dict[tuple[str, str], int] = {}
    try:
        arrays = {
            f"{split}/{name}": column
            for split, videos in splits.items()
            for name, column in pack(
                videos, (relative_path(video.path, path.parent) for video in videos), folders, kinds
            ).items()
        }
    except (ValueError, OverflowError) as error:
        _LOG.info("%s has no columns: %s", path, error)
        return False
    head = json.dumps(
        {
            "version": _VERSION,
            "passport": _sha256(path),
            "body": dict(body),
            "splits": list(splits),
            "folders": list(folders),
            "kinds": list(kinds),
        }
    )
    write_atomic(column_path(path), save(arrays, {"head": head, "sha256": checksum(head, arrays)}))
    return True


def find(path: Path) -> tuple[Body, Mapping[str, VideoTable], str] | None:
    """Return the JSON without videos, the videos, and the hash of the JSON, of current columns.

    Args:
        path: Of its JSON.

    Returns:
        None without columns, or with those of another version or of other JSON. It warns of bad
        ones.
    """
    file = column_path(path)
    try:
        gate.check_regular(file)
        with safe_open(file, "np") as content:
            metadata = content.metadata() or {}
            head = json_file.loads(metadata.get("head", "").encode(), any_text=True)
            if head.get("version") != _VERSION or head["passport"] != _sha256(path):
                return None
            columns = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
        _check_hash(metadata, columns)
        return head["body"], _tables(head, columns, path.parent), head["passport"]
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        _LOG.warning("%s is damaged, so %s is read: %s", file, path.name, error)
        return None


def checksum(head: str, columns: Mapping[str, np.ndarray]) -> str:
    """Hash metadata and columns, of which most damage would leave others that a passport may have.

    Args:
        head: The metadata, as JSON.
        columns: By split and name.
    """
    whole = hashlib.sha256(head.encode())
    for name, column in sorted(columns.items()):
        whole.update(f"{name} {column.dtype} {column.shape}".encode())
        whole.update(np.ascontiguousarray(column).data)
    return whole.hexdigest()


def _check_hash(metadata: Mapping[str, str], columns: Mapping[str, np.ndarray]) -> None:
    if metadata.get("sha256") != checksum(metadata["head"], columns):
        raise ValueError("its content differs from its hash")


def column_path(path: Path) -> Path:
    """Return the path of the columns of a passport."""
    return path.with_suffix(_SUFFIX)


def _sha256(path: Path) -> str:
    with gate.open_file(path.resolve()) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tables(head: Body, columns: Mapping[str, np.ndarray], folder: Path) -> dict[str, VideoTable]:
    """Return the videos of every split.

    Raises:
        ValueError: If they are not those of a passport.
    """
    kinds = [(str(unit), str(step)) for unit, step in head["kinds"]]
    _check_head(head, kinds)
    root, *also = (
        absolute_path(p, folder) for p in (head["body"]["root"], *head["body"].get("also", ()))
    )
    places = Places((root, *also))
    folders = [absolute_path(text, folder) for text in head["folders"]]
    for path in folders:
        places.check(path, str(path))
    return {
        split: VideoTable(
            {
                name.rpartition("/")[2]: column
                for name, column in columns.items()
                if name.rpartition("/")[0] == split
            },
            folders=folders,
            kinds=kinds,
            within=places.real,
            num_classes=len(head["body"]["classes"]),
        )
        for split in head["splits"]
    }


def _check_head(head: Body, kinds: Sequence[tuple[str, str]]) -> None:
    """Check what the JSON of a passport would hold too, against its schema."""
    rows = [
        {"id": "-", "path": "-", "labels": [0], "timing": {"unit": u, "step": s, "stamps": []}}
        for u, s in kinds
    ]
    splits = dict.fromkeys(head["splits"], rows)
    json_file.schema.check(head["body"] | {"splits": splits}, "passport")
