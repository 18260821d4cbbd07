"""Mini-Kinetics-200: a subset of Kinetics-400, listed by YouTube id in two files.

The classes are those of the listed clips, in alphabetical order. The lists contain no classes: a
clip that is not in Kinetics-400 has no label.

Source: Xie et al., Rethinking Spatiotemporal Feature Learning (2018), and its published lists.
"""

import re
from collections.abc import Container, Sequence
from pathlib import Path

from harness.data.datasets import kinetics400
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists import kinetics_json, text_rows
from harness.data.datasets.lists.clip_names import check_youtube_id, clip_id, youtube_id
from harness.data.video import Video
from harness.utils import lookup

_LISTS = {"train": "train_ytid_list.txt", "test": "val_ytid_list.txt"}
_FOLDERS = (".", "mini_kinetics200")
_MAX_UNKNOWN_SHARE = 0.05
_MAX_SHOWN = 5
# A path that does not exist: a check counts the video as listed and missing, and shows the reason.
_MISSING_FOLDER = "unknown to Kinetics-400"
_NUM_CLASSES = 200


def class_names(root: Path, *, also: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the names by label; none if the official lists are not below the root."""
    if not any(_official(root, split) for split in _LISTS):
        return ()
    official = kinetics400.class_names(root)
    return tuple(official[label] for label in _labels(root, also))


def lists(root: Path) -> list[Path]:
    """Return the lists below the root that are read, those of Kinetics-400 included."""
    own = [file for split in _LISTS if (file := _official(root, split))]
    return [*own, *kinetics400.lists(root)]


def videos(
    root: Path, split: str, *, rows: Path | None = None, also: Sequence[Path] = ()
) -> list[Video]:
    """List the videos of a split; one of unknown class has no label and no file.

    Args:
        root: Folder of Kinetics-400 and of the lists.
        split: `train` or `test`.
        rows: A list of YouTube ids, or of paths and labels; None for the official list below the
            root.
        also: Other folders that links may lead into.

    Raises:
        ValueError: If lists or videos are missing, a row is invalid, or Kinetics-400 below the root
            lacks more than one in twenty of the ids.
    """
    lookup.check_name(split, _LISTS, what="split")
    if rows is not None and not _is_list_of_ids(rows):
        classes = class_names(root, also=also) or _NUM_CLASSES
        return kinetics400.from_rows(
            rows,
            FolderTree(root, also),
            split,
            classes=classes,
            known=lambda: videos(root, split, also=also),
        )
    labels = {label: number for number, label in enumerate(_labels(root, also))}
    ids, clips = _ids(rows or _list(root, split)), _clips(root, split, also)
    _check_unknown(ids, clips, root)
    return [_video(source, clips, labels, root) for source in ids]


def _official(root: Path, split: str) -> Path | None:
    candidates = (root / folder / _LISTS[split] for folder in _FOLDERS)
    return next((path for path in candidates if path.is_file()), None)


def _list(root: Path, split: str) -> Path:
    found = _official(root, split)
    if found is None:
        missing = f"{_LISTS[split]} is not in {root} or {root / _FOLDERS[1]}"
        raise ValueError(
            f"{missing}; both lists are needed, because together they give the classes"
        )
    return found


def _is_list_of_ids(file: Path) -> bool:
    """Return whether the first row of a list is an id, or at least nothing with a label."""
    return not kinetics_json.is_json(file) and not re.search(r"[\s,;]", text_rows.first_row(file))


def _ids(file: Path) -> list[str]:
    errors = text_rows.RowErrors()
    found: dict[str, None] = {}

    def add_row(text: str) -> None:
        found[check_youtube_id(youtube_id(clip_id(text.strip())))] = None

    text_rows.read(file, add_row, errors)
    errors.check()
    if not found:
        raise ValueError(f"{file} contains no rows")
    return list(found)


def _clips(root: Path, split: str, also: Sequence[Path]) -> dict[str, Video]:
    """Return the clips of Kinetics-400 by their YouTube ids."""
    return {youtube_id(video.id): video for video in kinetics400.videos(root, split, also=also)}


def _labels(root: Path, also: Sequence[Path]) -> list[int]:
    """Return the labels in Kinetics-400 of the classes in the official lists."""
    found: set[int] = set()
    for split in _LISTS:
        clips = _clips(root, split, also)
        ids = _ids(_list(root, split))
        found |= {clips[source].label for source in ids if source in clips}
    return sorted(found)


def _check_unknown(ids: list[str], clips: Container[str], root: Path) -> None:
    unknown = [source for source in ids if source not in clips]
    if len(unknown) > _MAX_UNKNOWN_SHARE * len(ids):
        examples = ", ".join(unknown[:_MAX_SHOWN])
        missing = f"{len(unknown)} of {len(ids)} listed videos"
        raise ValueError(
            f"Kinetics-400 in {root} has no row and no file of {missing}, such as {examples}"
        )


def _video(source: str, clips: dict[str, Video], labels: dict[int, int], root: Path) -> Video:
    found = clips.get(source)
    if found is None:
        return Video(id=source, path=root / _MISSING_FOLDER / f"{source}.mp4", labels=())
    if found.label not in labels:
        raise ValueError(f"{source} has a class that does not occur in the official lists")
    return Video(id=found.id, path=found.path, labels=(labels[found.label],))
