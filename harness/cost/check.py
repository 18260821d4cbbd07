"""Agreement of two counters on a network: the everyday one, and fvcore on real tensors."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from harness.cost import cache
from harness.cost.cache import Count
from harness.cost.memory import NotEnoughMemoryError
from harness.cost.rows import network_of
from harness.cost.second_count import SecondCount, count_again
from harness.experiment import Experiment
from harness.specs import Trial

Word = Literal["agree", "explained", "different", "not counted"]
FAILURES: tuple[Word, ...] = ("different", "not counted")


@dataclass(frozen=True, kw_only=True)
class Check:
    """Both counts of a network, per training view, and whether they agree.

    Attributes:
        word: `agree`: all three figures are equal to the unit. `explained`: those of the
            multiply-adds are not, and `sentence` names the whole difference. `different`:
            something else is wrong. `not counted`: the second count did not run.
        sentence: Why; empty if they agree.
        params: Of the everyday count.
        plain_macs: Multiply-adds of the everyday count under the rule `mac`.
        second_params: Of the second count; None if it did not run.
        second_plain_macs: The same.
    """

    word: Word
    sentence: str
    params: int
    plain_macs: int
    second_params: int | None = None
    second_plain_macs: int | None = None


def checks(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """Yield a check per network of every row that has one, as JSON can hold it."""
    for row in experiment.rows:
        for place, trial in enumerate(row.trials):
            label = f"{row.label}, network {place + 1}" if row.ensemble else row.label
            yield {"table": experiment.name, "row": label, **asdict(check(trial))}


def check(trial: Trial) -> Check:
    """Count a network twice, once in a process, whatever tables it is in."""
    key = network_of(trial)
    if key not in _checked:
        _checked[key] = _check(trial)
    return _checked[key]


_checked: dict[str, Check] = {}


def _check(trial: Trial) -> Check:
    first = cache.in_training(trial)
    try:
        second = count_again(trial)
    except NotEnoughMemoryError as error:
        return Check(
            word="not counted",
            sentence=str(error),
            params=first.params,
            plain_macs=first.plain_macs,
        )
    word, sentence = judge(first, second)
    return Check(
        word=word,
        sentence=sentence,
        params=first.params,
        plain_macs=first.plain_macs,
        second_params=second.params,
        second_plain_macs=second.plain_macs,
    )


def judge(first: Count, second: SecondCount) -> tuple[Word, str]:
    """Return a word for two counts, and a sentence on every difference."""
    reasons = []
    if first.params != second.params:
        reasons.append(f"summed parameters are {second.params - first.params:+,}")
    norm = second.norm_macs - (first.macs - first.plain_macs)
    if norm:
        reasons.append(f"multiply-adds of batch norm are {norm:+,} in fvcore")
    gap, declared = second.plain_macs - first.plain_macs, sum(second.declared.values())
    causes = _causes(second)
    is_explained = gap + declared == 0 or (gap + declared < 0 and bool(second.not_counted))
    if gap and not is_explained:
        reasons.append(f"multiply-adds are {gap:+,} in fvcore")
    if reasons:
        return "different", "; ".join(reasons + causes)
    return ("explained", f"fvcore counts {gap:+,}: {'; '.join(causes)}") if gap else ("agree", "")


def _causes(second: SecondCount) -> list[str]:
    """Return what fvcore is known not to see."""
    return [
        f"{kind} declares {macs:,} in macs(output) that are no product which fvcore sees"
        for kind, macs in second.declared.items()
    ] + [
        f"fvcore has no rule for {name}, which ran {calls} times"
        for name, calls in second.not_counted.items()
    ]


def sentence(checked: dict[str, Any]) -> str:
    """Return a check in one line."""
    counted = f"{checked['params']:>11,} parameters {checked['plain_macs']:>15,} multiply-adds"
    verdict = f"{checked['word']}: {checked['sentence']}".removesuffix(": ")
    return f"{checked['table']:11} {checked['row']:27} {counted}  {verdict}"
