"""Rules for values: ranges, closed lists and forms of numbers, as annotations of fields."""

import difflib
import math
import re
from collections.abc import Sized
from dataclasses import dataclass
from typing import Annotated

_SIMILARITY = 0.5
# What a record can hold: see `harness/schemas/record.json`.
_MAX_LETTERS = 1_000
_MAX_VALUES = 1_000
_FILE_NAME = re.compile(r"(?=.{1,200}\Z)\w[\w .+@-]*(/\w[\w .+@-]*)*")


def question(value: object) -> str:
    """Return the end of a message that names the nearest value."""
    if isinstance(value, float) and value == int(value):
        value = int(value)
    return "" if value is None else f"; did you mean {value!r}?"


@dataclass(frozen=True, kw_only=True)
class Within:
    """A range of numbers."""

    at_least: float = -math.inf
    above: float = -math.inf
    at_most: float = math.inf
    below: float = math.inf

    def __call__(self, number: float) -> float:
        """Return a number of the range; raise ValueError with the range for any other."""
        if self.at_least <= number <= self.at_most and self.above < number < self.below:
            return number
        limits = {
            "at least": self.at_least,
            "above": self.above,
            "at most": self.at_most,
            "below": self.below,
        }
        text = " and ".join(f"{word} {end:g}" for word, end in limits.items() if math.isfinite(end))
        near = min(max(number, self.at_least), self.at_most)
        is_inside = self.above < near < self.below
        raise ValueError(f"must be {text}{question(near) if is_inside and near == near else ''}")


@dataclass(frozen=True)
class OneOf:
    """A closed list of names, where the type of a field is wider than a `Literal`."""

    names: tuple[object, ...]

    def __call__(self, name: object) -> object:
        """Return the equal name of the list; raise ValueError with all of them if none is."""
        for allowed in self.names:
            if name == allowed and isinstance(name, bool) is isinstance(allowed, bool):
                return allowed
        known = ", ".join(map(str, self.names))
        raise ValueError(f"is not a choice; set one of {known}{question(self._nearest(name))}")

    def _nearest(self, name: object) -> object:
        texts = {str(allowed).lower(): allowed for allowed in self.names}
        near = difflib.get_close_matches(str(name).lower(), texts, n=1, cutoff=_SIMILARITY)
        return texts[near[0]] if near else None


@dataclass(frozen=True)
class AtMost:
    """A limit of letters or values."""

    number: int
    noun: str

    def __call__(self, value: Sized) -> Sized:
        """Return a value that is no longer; raise ValueError with both lengths for any other."""
        if len(value) > self.number:
            raise ValueError(f"has {len(value):,} {self.noun}, and may have {self.number:,}")
        return value


def recordable(value: object) -> object:
    """Return an option that a record can hold: short text of UTF-8, or a few numbers."""
    if isinstance(value, str):
        AtMost(_MAX_LETTERS, "letters")(value)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("holds half of a surrogate pair, which UTF-8 cannot write") from None
    if isinstance(value, tuple):
        AtMost(_MAX_VALUES, "values")(value)
    return value


def file_name(text: str) -> str:
    """Return the name of a file that a record can hold."""
    if not _FILE_NAME.fullmatch(text):
        raise ValueError(
            "must be a file name of 200 letters, digits, blanks and _.+@- at most; rename the file"
        )
    return text


def not_empty(text: str) -> str:
    """Return a text that is not blank."""
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def whole_as_int(number: float) -> float:
    """Return a whole number as an integer, as keys of trials spell it."""
    return int(number) if number == int(number) else number


def ascending(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """Return numbers of which each is above the one before."""
    right = tuple(sorted(set(numbers)))
    if numbers != right:
        raise ValueError(f"must rise from one number to the next{question(right)}")
    return numbers


Count = Annotated[int, Within(at_least=1)]
Index = Annotated[int, Within(at_least=0)]
Positive = Annotated[float, Within(above=0)]
Share = Annotated[float, Within(at_least=0, at_most=1)]
Text = Annotated[str, not_empty]
