"""Lists below the root of a data set: those of one's own videos, and those that are not read."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from harness.data.datasets.file_names import is_video
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists import files
from harness.data.datasets.video_folders import holds_frames

TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing", "val", "valid", "validation")
ALL = "videos"
LISTS = (".csv", ".txt", ".tsv")
_MOST_FILES = 20
_TRAIN = re.compile(r"(?<![a-z])train")
_TEST = re.compile(r"(?<![a-z])(test|val)")


@dataclass(frozen=True, kw_only=True)
class UnreadList:
    """A list of videos that the reader of a data set does not go by.

    Attributes:
        path: Of the file.
        split: `train` or `test`, if its name says so; else empty.
        held: Number of the first rows that name a video below the root.
        rows: Number of the first rows.
    """

    path: Path
    split: str
    held: int
    rows: int


def find(tree: FolderTree) -> dict[str, Path]:
    """Return the lists below the root, by split; empty without any."""
    existing = _by_lower_name(tree)
    pairs = [pair for suffix in LISTS if (pair := _pair(tree.root, existing, suffix))]
    if len(pairs) > 1:
        names = ", ".join(path.name for pair in pairs for path in pair.values())
        raise ValueError(f"{tree.root} holds several lists, keep those of one kind: {names}")
    return pairs[0] if pairs else {}


def _by_lower_name(tree: FolderTree) -> dict[str, Path]:
    """Return the files in the root that may be lists, by their names without capitals.

    Raises:
        ValueError: If two names differ in capitals alone.
    """
    files: dict[str, Path] = {}
    for name in sorted(tree.folder(tree.root).files):
        if not name.lower().endswith(LISTS):
            continue
        other = files.setdefault(name.lower(), tree.root / name)
        if other.name != name:
            raise ValueError(f"{tree.root} holds {other.name} and {name}; keep one of them")
    return files


def _pair(root: Path, existing: Mapping[str, Path], suffix: str) -> dict[str, Path]:
    """Return the lists with a suffix; a text file alone need not be a list."""
    names = {
        name.removesuffix(suffix): path for name, path in existing.items() if name.endswith(suffix)
    }
    test = next((name for name in TEST_NAMES if name in names), None)
    train = next((name for name in TRAIN_NAMES if name in names), None)
    if train and test and ALL not in names:
        return {"train": names[train], "test": names[test]}
    if not (train or test):
        return {ALL: names[ALL]} if ALL in names else {}
    if suffix != LISTS[0]:
        return {}
    listed = " and ".join(sorted(f"{name}{suffix}" for name in (train, test, ALL) if name in names))
    expected = f"train{suffix} with test{suffix} or val{suffix}, or {ALL}{suffix} alone"
    raise ValueError(
        f"{root} holds {listed}; expected {expected}. Rename one, or move it to another folder and "
        "pass it by --list"
    )


def unread(tree: FolderTree) -> Iterator[UnreadList]:
    """Yield the text files in the root, and in the folders in it, that list its videos."""
    for path in islice(_texts(tree), _MOST_FILES):
        with suppress(ValueError):  # no list
            found = files.first_paths(path, tree)
            if held := sum(map(_is_video, found)):
                yield UnreadList(path=path, split=_split(path), held=held, rows=len(found))


def _texts(tree: FolderTree) -> Iterator[Path]:
    inner = sorted(tree.folder(tree.root).folders)
    for folder in (tree.root, *(tree.root / name for name in inner)):
        with suppress(ValueError):  # a link out of the root
            names = sorted(tree.folder(folder).files)
            yield from (folder / name for name in names if name.lower().endswith(LISTS))


def _is_video(path: Path | None) -> bool:
    return path is not None and (is_video(path.name) or holds_frames(path))


def _split(path: Path) -> str:
    """Return the split that the name of a list says: `train_list.txt`, `my-val.csv`."""
    name = path.stem.lower()
    is_train, is_test = bool(_TRAIN.search(name)), bool(_TEST.search(name))
    return "" if is_train == is_test else "train" if is_train else "test"
