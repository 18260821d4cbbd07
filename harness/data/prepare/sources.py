"""Sources of a check: the videos that a data set lists, and their expected paths."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import ModuleType

from harness.data import DATASETS, GENERATED, OWN_READER, passport, passport_path
from harness.data.datasets.lists.text_rows import MAX_SHOWN
from harness.data.prepare import reader_answers
from harness.data.prepare.folder_labels import contradictions
from harness.data.prepare.list_hints import ListHint, hint, lists_read
from harness.data.sizes import PUBLISHED
from harness.data.video import Video
from harness.specs import NAME
from harness.utils import lookup

SPLITS = ("train", "test")
_MOST_FPS = 1000
_OWN_NAME = "videos"


@dataclass(frozen=True, kw_only=True)
class DataSource:
    """A data set as its lists name it.

    Attributes:
        name: Of the data set, or of a copy of it.
        root: Folder that all videos must lie in.
        splits: The videos that its lists name.
        class_names: By label; none where labels have no names.
        official: Videos that each split has in the official lists, where they are known.
        fps: Rate at which folders of pictures were taken; they do not say.
        also: Other folders that links may lead into.
        contradictions: Videos in the folder of another class than their label, in words.
        lists: Files that were read as lists.
        unread: Lists that were not.
    """

    name: str
    root: Path
    splits: Mapping[str, Sequence[Video]]
    class_names: tuple[str, ...] = ()
    official: Mapping[str, int] = field(default_factory=dict)
    fps: Fraction | None = None
    also: tuple[Path, ...] = ()
    contradictions: Sequence[str] = ()
    lists: Sequence[Path] = ()
    unread: ListHint = field(default_factory=ListHint)

    @property
    def listed(self) -> dict[str, int]:
        """Count what each split should have: what is listed, or officially more."""
        return {
            split: max(len(videos), self.official.get(split, 0))
            for split, videos in self.splits.items()
        }


def read_source(
    name: str,
    root: Path | None,
    data: Path,
    *,
    rows: Mapping[str, Path] | None = None,
    fps: str | None = None,
    also: Sequence[Path] = (),
    only: str | None = None,
) -> DataSource:
    """Read the lists of a data set; any name but those of the paper is one of the user's own.

    Args:
        name: A name in `DATASETS`, or a new one for videos of one's own.
        root: Folder of the videos; None for that of the last check.
        data: Folder of the data sets, which the last check left its passport in.
        rows: List files to go by, of each split.
        fps: Rate at which folders of pictures were taken, as `30` or `30000/1001`.
        also: Other folders that links may lead into, besides those of the last check of this root.
        only: The only split to read; None for all.

    Raises:
        ValueError: If the lists are missing or wrong, or the root does not exist.
    """
    if name not in DATASETS:
        _check_new_name(name)
    last_root, last_also = _last_folders(name, data)
    root = root or _known_root(last_root, name, data)
    also = tuple(dict.fromkeys((*also, *(last_also if root == last_root else ()))))
    reader: ModuleType = import_module(DATASETS.get(name, DATASETS[OWN_READER]))
    rate, rows = None if fps is None else parse_rate(fps), rows or {}
    if only == "test" and name not in DATASETS and not rows:
        root, splits = _all_to_score(root, reader, also)
    else:
        wanted = SPLITS if only is None else (only,)
        splits = {
            split: reader.videos(root, split, rows=rows.get(split), also=also) for split in wanted
        }
    class_names = reader_answers.check_class_names(reader.class_names(root, also=also))
    for split, videos in splits.items():
        reader_answers.check_videos(split, videos, class_names)
    _check_disjoint(splits)
    if only is None and not class_names:
        _check_first_label(splits)
    lists, options = lists_read(reader, root, rows), {"only": only, "fps": fps}
    is_by_folders = lists == []
    return DataSource(
        name=name,
        root=root,
        lists=lists or (),
        unread=hint(name, root, data, [*splits], options, also) if is_by_folders else ListHint(),
        splits=splits,
        class_names=class_names,
        official=_official(name, splits),
        fps=rate,
        also=also,
        contradictions=contradictions(splits, class_names, root),
    )


def _all_to_score(
    root: Path, reader: ModuleType, also: Sequence[Path]
) -> tuple[Path, dict[str, list[Video]]]:
    """Return the videos of one's own to score without training, and their root.

    They are the test split; without a training split, everything in `val`, `test` or the root.
    """
    if any((root / name).exists() for name in ("train", "train.csv")):
        return root, {"test": reader.videos(root, "test", also=also)}
    parents = [root / name for name in ("test", "val") if (root / name).is_dir()]
    root = parents[0] if len(parents) == 1 else root
    videos = [video for split in SPLITS for video in reader.videos(root, split, also=also)]
    return root, {"test": videos}


def _check_first_label(splits: Mapping[str, Sequence[Video]]) -> None:
    """Refuse labels without names that begin at 1: they would make a class without videos.

    Raises:
        ValueError: If they do.
    """
    smallest = min(
        (label for videos in splits.values() for v in videos for label in v.labels), default=0
    )
    if smallest:
        raise ValueError(
            f"labels begin at {smallest}, and those without names must begin at 0: subtract "
            f"{smallest} from each, or write names"
        )


def _official(name: str, splits: Mapping[str, Sequence[Video]]) -> dict[str, int]:
    published = PUBLISHED[name].listed if name in PUBLISHED else {}
    return {split: count for split, count in published.items() if split in splits}


def _check_disjoint(splits: Mapping[str, Sequence[Video]]) -> None:
    """Refuse a video that is in two splits.

    Raises:
        ValueError: If there is one; names the first of them.
    """
    first, *others = ({video.id for video in videos} for videos in splits.values())
    both = sorted(first.intersection(*others)) if others else []
    if both:
        shown = ", ".join(map(repr, both[:MAX_SHOWN]))
        more = f" and {len(both) - MAX_SHOWN} more" if len(both) > MAX_SHOWN else ""
        raise ValueError(f"{len(both)} videos are in both splits, a leak: {shown}{more}")


def name_from_folder(folder: Path) -> str:
    """Make a name for videos of one's own from that of their folder."""
    plain = unicodedata.normalize("NFKD", folder.name).encode("ascii", "ignore").decode()
    letters = re.sub("[^a-z0-9]+", "_", plain.lower()).strip("_")
    is_name = NAME.fullmatch(letters) and not _similar_name(letters)
    return letters if is_name else f"my_{letters or _OWN_NAME}"


