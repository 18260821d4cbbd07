"""Data sets by name, and the passports of the copies on this machine."""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.specs import DataSpec
from harness.utils import lookup

if TYPE_CHECKING:
    from harness.data.passport import Passport
    from harness.data.reading.packet_file import PacketFile

DATASETS = {
    "activitynet": "harness.data.datasets.activitynet",
    "folder": "harness.data.datasets.folder",
    "kinetics400": "harness.data.datasets.kinetics400",
    "mini_kinetics200": "harness.data.datasets.mini_kinetics200",
    "something_v1": "harness.data.datasets.something_v1",
    "something_v2": "harness.data.datasets.something_v2",
}
GENERATED = {
    "desk": "harness.data.datasets.desk:videos",
    "desk_cue": "harness.data.datasets.desk_cue:videos",
}
OWN_READER = "folder"
PASSPORT_FILE = "passport.json"
Progress = Callable[[str, int, int], None]


def load_passport(
    spec: DataSpec, root: Path, progress: Progress | None = None, *, campaign: str = ""
) -> "Passport":
    """Return the passport of a data set whose videos have been compared with it.

    Args:
        spec: The data set.
        root: Folder of the data sets. A generated one is made here on first use; for any other,
            `harness data check` writes `<name>/passport.json` here.
        progress: Called with the step, the amount done, and the total.
        campaign: Name of the campaign, of which one process on every machine compares them; without
            one, this process does.

    Raises:
        ValueError: If the data set is unknown or unchecked, or if a video is missing or differs
            from its passport.
    """
    # Here, since numpy comes with them, and the names of data sets are asked for without it.
    from harness.data import passport
    from harness.data.passport.columns import first_uncounted
    from harness.data.verification import verify_once

    verify = partial(verify_once, campaign=campaign)
    if spec.name in GENERATED:
        generate = lookup.load_named(GENERATED, spec.name, what="data set")
        return passport.complete_passport(
            generate(root, progress=progress, verify=verify, **spec.options)
        )
    data_passport = read_checked_passport(spec.name, root)
    if len(data_passport.classes) > spec.num_classes:
        raise ValueError(
            f"{spec.name} has {len(data_passport.classes)} classes, more than "
            f"num_classes={spec.num_classes}; see {passport_path(spec.name, root)}"
        )
    path = passport_path(spec.name, root)
    for videos in data_passport.splits.values():
        uncounted = first_uncounted(videos)
        if uncounted is not None:
            raise ValueError(
                f"{path} does not say how many frames {uncounted.id} has; run `harness data check` "
                "again"
            )
    return verify(path, data_passport)


def read_checked_passport(name: str, root: Path) -> "Passport":
    """Return the passport that a check of a data set wrote, without comparing its files.

    Raises:
        ValueError: If it does not exist or cannot be read.
    """
    from harness.data import passport

    path = passport_path(name, root)
    if not path.is_file():
        own = {path.parent.name for path in root.glob(f"*/{PASSPORT_FILE}")}
        lookup.check_name(name, {*DATASETS, *GENERATED, *own}, what="data set")
        raise ValueError(
            f"{name} has no passport: {path} is missing; run "
            f"`harness data check {name} --root FOLDER --data {shlex.quote(str(root))}`"
        )
    return passport.read(path)


def find_packet_index(name: str, root: Path, digest: str) -> "PacketFile | None":
    """Return the packet index that a check of a data set wrote; None without a current one.

    Args:
        name: Of the data set.
        root: Folder of the data sets.
        digest: Hash of its passport.
    """
    from harness.data.reading import packet_file

    return packet_file.find(passport_path(name, root), digest)


def passport_path(name: str, root: Path) -> Path:
    """Return the path of the passport of a data set under the folder of the data sets."""
    return root / name / PASSPORT_FILE
