"""Sizes of the data sets, and the passport of one that is here.

Reads what is there, makes and changes nothing, and needs no PyTorch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.data.datasets.desk_recipe import DESK, _folder, _recipe
from harness.data.passport import FILE, read
from harness.specs import DataSpec


@dataclass(frozen=True, kw_only=True)
class Videos:
    """How many videos a data set has, and who says so."""

    train: int
    test: int
    source: str


PUBLISHED: Mapping[str, Videos] = {
    "mini_kinetics200": Videos(
        train=80_000,
        test=5_000,
        source="the setting of V4D and of the paper; the lists published with V4D's code have "
        "78,422 and 4,994",
    ),
    "something_v1": Videos(
        train=86_017,
        test=11_522,
        source="V4D, as the lists of the data set count",
    ),
    "activitynet": Videos(
        train=10_024,
        test=4_926,
        source="the data set's own page, version 1.3: training and validation; many are gone",
    ),
    "kinetics400": Videos(
        train=240_436,
        test=19_796,
        source="V4D; copies met have 214,738 to 241,258 and 13,734 to 19,881",
    ),
}


def sizes(data: DataSpec) -> Videos:
    """Return how many videos a data set has.

    Raises:
        ValueError: If nobody said how many.
    """
    if data.name == DESK:
        recipe = _recipe(data)
        return Videos(train=recipe["train"], test=recipe["test"], source="generated")
    if data.name not in PUBLISHED:
        known = ", ".join((DESK, *PUBLISHED))
        raise ValueError(f"how many videos {data.name!r} has is known of {known} only")
    return PUBLISHED[data.name]


def passport(data: DataSpec, root: Path) -> str | None:
    """Return the hash of the passport of a data set under `root`; None if none is there.

    The passport is believed: its files are compared with it when a trial starts.

    Raises:
        ValueError: If the passport cannot be read.
    """
    folder = f"{DESK}-{_folder(data)}" if data.name == DESK else data.name
    path = root / folder / FILE
    return read(path).digest if path.is_file() else None
