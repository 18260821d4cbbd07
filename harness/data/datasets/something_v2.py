"""Something-Something V2: a `.webm` for each video, labels and lists in JSON.

The id of a video is its number. Labels are those of the official `labels.json`, which the copy must
have. Split `test` is the validation split of the data set; its own test list has no labels.

Source: Goyal et al., The "something something" video database (2017), and the files of its second
release, in their first and in their present names.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.data.datasets import official_files
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists.files import from_files
from harness.data.datasets.lists.text_rows import RowErrors
from harness.data.video import Video
from harness.utils import lookup

_FOLDERS = (
    *("20bn-something-something-v2", "videos", "frames", "rawframes"),
    "20bn-something-something-v2-frames",
)
_LABELS = ("labels.json", "something-something-v2-labels.json")
_LISTS = {
    "train": ("train.json", "something-something-v2-train.json"),
    "test": ("validation.json", "something-something-v2-validation.json"),
}
_NUM_CLASSES = 174
_BRACKETS = str.maketrans("", "", "[]")


def class_names(root: Path, *, also: Sequence[Path] = ()) -> tuple[str, ...]:
    """Return the official names, by label.

    Raises:
        ValueError: If the list of labels is missing, or does not number 174 names from 0.
    """
    del also
    file = _require(root, _LABELS)
    content = official_files.read_json(file)
    labels = content if isinstance(content, dict) else {}
    numbered = {str(number): name for name, number in labels.items()}
    if {*numbered} != {str(label) for label in range(_NUM_CLASSES)} or len(labels) > len(numbered):
        raise ValueError(f"{file} does not number {_NUM_CLASSES} names from 0")
    return tuple(numbered[str(label)] for label in range(_NUM_CLASSES))


def lists(root: Path) -> list[Path]:
    """Return the official files below the root."""
    return [file for names in (_LABELS, *_LISTS.values()) if (file := _find(root, names))]


def videos(
    root: Path, split: str, *, rows: Path | None = None, also: Sequence[Path] = ()
) -> list[Video]:
    """List the videos of a split, missing ones included.

    Args:
        root: Folder of the lists and videos.
        split: `train` or `test`.
        rows: A list in the official form, in a `.json`, or another list of paths and labels; None
            for the official list below the root.
        also: Other folders that links may lead into.

    Raises:
        ValueError: If a list or all videos are missing, or entries are invalid.
    """
    lookup.check_name(split, _LISTS, what="split")
    tree = FolderTree(root, also)
    if rows is not None and rows.suffix.lower() != ".json":
        folders = {split: official_files.existing_folders(tree, _FOLDERS)}
        classes = class_names(root) if _find(root, _LABELS) else _NUM_CLASSES
        listed = from_files(
            {split: rows},
            tree,
            classes=classes,
            folders=folders,
            known=lambda: videos(root, split, also=also),
        )
        return listed.splits[split]
    file = rows or _require(root, _LISTS[split])
    labels = {name: label for label, name in enumerate(class_names(root))}
    content = official_files.read_json(file)
    if not isinstance(content, list) or not content:
        raise ValueError(f"{file} is not a list of videos with `id` and `template`")
    return _list_videos(content, labels, official_files.numbered_paths(tree, _FOLDERS))


def _require(root: Path, names: tuple[str, ...]) -> Path:
    """Return an official file, whatever the release that names it."""
    return _find(root, names) or official_files.require(root, names[0])


def _find(root: Path, names: tuple[str, ...]) -> Path | None:
    return next(filter(None, (official_files.find(root, name) for name in names)), None)


def _list_videos(
    entries: list[Any], labels: Mapping[str, int], path_of: Callable[[str], Path]
) -> list[Video]:
    """List the videos of a list, or raise the errors of all its entries at once."""
    errors, listed_videos = RowErrors(), dict[str, Video]()
    for position, entry in enumerate(entries, start=1):
        try:
            video = _video(entry, labels, path_of)
            if listed_videos.setdefault(video.id, video) != video:
                errors.add(f"entry {position}", ValueError(f"{video.id} had another label before"))
        except ValueError as error:
            errors.add(f"entry {position}", error)
    errors.check("entries")
    return [*listed_videos.values()]


def _video(entry: Any, labels: Mapping[str, int], path_of: Callable[[str], Path]) -> Video:
    """Return the video of an entry, whose template is the name of its class with brackets."""
    number, template = (
        (entry.get("id"), entry.get("template")) if isinstance(entry, dict) else (None, None)
    )
    if not official_files.is_id(str(number)) or not isinstance(template, str):
        raise ValueError("it has no number as its `id`, or no `template`")
    label = labels.get(template.translate(_BRACKETS))
    if label is None:
        raise ValueError(f"{template!r} is not one of the {len(labels)} classes")
    return Video(id=str(number), path=path_of(str(number)), labels=(label,))
