"""Aspects of a class, from coarse to fine, and the shares of answers that are right in each.

A network that confuses two classes may still have seen what they share. Each aspect groups the
classes; every group lies within one of the aspect before, and the last one tells all classes
apart. Axes: N videos, K classes.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

Answers = Int[np.ndarray, " N"]
Aspects = Mapping[str, Sequence[Hashable]]  # name to its value for each class
NO_ANSWER = -1


def answers(scores: Float[np.ndarray, "N K"]) -> Answers:
    """Return the class with the best score, or `NO_ANSWER` where several or none are the best."""
    best = np.fmax.reduce(scores, axis=1, keepdims=True)
    is_best = ~(scores < best)  # NaN included, as in `metrics.hits`
    return np.where(is_best.sum(axis=1) == 1, is_best.argmax(axis=1), NO_ANSWER)


def shares(answers: Answers, labels: Answers, aspects: Aspects) -> dict[str, float]:
    """Return the percentage of answers whose aspect is right, among those right in the one before.

    So the product of all is the top-1 accuracy. NaN where no answer is right in the one before.

    Args:
        answers: Of one run, or of several in a row.
        labels: The right classes.
        aspects: From coarse to fine.
    """
    candidates = np.ones(len(answers), dtype=bool)
    found = {}
    for name, is_right in zip(aspects, _right(answers, labels, aspects), strict=True):
        number = int(candidates.sum())
        found[name] = 100 * int(is_right.sum()) / number if number else float("nan")
        candidates = is_right
    return found


def _right(answers: Answers, labels: Answers, aspects: Aspects) -> Iterator[Bool[np.ndarray, " N"]]:
    for of_class in aspects.values():
        numbers = {value: number for number, value in enumerate(dict.fromkeys(of_class))}
        group = np.array([*(numbers[value] for value in of_class), NO_ANSWER])
        yield group[answers] == group[labels]


def chances(aspects: Aspects) -> dict[str, float]:
    """Return what a class drawn at random gets right of each aspect, in percent, as in `shares`.

    Every class is equally frequent.
    """
    before, found = 1.0, {}
    for name, of_class in aspects.items():
        number = len(of_class)
        chance = sum((count / number) ** 2 for count in Counter(of_class).values())
        found[name] = 100 * chance / before
        before = chance
    return found
