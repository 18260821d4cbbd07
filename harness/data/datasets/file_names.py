"""Names of files and folders: videos, hidden ones, and the forms in which one may be written."""

import os
import unicodedata

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts"),
    *(".mpg", ".mpeg", ".flv", ".ogv", ".wmv", ".3gp"),
)
# Folders that operating systems, network disks and programs make by themselves.
_MADE_FOLDERS = {
    *("__macosx", "@eadir", "#recycle", "@recycle", "@recently-snapshot", "$recycle.bin"),
    *("lost+found", "system volume information", "__pycache__", "found.000"),
}


def is_hidden(name: str) -> bool:
    """Return whether a name is one that people do not see, or did not make."""
    return name.startswith(".") or name.lower() in _MADE_FOLDERS


def is_video(name: str) -> bool:
    """Return whether a name has the suffix of a video file."""
    return name.lower().endswith(SUFFIXES)


def composed(name: str) -> str:
    """Return a name with composed accents: systems and programs write `é` in two ways."""
    return unicodedata.normalize("NFC", name)


def stem(name: str) -> str:
    """Return a name without the suffix of a video."""
    return name.rpartition(".")[0] if is_video(name) else name


def normalise_path(name: str) -> str:
    """Return a path below the root without redundant parts: `./a//b` becomes `a/b`."""
    return os.path.normpath(name)
