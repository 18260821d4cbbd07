"""What lies in the folders below a root: each folder is listed once, and no file is looked at."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts"),
    *(".mpg", ".mpeg", ".flv", ".ogv", ".wmv", ".3gp"),
)
_RANKS = {suffix: rank for rank, suffix in enumerate(SUFFIXES)}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.,-]*:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """Names in a folder, without the hidden ones; what is wrong with it, if something is.

    Attributes:
        files: All that is no folder.
        folders: Folders, and links to folders.
        links: Links, the hidden ones too.
        problem: Why nothing below it may be used.
    """

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    problem: str = ""


class FolderTree:
    """Lists folders below a root, once each.

    Args:
        root: No path leads out of it, once links are resolved as well.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.real = root.resolve()
        # By text: these are asked for once per video, and hashing paths takes longer than the rest.
        self.known: dict[str, Folder] = {}

    def folder(self, path: Path) -> Folder:
        """Return what is in a folder; one that is not there is empty.

        Raises:
            ValueError: If it lies outside the root, or cannot be listed.
        """
        return self._folder(str(path))

    def name(self, path: Path) -> str:
        """Return the name of a path below the root."""
        return path.relative_to(self.root).as_posix()

    def has(self, path: Path) -> bool:
        """Say whether there is such a file or folder."""
        parent, name = os.path.split(path)
        there = self._folder(parent)
        return name in there.files or name in there.folders

    def place(self, base: Path, name: str) -> Path:
        """Return where a name from a list lies below a folder.

        Raises:
            ValueError: If it is not a plain path below the root, links resolved.
        """
        _check_printable(name)
        parts = name.split("/")
        if not parts[0] or ".." in parts or "\\" in name or normalise_path(name) == ".":
            raise ValueError(f"{name!r} is not a plain path below the root")
        if _ADDRESS.match(name):
            raise ValueError(f"{name!r} is an address, not a file")
        return self.inside(base / name)

    def inside(self, path: Path) -> Path:
        """Return a path that does not lead out of the root, and has a name that can be printed.

        Raises:
            ValueError: If it does, or has not.
        """
        parent, name = os.path.split(path)
        _check_printable(name)
        if name in self._folder(parent).links and (problem := self._problem(path)):
            raise ValueError(f"{self.name(path)!r} {problem}")
        return path

    def _folder(self, path: str) -> Folder:
        found = self.known.get(path)
        if found is None:
            found = self.known[path] = self._list(path)
        if found.problem:
            raise ValueError(f"{self.name(Path(path))!r} {found.problem}")
        return found

    def _list(self, path: str) -> Folder:
        if problem := self._problem(Path(path)):
            return Folder(problem=problem)
        found = Folder()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    _add_entry(entry, found)
        except (FileNotFoundError, NotADirectoryError):
            return found
        except OSError as error:
            return Folder(problem=f"cannot be listed: {error.strerror}")
        return found

    def _problem(self, path: Path) -> str:
        try:
            inside = path.resolve().is_relative_to(self.real)
        except (OSError, RuntimeError) as error:
            return f"cannot be followed: {error}"
        return "" if inside else "leads out of the root by a link"


def _add_entry(entry: os.DirEntry[str], found: Folder) -> None:
    if entry.is_symlink():
        found.links.add(entry.name)
    if not entry.name.startswith("."):
        (found.folders if _is_folder(entry) else found.files).add(entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that cannot be followed
        return False


def normalise_path(name: str) -> str:
    """Return a path below the root without what says nothing: `./a//b` is `a/b`."""
    return os.path.normpath(name)


def _check_printable(name: str) -> None:
    if not name.isprintable():
        raise ValueError(f"{name!r} has characters that do not print")


def is_video(name: str) -> bool:
    """Say whether a name ends as that of a video does."""
    return name.lower().endswith(SUFFIXES)


def videos_by_stem(folder: Folder) -> dict[str, str]:
    """Return the name of each video by what it is called without its ending.

    One that is there in several formats is the first of them, .mp4 before all; a folder stands
    behind the files: it may hold the frames of a video.
    """
    ranked = []
    for name in folder.files:
        stem, dot, suffix = name.rpartition(".")
        rank = _RANKS.get((dot + suffix).lower())
        if rank is not None and stem:
            ranked.append((rank, name, stem))
    found = {name: name for name in folder.folders}
    # The last to come stays.
    found.update((stem, name) for _, name, stem in sorted(ranked, reverse=True))
    return dict(sorted(found.items()))
