"""Files below the root of a data set: official files, and videos by name."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.data.datasets.file_tree import FolderTree, videos_by_stem

_FOLDERS = (".", "annotations", "labels")
_SHOWN = 3


def find(root: Path, name: str) -> Path | None:
    """Return an official file in the root, or its `annotations` or `labels`; None if missing."""
    paths = (root / folder / name for folder in _FOLDERS)
    return next((path for path in paths if path.is_file()), None)


def require(root: Path, name: str) -> Path:
    """Return an official file.

    Raises:
        ValueError: If it is missing.
    """
    file = find(root, name)
    if file is None:
        folders = f"{root}, its annotations/ or its labels/"
        raise ValueError(f"{name} is not in {folders}; put it there, or pass a list of rows")
    return file


def video_paths(tree: FolderTree, folders: Iterable[Path]) -> dict[str, Path]:
    """Return the path of each video by its name, in the first of the folders that has it."""
    paths: dict[str, Path] = {}
    for folder in folders:
        for stem, name in videos_by_stem(tree.folder(folder)).items():
            paths.setdefault(stem, folder / name)
    return paths


def check_names(names: Iterable[str], official: Sequence[str], *, file: Path) -> None:
    """Check that class names are the official ones, in any order.

    Raises:
        ValueError: If one is missing or extra; shows the first few.
    """
    actual = set(names)
    differences = {"lacks": set(official) - actual, "has": actual - set(official)}
    phrases = [f"{verb} {_first_few(few)}" for verb, few in differences.items() if few]
    if phrases:
        raise ValueError(f"{file} {' and '.join(phrases)}, unlike the official class names")


def _first_few(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(map(repr, listed[:_SHOWN])) + more
