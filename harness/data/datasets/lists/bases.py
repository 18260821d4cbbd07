"""Folders that the paths of a list may begin at."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from harness.data.datasets.file_names import composed, is_hidden, normalise_path, stem
from harness.data.datasets.file_tree import FolderTree

_MAX_INNER = 50
_MAX_PREFIX = 8


class Bases:
    """The root, folders that a data set has besides it, and the folders in the root.

    Args:
        tree: The root, which holds all videos.
        folders: Those besides it.
    """

    def __init__(self, tree: FolderTree, folders: Sequence[Path] = ()) -> None:
        self.tree = tree
        self.expected = (tree.root, *folders)
        inner = sorted(tree.folder(tree.root).folders)[:_MAX_INNER]
        self.all = tuple(dict.fromkeys((*self.expected, *(tree.root / name for name in inner))))
        self._names = {base: self._list(base) for base in self.all}
        self._holders: dict[str, list[Path]] = {}

    def _list(self, base: Path) -> frozenset[str]:
        with contextlib.suppress(ValueError):  # it leads out of the root, or cannot be listed
            return frozenset(self.tree.spellings(base))
        return frozenset()

    def holds(self, name: str) -> bool:
        """Return whether a path from a list exists below any of them."""
        return bool(self.holders(name))

    def holders(self, name: str) -> list[Path]:
        """Return those below which a path from a list exists; the root for an absolute one."""
        if name not in self._holders:
            self._holders[name] = [base for base in self._candidates(name) if self.find(base, name)]
        return self._holders[name]

    def find(self, base: Path, name: str) -> Path | None:
        """Return the existing path of a name from a list below a folder; None without any."""
        with contextlib.suppress(ValueError):
            path = self.tree.resolve(base, name)
            return path if self.tree.exists(path) else None
        return None

    def _candidates(self, name: str) -> Sequence[Path]:
        """Return those that hold the first name of a path: a look at each one takes long."""
        first = normalise_path(name).partition("/")[0]
        if not first:
            return self.all[:1]
        if is_hidden(first):
            return self.all
        whole, start = composed(first), composed(stem(first))
        return [base for base, names in self._names.items() if whole in names or start in names]

    def best(self, file: Path, names: Sequence[str], *, are_ids: bool) -> Path:
        """Return the folder that holds the most of some paths of a list; the root by default.

        Where no path is in one of those expected, the folders in the root are tried.

        Args:
            file: The list.
            names: Its first paths.
            are_ids: Whether a path of one name may be an id.

        Raises:
            ValueError: If paths are only found without their first folders.
        """
        held = Counter(base for name in names for base in self.holders(name))
        best = max(self.expected, key=held.__getitem__)
        if not names or held[best]:
            return best
        if are_ids and not any("/" in name for name in names):
            return best
        other = max(self.all, key=held.__getitem__)
        if held[other]:
            return other
        self._check_prefix(file, names)
        return best

    def _check_prefix(self, file: Path, names: Sequence[str]) -> None:
        """Refuse a list whose paths begin with folders of another machine or another root."""
        for number in range(1, _MAX_PREFIX + 1):
            shorter = ["/".join(name.split("/")[number:]) for name in names]
            held = sum(not {*self.holders(name)}.isdisjoint(self.expected) for name in shorter)
            if held:
                prefix = "/".join(names[0].split("/")[:number])
                raise ValueError(
                    f"{file}: none of the first {len(names)} paths is below {self.tree.root}, but "
                    f"{held} of them are without their first folders, such as {prefix!r}; cut these"
                    " off the list, or pass the --root that they begin at"
                )
