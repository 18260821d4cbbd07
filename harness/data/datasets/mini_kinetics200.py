"""Mini-Kinetics-200: the clips of Kinetics-400 that two lists name by their YouTube ids.

The classes are those that occur in the lists, in alphabetical order. The lists name no class:
what Kinetics-400 does not know has none.

Source: Xie et al., Rethinking Spatiotemporal Feature Learning (2018), and its published lists.
"""

from collections.abc import Container
from pathlib import Path

from harness.data.datasets import kinetics400
from harness.data.datasets import text_rows as texts
from harness.data.datasets.kinetics_csv import check_youtube_id, youtube_id
from harness.data.video import Video
from harness.utils import lookup

_LISTS = {"train": "train_ytid_list.txt", "test": "val_ytid_list.txt"}
_FOLDERS = (".", "mini_kinetics200")
_MOST_UNKNOWN = 0.05
_NAMED = 5
# No file is there, so a check counts the video as listed and missing, and says why.
_NOWHERE = "unknown to Kinetics-400"
_NUM_CLASSES = 200


def class_names(root: Path) -> tuple[str, ...]:
    """Return the names by label; none where the official lists are not below the root."""
    if not any(_official(root, split) for split in _LISTS):
        return ()
    official = kinetics400.class_names(root)
    return tuple(official[label] for label in _labels(root))


def videos(root: Path, split: str, *, rows: Path | None = None) -> list[Video]:
    """List the videos of a split; one whose class nobody knows has no label, and is not there.

    Args:
        root: Folder of Kinetics-400, and of the lists.
        split: `train` or `test`.
        rows: A list of YouTube ids, or rows `path label` with labels below 200; None for the
            official list below the root.

    Raises:
        ValueError: If lists or videos are not there, a row is wrong, or Kinetics-400 below the root
            does not know one in twenty of the ids.
    """
    lookup.check_name(split, _LISTS, what="split")
    if rows is not None and len(texts.first_row(rows).split()) > 1:
        return kinetics400.from_rows(rows, root, split, num_classes=_NUM_CLASSES)
    labels = {label: number for number, label in enumerate(_labels(root))}
    listed, known = _ids(rows or _list(root, split)), _clips(root, split)
    _check_known(listed, known, root)
    return [_video(each, known, labels, root) for each in listed]


def _official(root: Path, split: str) -> Path | None:
    places = (root / folder / _LISTS[split] for folder in _FOLDERS)
    return next((place for place in places if place.is_file()), None)


def _list(root: Path, split: str) -> Path:
    found = _official(root, split)
    if found is None:
        wanted = f"{_LISTS[split]}, in {root} or {root / _FOLDERS[1]}"
        raise ValueError(f"there is no {wanted}; both lists together say what the classes are")
    return found


def _ids(file: Path) -> list[str]:
    wrong = texts.RowErrors()
    found: dict[str, None] = {}

    def take(text: str) -> None:
        found[check_youtube_id(text.strip())] = None

    texts.read(file, take, wrong)
    wrong.check()
    if not found:
        raise ValueError(f"{file}: there is no row")
    return list(found)


def _clips(root: Path, split: str) -> dict[str, Video]:
    """Return the clips of Kinetics-400 by their YouTube ids."""
    return {youtube_id(video.id): video for video in kinetics400.videos(root, split)}


def _labels(root: Path) -> list[int]:
    """Return the labels in Kinetics-400 of the classes that occur in the official lists."""
    found: set[int] = set()
    for split in _LISTS:
        known = _clips(root, split)
        ids = _ids(_list(root, split))
        found |= {known[each].label for each in ids if each in known}
    return sorted(found)


def _check_known(ids: list[str], known: Container[str], root: Path) -> None:
    unknown = [each for each in ids if each not in known]
    if len(unknown) > _MOST_UNKNOWN * len(ids):
        some = ", ".join(unknown[:_NAMED])
        what = f"Kinetics-400 in {root} knows neither a row nor a file of {len(unknown)}"
        raise ValueError(f"{what} of {len(ids)} listed videos, such as {some}")


def _video(source: str, known: dict[str, Video], labels: dict[int, int], root: Path) -> Video:
    found = known.get(source)
    if found is None:
        return Video(id=source, path=root / _NOWHERE / f"{source}.mp4", labels=())
    if found.label not in labels:
        raise ValueError(f"{source} is of a class that does not occur in the official lists")
    return Video(id=found.id, path=found.path, labels=(labels[found.label],))
