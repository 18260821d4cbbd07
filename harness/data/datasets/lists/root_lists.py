"""Lists in the root of videos of one's own."""

from collections.abc import Mapping
from pathlib import Path

from harness.data.datasets.file_tree import FolderTree

TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "testing", "val", "valid", "validation")
ALL = "videos"
LISTS = (".csv", ".txt", ".tsv")


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
    raise ValueError(f"{root} holds {listed}; expected {expected}")
