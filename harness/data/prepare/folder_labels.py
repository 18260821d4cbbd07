"""Labels that contradict the folder of their video, which has the name of another class."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.data.datasets.class_names import labels_by_spelling, normalise
from harness.data.video import Video

_MOST = 0.5


def contradictions(
    splits: Mapping[str, Sequence[Video]], names: Sequence[str], root: Path
) -> list[str]:
    """Return the videos in the folder of another class than their label, in words.

    Args:
        splits: The videos of each split.
        names: Names of the classes by label; without any, nothing can be said.
        root: Folder of the data set.

    Raises:
        ValueError: If these are most of the videos that lie in the folder of a class: then the
            labels are numbered in another way.
    """
    labels, known = labels_by_spelling(names), dict[Path, int | None]()
    found, shifts, count = list[str](), set[int](), 0
    for split, videos in splits.items():
        for video in videos:
            folder = video.path.parent
            if folder not in known:
                known[folder] = _label_of_folder(folder, root, labels)
            label = known[folder]
            count += label is not None
            if label is not None and video.labels and label not in video.labels:
                shifts.add(video.label - label)
                found.append(f"{split}:{video.id} has label {_class(video.label, names)}")
    if len(found) > _MOST * count:
        hint = "; do labels begin at 1?" if shifts == {1} else ""
        raise ValueError(
            f"{len(found)} of {count} videos lie in the folder of another class than their label, "
            f"such as {found[0]}{hint}"
        )
    return found


def _label_of_folder(folder: Path, root: Path, labels: Mapping[str, int]) -> int | None:
    """Return the label of the innermost folder that has the name of a class."""
    below = folder.relative_to(root).parts if folder.is_relative_to(root) else folder.parts[-1:]
    for name in reversed(below):
        label = labels.get(name, labels.get(normalise(name)))
        if label is not None:
            return label
    return None


def _class(label: int, names: Sequence[str]) -> str:
    return f"{label} ({names[label]!r})" if label < len(names) else str(label)
