"""Something-Something V1: a folder of numbered pictures for each video, or a file.

A video is called by a number, which is its id here. Labels follow the order of the class names, by
code point, as in the lists of TRN and TSM. Split `test` is what the data set calls validation.

Source: Goyal et al., The "something something" video database (2017), and its files.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.data.datasets import class_names as tables
from harness.data.datasets import official_files
from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.list_files import from_files
from harness.data.datasets.text_rows import RowErrors, is_number, read
from harness.data.video import Video
from harness.utils import lookup

_FOLDERS = ("20bn-something-something-v1", "frames", "rawframes", "videos")
_LABELS = "something-something-v1-labels.csv"
_LISTS = {
    "train": "something-something-v1-train.csv",
    "test": "something-something-v1-validation.csv",
}


def class_names(root: Path) -> tuple[str, ...]:
    """Return the official names, by label.

    Raises:
        ValueError: If the copy has a list of labels, and it names other classes.
    """
    official = tables.official_names("something_v1")
    file = official_files.find(root, _LABELS)
    if file is not None:
        found: list[str] = []
        wrong = RowErrors()
        read(file, lambda text: found.append(text.strip()), wrong)
        wrong.check()
        official_files.check_names(found, official, where=file)
    return official


def videos(root: Path, split: str, *, rows: Path | None = None) -> list[Video]:
    """List the videos of a split, those that are missing too.

    Args:
        root: Folder that holds everything.
        split: `train` or `test`.
        rows: A `.csv` of rows `id;label text`, or another file of rows that begin with a path and
            end with a label; None for the official list below the root.

    Raises:
        ValueError: If a list or all videos are missing, or rows are wrong.
    """
    lookup.check_name(split, _LISTS, what="split")
    official = tables.official_names("something_v1")
    if rows is not None and rows.suffix.lower() != ".csv":
        return from_files({split: rows}, root, num_classes=len(official)).splits[split]
    file = rows or official_files.require(root, _LISTS[split])
    wrong, found = RowErrors(), dict[str, Video]()
    labels = {name: label for label, name in enumerate(official)}
    read(file, _row_handler(found, labels, _places(FolderTree(root))), wrong)
    wrong.check()
    if not found:
        raise ValueError(f"{file}: there is no row")
    return [*found.values()]


def _row_handler(
    found: dict[str, Video], labels: Mapping[str, int], place: Callable[[str], Path]
) -> Callable[[str], None]:
    def take(text: str) -> None:
        number, semicolon, name = (part.strip() for part in text.partition(";"))
        if not semicolon or not is_number(number):
            raise ValueError(f"{text!r} is not a number, a semicolon and a label")
        if name not in labels:
            raise ValueError(f"{name!r} is none of the {len(labels)} classes")
        video = Video(id=number, path=place(number), labels=(labels[name],))
        if found.setdefault(number, video) != video:
            raise ValueError(f"{number} has label {name!r}, and another before")

    return take


def _places(tree: FolderTree) -> Callable[[str], Path]:
    """Say where a video lies, or else where it should lie."""
    there = [tree.root / name for name in _FOLDERS if name in tree.folder(tree.root).folders]
    if not there:
        looked = ", ".join(f"{name}/" for name in _FOLDERS)
        raise ValueError(f"{tree.root} holds no folder of videos: none of {looked}")
    found = official_files.video_paths(tree, there)
    return lambda number: tree.inside(found.get(number, there[0] / number))
