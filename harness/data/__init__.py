"""Data sets by name, and what is known of the copy that is here."""

from collections.abc import Callable
from pathlib import Path

from harness.data import passport
from harness.data.passport import Passport
from harness.specs import DataSpec
from harness.utils import lookup

DATASETS = {
    "activitynet": "harness.data.datasets.activitynet",
    "folder": "harness.data.datasets.folder",
    "kinetics400": "harness.data.datasets.kinetics400",
    "mini_kinetics200": "harness.data.datasets.mini_kinetics200",
    "something_v1": "harness.data.datasets.something_v1",
}
GENERATED = {
    "desk": "harness.data.datasets.desk:videos",
}
OWN_READER = "folder"
Progress = Callable[[str, int, int], None]


def load_passport(spec: DataSpec, root: Path, progress: Progress | None = None) -> Passport:
    """Return the passport of a data set, whose videos are there and unchanged.

    Args:
        spec: Names the data set.
        root: Folder of the data sets. A generated one is made here when it is first asked for; of
            any other, `harness data check` leaves `<name>/passport.json` here.
        progress: Called with what is done, how much of it, and the total.

    Raises:
        ValueError: If the data set is unknown or was not checked, or if a video is missing or
            differs from its passport.
    """
    if spec.name in GENERATED:
        videos = lookup.load_named(GENERATED, spec.name, what="data set")
        return passport.complete_passport(videos(root, progress=progress, **spec.options))
    found = read_checked_passport(spec.name, root)
    if len(found.classes) > spec.num_classes:
        have = f"{spec.name} has {len(found.classes)} classes here"
        raise ValueError(
            f"{have}, {passport_path(spec.name, root)} says; {spec.num_classes} are asked for"
        )
    for videos in found.splits.values():
        passport.verify(videos)
    return found


def read_checked_passport(name: str, root: Path) -> Passport:
    """Return the passport that a check of a data set left, of any name; its files are believed.

    Raises:
        ValueError: If there is none, or it cannot be read.
    """
    path = passport_path(name, root)
    if not path.is_file():
        own = {each.parent.name for each in root.glob(f"*/{passport.FILE}")}
        lookup.check_name(name, {*DATASETS, *GENERATED, *own}, what="data set")
        raise ValueError(
            f"{name} is not here: there is no {path}, which "
            f"`harness data check {name} --root FOLDER --data {root}` makes"
        )
    return passport.read(path)


def passport_path(name: str, root: Path) -> Path:
    """Return where the passport of a data set lies under the folder of the data sets."""
    return root / name / passport.FILE
