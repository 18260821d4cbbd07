"""The part of a network that costs most: where to look if a printed cost is not met."""

from collections.abc import Mapping

from harness.cost.rules import Kind
from harness.specs import Trial
from harness.stats.verdict import Match

_KINDS: Mapping[str, Kind] = {
    "params_m": "parameters",
    "gmacs": "multiply-adds",
    "total_gmacs": "multiply-adds",
}


def sentences(trials: tuple[Trial, ...], matches: Mapping[str, Match]) -> list[str]:
    """Return a sentence for every kind of printed cost that no convention meets.

    Args:
        trials: Networks of a row, taken together.
        matches: Printed figure to its verdict.
    """
    kinds = dict.fromkeys(
        _KINDS[name] for name, match in matches.items() if match.word == "different"
    )
    if not kinds:
        return []
    from harness.cost.largest_part import largest_part  # torch, and a network to build

    parts = [(largest_part(trials, kind), kind) for kind in kinds]
    return [
        f"{part.name} has the largest share of the counted {kind}, {100 * part.share:.0f} %"
        for part, kind in parts
    ]
