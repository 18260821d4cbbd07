"""Contents of the folders below a root: a folder is listed once, and no file is opened."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote

from harness.data.datasets.file_names import SUFFIXES, composed, is_hidden, normalise_path, stem

_RANKS = {suffix: rank for rank, suffix in enumerate(SUFFIXES)}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.,-]*:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """Names in a folder, except hidden ones; see `is_hidden`.

    Attributes:
        files: Entries other than folders.
        folders: Folders, and links to folders.
        links: Links, hidden ones included.
        problem: Reason for which nothing below it may be used; empty if there is none.
    """

    files: set[str] = field(default_factory=set)
    folders: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    problem: str = ""


class FolderTree:
    """Folders below a root, each listed once.

    Args:
        root: Folder that no path may leave, with links resolved.
        also: Other folders that the targets of links may lie in.
    """

    def __init__(self, root: Path, also: Sequence[Path] = ()) -> None:
        self.root = root
        self.real = tuple(folder.resolve() for folder in (root, *also))
        self.allowed = tuple(dict.fromkeys((root, *also, *self.real)))
        # By text: looked up once per video, and hashing a Path takes longer than the rest.
        self.cache: dict[str, Folder] = {}
        self.stems: dict[str, dict[str, str]] = {}
        self.forms: dict[str, dict[str, set[str]]] = {}

    def folder(self, path: Path) -> Folder:
        """Return the contents of a folder; a missing one is empty.

        Raises:
            ValueError: If it is outside the root, or cannot be listed.
        """
        return self._folder(str(path))

    def name(self, path: Path) -> str:
        """Return a path relative to the root, if it is below it."""
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()

    def exists(self, path: Path) -> bool:
        """Return whether a file or folder exists."""
        parent, name = os.path.split(path)
        folder = self._folder(parent)
        return name in folder.files or name in folder.folders

    def find(self, path: Path) -> Path | None:
        """Return an existing video: that of a path, or the file of its name with another suffix.

        Lists name videos with and without suffixes, and copies are often of another format. Accents
        of a path may be composed in another way than those on the disk.

        Raises:
            ValueError: If several names on the disk differ in the composition of accents alone.
        """
        found = self._find(path)
        return found if found or str(path).isascii() else self._find(self.spell(path))

    def _find(self, path: Path) -> Path | None:
        if self.exists(path):
            return path
        found = self._stems(path.parent).get(stem(path.name))
        return path.with_name(found) if found else None

    def _stems(self, folder: Path) -> Mapping[str, str]:
        """Return the file name of each video in a folder, by its stem."""
        name = str(folder)
        if name not in self.stems:
            self.stems[name] = videos_by_stem(Folder(files=self._folder(name).files))
        return self.stems[name]

    def spell(self, path: Path) -> Path:
        """Return a path with the accents of every name composed as on the disk, if it is there.

        Raises:
            ValueError: If several names on the disk differ in the composition of accents alone.
        """
        if str(path).isascii() or path in self.allowed:
            return path
        parent, name = self.spell(path.parent), path.name
        forms = self.spellings(parent)
        for whole in (name, stem(name)):
            names = forms.get(composed(whole), set())
            if len(names) > 1 and whole not in names:
                shown = " or ".join(map(ascii, sorted(names)))
                raise ValueError(
                    f"{name!r} could be {shown} in {self.name(parent)!r}, which differ in the "
                    "composition of accents alone; rename one of them"
                )
            if names:
                spelt = whole if whole in names else min(names)
                return parent / (spelt + name[len(whole) :])
        return parent / name

    def spellings(self, folder: Path) -> Mapping[str, set[str]]:
        """Return the names in a folder, and the stems of its videos, by their composed form."""
        key = str(folder)
        if key not in self.forms:
            forms = self.forms[key] = {}
            contents = self._folder(key)
            for name in (*contents.files, *contents.folders, *self._stems(folder)):
                forms.setdefault(composed(name), set()).add(name)
        return self.forms[key]

    def locate(self, base: Path, name: str) -> tuple[Path, str]:
        """Return the folder that a name from a list begins at, and the path below it.

        Args:
            base: Where relative names begin.
            name: A relative name, or an absolute one below the root or another allowed folder.

        Raises:
            ValueError: If it is absolute and in none of these folders.
        """
        if not name.startswith("/"):
            return base, name
        parent, last = os.path.split(name)
        for path in (Path(name), Path(os.path.realpath(parent), last)):
            form = Path(composed(str(path)))
            for folder in self.allowed:
                if ".." not in path.parts and form.is_relative_to(composed(str(folder))):
                    return folder, Path(*path.parts[len(folder.parts) :]).as_posix()
        raise ValueError(f"{name!r} is not below {self.root}; write it relative to that folder")

    def resolve(self, base: Path, name: str) -> Path:
        """Return the path of a name from a list, relative to a folder; see `locate` and `find`.

        Raises:
            ValueError: If it is not a plain path below the root, with links resolved.
        """
        _check_printable(name)
        folder, below = self.locate(base, name)
        if ".." in below.split("/") or normalise_path(below) == ".":
            raise ValueError(f"{name!r} is not a plain path below the root")
        if "\\" in name:
            raise ValueError(f"{name!r} is not a plain path below the root; write / for \\")
        if _ADDRESS.match(name):
            raise ValueError(f"{name!r} is an address, not a file")
        path = folder / below
        return self.check_inside(self.find(path) or path)

    def check_inside(self, path: Path) -> Path:
        """Return a path after checking that it stays below the root and has a printable name.

        Raises:
            ValueError: If it does not.
        """
        parent, name = os.path.split(path)
        _check_printable(name)
        if name in self._folder(parent).links and (problem := self._problem(path)):
            raise ValueError(f"{self.name(path)!r} {problem}")
        return path

    def _folder(self, path: str) -> Folder:
        contents = self.cache.get(path)
        if contents is None:
            contents = self.cache[path] = self._list(path)
        if contents.problem:
            raise ValueError(f"{self.name(Path(path))!r} {contents.problem}")
        return contents

    def _list(self, path: str) -> Folder:
        if problem := self._problem(Path(path)):
            return Folder(problem=problem)
        contents = Folder()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    _add_entry(entry, contents)
        except (FileNotFoundError, NotADirectoryError):
            return contents
        except OSError as error:
            return Folder(problem=f"cannot be listed: {error.strerror}")
        return contents

    def _problem(self, path: Path) -> str:
        try:
            target = path.resolve()
        except (OSError, RuntimeError) as error:
            return f"cannot be followed: {error}"
        if any(target.is_relative_to(folder) for folder in self.real):
            return ""
        folder = target if target.is_dir() else target.parent
        remedy = f"allow its folder by `harness data check --also`: --also {quote(str(folder))}"
        return f"leads out of the root by a link, to {target}; {remedy}"


def _add_entry(entry: os.DirEntry[str], contents: Folder) -> None:
    if entry.is_symlink():
        contents.links.add(entry.name)
    if not is_hidden(entry.name):
        (contents.folders if _is_folder(entry) else contents.files).add(entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that cannot be followed
        return False


def _check_printable(name: str) -> None:
    if not name.isprintable():
        raise ValueError(f"{name!r} has unprintable characters")


def videos_by_stem(folder: Folder) -> dict[str, str]:
    """Return the file name of each video by its stem.

    Of several formats, the first in `SUFFIXES` counts, .mp4 before all others; a folder, which may
    hold the frames of a video, comes after the files.
    """
    ranked = []
    for name in folder.files:
        start, dot, suffix = name.rpartition(".")
        rank = _RANKS.get((dot + suffix).lower())
        if rank is not None and start:
            ranked.append((rank, name, start))
    names = {name: name for name in folder.folders}
    # The last one stays.
    names.update((start, name) for _, name, start in sorted(ranked, reverse=True))
    return dict(sorted(names.items()))
