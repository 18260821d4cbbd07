"""Counts of the networks of every table, kept so that a plan builds none of them.

`counted.json` maps a hash of a network, of its input and of the source that builds and counts it
to what `harness.cost.count` counts. What is not there is counted anew, which takes a few seconds.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from harness.provenance import code
from harness.specs import Trial, as_dict
from harness.utils import atomic

PATH = Path(__file__).with_name("counted.json")
RULES = ("mac+2bn", "mac")
_DIGITS = 20


@dataclass(frozen=True, kw_only=True)
class Count:
    """Parameters, and multiply-adds of one pass, in ones.

    Attributes:
        params: All of the network.
        params_per_class: Those that one more class adds.
        macs: Under `harness.cost.rules.RULE`, with batch norm.
        plain_macs: Under the rule `mac`, without.
    """

    params: int
    params_per_class: int
    macs: int
    plain_macs: int

    def params_with(self, *, more_classes: int) -> int:
        """Return the parameters with a classifier of more classes, or of fewer if negative."""
        return self.params + more_classes * self.params_per_class

    def under(self, rule: str) -> int:
        """Return the multiply-adds under a rule of `harness.cost.rules`."""
        return dict(zip(RULES, (self.macs, self.plain_macs), strict=True))[rule]


def in_training(trial: Trial) -> Count:
    """Count a forward pass of one training view."""
    return _count(trial)


def in_testing(trial: Trial) -> Count:
    """Count a forward pass of one test view, which may have other snippets and another crop."""
    return _count(_tested(trial))


def write(trials: Iterable[Trial]) -> int:
    """Count every network of some trials, write the counts and return how many there are."""
    counts = {_key(trial): asdict(count_anew(trial)) for trial in _distinct(trials)}
    lines = ",\n".join(f'"{key}": {json.dumps(counts[key])}' for key in sorted(counts))
    atomic.write_atomic(PATH, f"{{\n{lines}\n}}\n".encode())
    return len(counts)


def count_anew(trial: Trial) -> Count:
    """Count a forward pass of one training view with the network itself."""
    from harness.cost.count import count, count_parameters

    counted = count(trial)
    more_classes = replace(trial.data, num_classes=trial.data.num_classes + 1)
    with_more = count_parameters(replace(trial, data=more_classes))
    return Count(
        params=counted.params,
        params_per_class=with_more - counted.params,
        macs=counted.macs,
        plain_macs=counted.plain_macs,
    )


def _distinct(trials: Iterable[Trial]) -> list[Trial]:
    sizes = [sized for trial in trials for sized in (trial, _at_test_crop(trial), _tested(trial))]
    return list({_key(sized): sized for sized in sizes}.values())


def _at_test_crop(trial: Trial) -> Trial:
    """Return a trial whose training views have the crop of its test views."""
    return replace(trial, data=replace(trial.data, crop_px=trial.evaluation.crop_px))


def _tested(trial: Trial) -> Trial:
    views = trial.evaluation
    num_snippets = views.pass_snippets or trial.data.num_snippets
    data = replace(trial.data, num_snippets=num_snippets, num_sections=None)
    return _at_test_crop(replace(trial, data=data))


def kept(trial: Trial) -> Count | None:
    """Return the count of one training view, if it is kept."""
    return _kept().get(_key(trial))


def _count(trial: Trial) -> Count:
    return kept(trial) or count_anew(trial)


@cache
def _kept() -> dict[str, Count]:
    if not PATH.is_file():
        return {}
    return {key: Count(**counts) for key, counts in json.loads(PATH.read_bytes()).items()}


def _key(trial: Trial) -> str:
    data, model = trial.data, as_dict(trial)["model"]
    network = {
        "model": {name: model[name] for name in model if name not in ("weights", "dropout")},
        "shape": [data.num_classes, data.num_snippets, data.num_frames, data.crop_px],
        "code": code.network_hashes(trial),
    }
    return hashlib.sha256(json.dumps(network, sort_keys=True).encode()).hexdigest()[:_DIGITS]
