"""Videos in a folder and in the folders inside it: files, and folders of pictures."""

import os
from pathlib import Path

from harness.data.datasets.file_names import is_video
from harness.data.datasets.file_tree import FolderTree, videos_by_stem
from harness.data.pictures import is_picture


def videos_below(tree: FolderTree, folder: Path, above: frozenset[str] = frozenset()) -> list[Path]:
    """Return the videos in a folder, at any depth; a folder of pictures is a video.

    Of several formats of one name, the first in `SUFFIXES` counts, and pictures last.

    Args:
        tree: Folders below the root.
        folder: Where to look.
        above: Folders that this one is inside of, with links resolved.

    Raises:
        ValueError: If a link leads out of the root, or back to a folder that it is inside of.
    """
    real = os.path.realpath(folder)
    if real in above:
        raise ValueError(f"{tree.name(folder)!r} leads back to a folder that it is inside of")
    contents = tree.folder(folder)
    kept = videos_by_stem(contents)
    videos = [folder / name for name in sorted(kept.values()) if name in contents.files]
    for name in sorted(contents.folders):
        inner = tree.check_inside(folder / name)
        if holds_frames(inner):
            videos += [inner] if kept[name] == name else []
        else:
            videos += videos_below(tree, inner, above | {real})
    return videos


def holds_frames(folder: Path) -> bool:
    """Return whether a folder is a video: it has pictures, and no video among them."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return False
    return any(map(is_picture, names)) and not any(map(is_video, names))
