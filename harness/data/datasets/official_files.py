"""What lies below the root of a data set: its official files, and its videos by their names."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from harness.data.datasets.file_tree import FolderTree, videos_by_stem

_FOLDERS = (".", "annotations", "labels")
_SHOWN = 3


def find(root: Path, name: str) -> Path | None:
    """Return an official file from the root, or its `annotations` or `labels`; None if missing."""
    return next((root / each / name for each in _FOLDERS if (root / each / name).is_file()), None)


def require(root: Path, name: str) -> Path:
    """Return an official file.

    Raises:
        ValueError: If it is not there.
    """
    file = find(root, name)
    if file is None:
        below = f"{root}, its annotations/ or its labels/"
        raise ValueError(f"there is no {name} in {below}; put it there, or name a list of rows")
    return file


def video_paths(tree: FolderTree, folders: Iterable[Path]) -> dict[str, Path]:
    """Return where each video lies, by its name: in the first of the folders that has it."""
    found: dict[str, Path] = {}
    for folder in folders:
        for stem, name in videos_by_stem(tree.folder(folder)).items():
            found.setdefault(stem, folder / name)
    return found


def check_names(found: Iterable[str], official: Sequence[str], *, where: Path) -> None:
    """Insist on the official class names, in any order.

    Raises:
        ValueError: If one is missing or too many; shows the first few.
    """
    there = set(found)
    wrong = {"lacks": set(official) - there, "has": there - set(official)}
    said = [f"{verb} {_first_few(names)}" for verb, names in wrong.items() if names]
    if said:
        raise ValueError(f"{where} {' and '.join(said)}, unlike the official class names")


def _first_few(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(map(repr, listed[:_SHOWN])) + more
