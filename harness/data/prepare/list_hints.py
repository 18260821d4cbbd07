"""Lists of videos that a check did not read, and the command that goes by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from types import ModuleType

from harness.data.datasets.file_tree import FolderTree
from harness.data.datasets.lists import root_lists
from harness.data.datasets.lists.root_lists import UnreadList


@dataclass(frozen=True, kw_only=True)
class ListHint:
    """Lists below the root that a check by folders did not read.

    Attributes:
        lists: Each with the number of videos that it names, in words.
        command: Checks the data set by them; empty if their names do not say which is for what.
    """

    lists: tuple[str, ...] = ()
    command: str = ""


def lists_read(reader: ModuleType, root: Path, rows: Mapping[str, Path]) -> list[Path] | None:
    """Return the files that a reader goes by, and those that the user named; None if unknown."""
    if not hasattr(reader, "lists"):
        return [*rows.values()] or None
    return [*rows.values(), *reader.lists(root)]


def hint(
    name: str,
    root: Path,
    data: Path,
    splits: Sequence[str],
    options: Mapping[str, str | None],
    also: Sequence[Path],
) -> ListHint:
    """Return the lists below the root of a data set whose reader went by folders.

    Args:
        name: Of the data set.
        root: Folder of the videos.
        data: Folder of the data sets.
        splits: Those that were checked.
        options: Other options of the check by name, None where not given.
        also: Other folders that links may lead into.
    """
    tree = FolderTree(root, also)
    found = list(root_lists.unread(tree))
    best: dict[str, UnreadList] = {}
    for one in sorted(found, key=lambda one: -one.held):
        best.setdefault(one.split, one)
    given = {"root": str(root), "data": str(data), **options}
    words = [f"--{option} {quote(value)}" for option, value in given.items() if value is not None]
    words += [f"--list {quote(f'{split}={best[split].path}')}" for split in splits if split in best]
    is_whole = set(splits) <= set(best)
    return ListHint(
        lists=tuple(_sentence(one, tree) for one in found),
        command=f"harness data check {name} {' '.join(words)}" if is_whole else "",
    )


def _sentence(one: UnreadList, tree: FolderTree) -> str:
    return f"{tree.name(one.path)}: {one.held} of its first {one.rows} rows name videos here"
