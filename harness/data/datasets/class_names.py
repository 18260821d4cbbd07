"""Class names: official tables in the order of their labels, and matching of other spellings."""

import difflib
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import unquote

_TABLES = Path(__file__).with_suffix("")


class UnknownClassError(ValueError):
    """A name that no class has; a similar name is looked up only when the error is printed."""

    def __init__(self, name: str, names: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.names = names

    def __str__(self) -> str:
        near = difflib.get_close_matches(self.name, self.names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{self.name!r} is not one of the {len(self.names)} classes{hint}"


@cache
def official_names(name: str) -> tuple[str, ...]:
    """Return the official class names of a data set, by label."""
    return tuple((_TABLES / f"{name}.txt").read_text(encoding="utf-8").splitlines())


def has_official_names(name: str) -> bool:
    """Return whether the official class names of a data set are known."""
    return (_TABLES / f"{name}.txt").is_file()


def normalise(name: str) -> str:
    """Return the letters and digits of a name, which all its spellings share.

    Folder names replace spaces by underscores, drop or escape quotes and parentheses, and compose
    accents in two ways.
    """
    text = unicodedata.normalize("NFKC", html.unescape(unquote(name)))
    return re.sub(r"[\W_]+", "", text).casefold()


def check_distinct(names: Iterable[str]) -> None:
    """Refuse names that differ in capitals, blanks or the form of accents alone.

    They are one class, of which two lists, folders or systems have their own spelling.

    Raises:
        ValueError: If there are some.
    """
    spellings: dict[str, str] = {}
    for name in sorted(names):
        form = re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFKC", name)).strip().casefold()
        other = spellings.setdefault(form, name)
        if other != name:
            forms = {unicodedata.normalize("NFKC", each) for each in (other, name)}
            show = ascii if len(forms) == 1 else repr  # they look alike
            raise ValueError(
                f"classes {show(other)} and {show(name)} differ in spelling alone, so they would "
                "be two: rename one as the other, or list the videos with numbers as labels"
            )


def labels_by_spelling(names: Sequence[str]) -> dict[str, int]:
    """Return the label of each name, by its official spelling and by its normalised form.

    A normalised form that several names share stands for none of them.
    """
    forms = [normalise(name) for name in names]
    counts = Counter(forms)
    labels = {form: label for label, form in enumerate(forms) if form and counts[form] == 1}
    return labels | {name: label for label, name in enumerate(names)}


def find_label(name: str, labels: Mapping[str, int], names: Sequence[str]) -> int:
    """Return the label of a name in any spelling.

    Args:
        name: A spelling of a class name.
        labels: Result of `labels_by_spelling` for `names`.
        names: The official names.

    Raises:
        UnknownClassError: If no class has this name.
    """
    label = labels.get(name)
    if label is None:
        label = labels.get(normalise(name))
    if label is None:
        raise UnknownClassError(name, names)
    return label
