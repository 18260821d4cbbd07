"""Files below the root of a data set that its passport does not use, in groups."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.data import pictures
from harness.data.datasets.file_names import is_hidden, is_video
from harness.data.datasets.official_files import is_archive
from harness.data.video import DamagedVideoError

_EXAMPLES = 5
_TEXT = (
    *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".html", ".pdf"),
    *(".pkl", ".npy", ".npz", ".parquet", ".xls", ".xlsx", ".srt", ".vtt", ".log", ".sh", ".py"),
)
_SOUND = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus")
UNLISTED, HIDDEN, BESIDE = "videos in no list", "hidden files", "files beside frames"
LINKS, CLOSED, BAD = "links out of the root", "folders that cannot be listed", "not good"


@dataclass(kw_only=True)
class Unused:
    """Files that a passport does not use.

    Attributes:
        groups: Paths below the root, by group.
        folders: The outermost folders without a listed video.
    """

    groups: dict[str, list[str]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, dict[str, object]]:
        """Return the number of files of each group and the first of them, as a passport does."""
        return {
            group: {"count": len(paths), "examples": sorted(paths)[:_EXAMPLES]}
            for group, paths in sorted(self.groups.items())
        }


def find(
    listed: Mapping[str, bool], root: Path, *, also: Sequence[Path] = (), skip: Path | None = None
) -> Unused:
    """Return the files below a root that are not used; no file is opened.

    Args:
        listed: Whether each listed path is good.
        root: Folder of the data set.
        also: Other folders that links may lead into.
        skip: Folder to leave out, which the check writes to.
    """
    walk = _Walk(listed, root, also, skip)
    walk.folder(str(root), frozenset(), hidden=False)
    return walk.unused


class _Walk:
    def __init__(
        self, listed: Mapping[str, bool], root: Path, also: Sequence[Path], skip: Path | None
    ) -> None:
        self.listed = listed
        self.root = str(root)
        self.allowed = [os.path.realpath(folder) for folder in (root, *also)]
        self.skip = None if skip is None else os.path.realpath(skip)
        self.unused = Unused()

    def folder(self, path: str, above: frozenset[str], *, hidden: bool) -> bool:
        """Add what is in a folder, and return whether it has a listed video."""
        real = os.path.realpath(path)
        if real == self.skip or real in above:
            return False
        if not any(Path(real).is_relative_to(folder) for folder in self.allowed):
            self._add(LINKS, path)
            return False
        try:
            with os.scandir(path) as entries:
                names = sorted((entry.name, _is_folder(entry)) for entry in entries)
        except OSError:
            self._add(CLOSED, path)
            return False
        empty, used = [], False
        for name, is_folder in names:
            inner = f"{path}{os.sep}{name}"
            if self._entry(inner, name, is_folder, above | {real}, hidden or is_hidden(name)):
                used = True
            elif is_folder:
                empty.append(inner)
        if used:
            self.unused.folders += [self._name(inner) for inner in empty]
        return used

    def _entry(
        self, path: str, name: str, is_folder: bool, above: frozenset[str], hidden: bool
    ) -> bool:
        """Add a file or a folder, and return whether it is or has a listed video."""
        good = self.listed.get(path)
        if good is False:
            self._add(BAD, path)
        elif good and is_folder:
            for beside in _beside_frames(path):
                self._add(BESIDE, beside)
        elif good is None:
            if is_folder:
                return self.folder(path, above, hidden=hidden)
            self._add(HIDDEN if hidden else _group(name), path)
        return good is not None

    def _add(self, group: str, path: str) -> None:
        self.unused.groups.setdefault(group, []).append(self._name(path))

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self.root)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that cannot be followed
        return False


def _beside_frames(folder: str) -> Iterator[str]:
    """Yield the files in a folder of frames, and below it, that are no frame of the video."""
    for parent, _, files in os.walk(folder):
        frames: Collection[str] = ()
        if parent == folder:
            try:
                frames = {*pictures.sort_by_number(files)}
            except DamagedVideoError:
                frames = files
        yield from (f"{parent}{os.sep}{name}" for name in files if name not in frames)


def _group(name: str) -> str:
    lower = name.lower()
    if is_video(name):
        return UNLISTED
    if pictures.is_picture(name):
        return "pictures outside of videos"
    if is_archive(name):
        return "archives"
    if lower.endswith(_TEXT):
        return "lists and other text"
    return "sound" if lower.endswith(_SOUND) else "other files"
