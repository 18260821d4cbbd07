"""Files below the root of a data set: official files, and videos by name."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness.data.datasets.file_tree import FolderTree, videos_by_stem

_FOLDERS = (".", "annotations", "labels")
_SHOWN = 3
_MAX_FOLDERS = 50
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".part")
_PART = re.compile(r"(^20bn-.*-\d\d|\.(z|r|0)\d\d|\.tar\.\w+|\.part\d+)$")
_MAX_BYTES = 500_000_000


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


def is_id(text: str) -> bool:
    """Return whether a text is the number of a video."""
    return text.isascii() and text.isdecimal()


def existing_folders(tree: FolderTree, names: Iterable[str]) -> list[Path]:
    """Return those folders that exist below the root, in their order."""
    paths = [tree.root / name for name in names]
    return [path for path in paths if path.name in tree.folder(path.parent).folders]


def describe_archives(tree: FolderTree) -> str:
    """Say which archives lie unopened in the root and in its folders; empty without any."""
    root = tree.folder(tree.root)
    folders = [tree.root, *(tree.root / name for name in sorted(root.folders)[:_MAX_FOLDERS])]
    names = [
        tree.name(folder / name)
        for folder in folders
        for name in sorted(tree.folder(folder).files)
        if is_archive(name)
    ]
    if not names:
        return ""
    return f"; {len(names)} archives are there, such as {names[0]!r}: unpack them first"


def is_archive(name: str) -> bool:
    """Return whether a name is one of an archive, or of a part of one."""
    return name.lower().endswith(ARCHIVES) or bool(_PART.search(name.lower()))


def numbered_paths(tree: FolderTree, names: Iterable[str]) -> Callable[[str], Path]:
    """Return a function from the number of a video to its path, in the first folder that has it.

    Args:
        tree: Folders below the root of the data set.
        names: Folders of videos that may be below it.

    Raises:
        ValueError: If there is none of these folders.
    """
    names = tuple(names)
    folders = existing_folders(tree, names)
    if not folders:
        expected = ", ".join(f"{name}/" for name in names)
        archives = describe_archives(tree)
        raise ValueError(
            f"{tree.root} contains no folder of videos: expected one of {expected}{archives}"
        )
    paths = video_paths(tree, folders)
    return lambda number: tree.check_inside(paths.get(number, folders[0] / number))


def read_json(file: Path) -> object:
    """Read annotations.

    Raises:
        ValueError: If they are too large, or not JSON.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(_MAX_BYTES + 1)
        content = _parse(text) if len(text) <= _MAX_BYTES else None
    except (OSError, RecursionError, ValueError) as error:
        raise ValueError(f"{file} cannot be read: {error}") from None
    if len(text) > _MAX_BYTES:
        raise ValueError(f"{file} is over {_MAX_BYTES // 1_000_000} MB, too large for annotations")
    return content


def _parse(content: bytes) -> object:
    """Return JSON in any encoding of Unicode; NaN is read, and half of a surrogate pair is not."""
    text = content.decode(json.detect_encoding(content))
    body: object = json.loads(text)
    if "\\ud" in text.lower():
        json.dumps(body, ensure_ascii=False).encode()
    return body


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
