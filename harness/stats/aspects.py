"""What of an answer is right: the aspects of a class, from coarse to fine.

A network that confuses two classes may still have seen what they share. Each aspect groups the
classes; every group lies within one of the aspect before, and the last one tells all classes
apart. Axes: N videos, K classes.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

Answers = Int[np.ndarray, " N"]
NO_ANSWER = -1


@dataclass(frozen=True)
class Aspect:
    """A part of what a class says.

    Attributes:
        name: For readers.
        of_class: Its value for each class.
    """

    name: str
    of_class: tuple[Hashable, ...]


def answers(scores: Float[np.ndarray, "N K"]) -> Answers:
    """Return the class with the best score, or `NO_ANSWER` where several or none are the best."""
    best = np.fmax.reduce(scores, axis=1, keepdims=True)
    is_best = ~(scores < best)  # NaN included, as in `metrics.hits`
    return np.where(is_best.sum(axis=1) == 1, is_best.argmax(axis=1), NO_ANSWER)


def shares(answers: Answers, labels: Answers, aspects: Sequence[Aspect]) -> dict[str, float]:
    """Return the percentage of answers whose aspect is right, among those right in the one before.

    So the product of all is the top-1 accuracy. NaN where no answer is right in the one before.

    Args:
        answers: Of one run, or of several in a row.
        labels: The right classes.
        aspects: From coarse to fine.
    """
    candidates = np.ones(len(answers), dtype=bool)
    found = {}
    for aspect, is_right in zip(aspects, _right(answers, labels, aspects), strict=True):
        number = int(candidates.sum())
        found[aspect.name] = 100 * int(is_right.sum()) / number if number else float("nan")
        candidates = is_right
    return found


def _right(
    answers: Answers, labels: Answers, aspects: Sequence[Aspect]
) -> Iterator[Bool[np.ndarray, " N"]]:
    for aspect in aspects:
        numbers = {value: number for number, value in enumerate(dict.fromkeys(aspect.of_class))}
        group = np.array([*(numbers[value] for value in aspect.of_class), NO_ANSWER])
        yield group[answers] == group[labels]


def chances(aspects: Sequence[Aspect]) -> dict[str, float]:
    """Return what a class drawn at random gets right of each aspect, in percent, as in `shares`.

    Every class is equally frequent.
    """
    before, found = 1.0, {}
    for aspect in aspects:
        number = len(aspect.of_class)
        chance = sum((count / number) ** 2 for count in Counter(aspect.of_class).values())
        found[aspect.name] = 100 * chance / before
        before = chance
    return found
