"""Sizes of the data sets, and hashes of their passports on disk.

Reads only, makes and changes nothing, and needs no PyTorch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.data import PASSPORT_FILE
from harness.data.datasets.desk_recipe import RECIPES, folder_name
from harness.specs import DataSpec
from harness.utils.read_once import ReadOnce


@dataclass(frozen=True, kw_only=True)
class DataSetSize:
    """Number of videos of a data set.

    Videos vanish from the web, so a copy has fewer than the official lists.

    Attributes:
        train: Training videos of the copy behind the printed accuracies.
        test: Test videos of that copy.
        source: Source of these two numbers.
        listed_train: Training videos in the official lists.
        listed_test: Test videos in the official lists.
    """

    train: int
    test: int
    source: str
    listed_train: int
    listed_test: int

    @property
    def listed(self) -> Mapping[str, int]:
        """Return the numbers of videos in the official lists, by split."""
        return {"train": self.listed_train, "test": self.listed_test}


PUBLISHED: Mapping[str, DataSetSize] = {
    "kinetics400": DataSetSize(
        train=240_436,
        test=19_796,
        source="V4D; copies met have 214,738 to 241,258 and 13,734 to 19,881",
        listed_train=246_535,  # of the first annotations
        listed_test=19_907,
    ),
    "mini_kinetics200": DataSetSize(
        train=80_000,
        test=5_000,
        source="the setting of V4D; the lists published with its code have 78,422 and 4,994",
        listed_train=80_000,
        listed_test=5_000,
    ),
    "something_v1": DataSetSize(
        train=86_017,
        test=11_522,
        source="V4D, as the lists of the data set count",
        listed_train=86_017,
        listed_test=11_522,
    ),
    "something_v2": DataSetSize(
        train=168_913,
        test=24_777,
        source="the lists of the data set",
        listed_train=168_913,
        listed_test=24_777,
    ),
    "activitynet": DataSetSize(
        train=10_024,
        test=4_926,
        source="the data set's own page, version 1.3: training and validation; many are gone",
        listed_train=10_024,
        listed_test=4_926,
    ),
}


def data_set_size(data: DataSpec, root: Path | None = None) -> DataSetSize:
    """Return the size of a data set.

    Args:
        data: The data set.
        root: Folder of the data sets, where the passport of one of the user's own has its size.

    Raises:
        ValueError: If it is unknown, or if that passport cannot be read.
    """
    if data.name in RECIPES:
        values = _recipe(data)
        train, test = values["train"], values["test"]
        return DataSetSize(
            train=train, test=test, source="generated", listed_train=train, listed_test=test
        )
    if data.name in PUBLISHED:
        return PUBLISHED[data.name]
    if root is not None and (path := root / data.name / PASSPORT_FILE).is_file():
        return _local(path).size
    names = ", ".join((*RECIPES, *PUBLISHED))
    raise ValueError(
        f"size of data set {data.name!r} is unknown; known sizes: {names}, and those that "
        "`harness data check` has checked in the folder of --data"
    )


def _recipe(data: DataSpec) -> dict[str, int]:
    options: dict[str, Any] = dict(data.options)
    return RECIPES[data.name](**options)


def passport_digest(data: DataSpec, root: Path) -> str | None:
    """Return the hash of the passport of a data set under `root`; None if it has none.

    Files are not compared with the passport here; a trial does that when it starts. A passport that
    has not changed is read once.

    Raises:
        ValueError: If the passport cannot be read.
    """
    is_generated = data.name in RECIPES
    folder = folder_name(_recipe(data), data.name) if is_generated else data.name
    path = root / folder / PASSPORT_FILE
    return _local(path).digest if path.is_file() else None


class _Local(NamedTuple):
    """Hash and size of a copy on this machine."""

    digest: str
    size: DataSetSize


def _read(path: Path) -> _Local:
    from harness.data import passport  # numpy comes with it

    known = passport.read(path)
    good, listed = (
        {split: counts.get(split, 0) for split in ("train", "test")}
        for counts in ({name: len(videos) for name, videos in known.splits.items()}, known.listed)
    )
    size = DataSetSize(
        train=good["train"],
        test=good["test"],
        source="its passport",
        listed_train=listed["train"],
        listed_test=listed["test"],
    )
    return _Local(known.digest, size)


_local = ReadOnce(_read)