def generated_sources(name: str, data: Path) -> list[DataSource]:
    """Return each copy of a made data set that left a passport.

    Raises:
        ValueError: If none did.
    """
    found = sorted(data.glob(f"{name}*/{passport.FILE}"))
    if not found:
        raise ValueError(f"{data} has no passport of {name!r}; `harness plan` makes its data")
    return [
        DataSource(name=path.parent.name, root=path.parent, splits=passport.read(path).splits)
        for path in found
    ]


def parse_rate(text: str) -> Fraction:
    """Return a frame rate, as `30` or `30000/1001`.

    Raises:
        ValueError: If it is none.
    """
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= _MOST_FPS:
        raise ValueError(
            f"{text!r} is not a frame rate; give frames per second, as 30 or 30000/1001"
        )
    return rate


def _check_new_name(name: str) -> None:
    """Refuse a name that cannot be a folder, or that looks like a mistyped one.

    Raises:
        ValueError: If it is one of these.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"data set {name!r}: a name has only a-z, 0-9 and _, a letter first")
    if near := _similar_name(name):
        raise ValueError(
            f"unknown data set {name!r}; did you mean {near!r}? Videos of your own need a name "
            "that is less like it"
        )


def _similar_name(name: str) -> str | None:
    """Return the data set that a name of one's own could be mistaken for."""
    return lookup.nearest_name(name, (*DATASETS, *GENERATED))


def _last_folders(name: str, data: Path) -> tuple[Path | None, tuple[Path, ...]]:
    """Return the root of the last check, and the folders that links could lead into."""
    path = passport_path(name, data)
    if not path.is_file():
        return None, ()
    last = passport.read(path)
    return last.root or path.parent, last.also


def _known_root(last_root: Path | None, name: str, data: Path) -> Path:
    if last_root is None:
        path = passport_path(name, data)
        raise ValueError(f"say where the videos of {name} are, by --root: {path} is not there yet")
    return last_root
