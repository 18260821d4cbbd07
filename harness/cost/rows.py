"""Costs of the rows of a table at paper scale, and whether the printed figures are met."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from harness.cost import cache, parts
from harness.cost.cache import Count
from harness.cost.own_layers import OwnLayers, own_layers
from harness.cost.rules import BATCH_NORM_OPS, RULE
from harness.experiment import Experiment, Row
from harness.specs import Trial
from harness.stats.verdict import Match, match_figure
from harness.tables import blame

HEADS = (1000, 400, 200)
PRODUCT = "product of the printed figure per view"


@dataclass(frozen=True, kw_only=True)
class RowCost:
    """The cost of a row, an ensemble taken together.

    Attributes:
        params: Parameters, in ones, with the data set's own head.
        gmacs: 10^9 multiply-adds per view under `mac+2bn`, at the training crop.
        gmacs_by_rule: The same under every rule.
        views: Views of a test video, passes times crops; a longer pass counts in proportion.
        matches: Printed figure to verdict.
        own_layers: How layers of the user were counted.
    """

    params: int
    gmacs: float
    gmacs_by_rule: Mapping[str, float]
    views: float
    matches: Mapping[str, Match]
    own_layers: OwnLayers


def row_cost(row: Row) -> RowCost | None:
    """Count a row; None if it only quotes other work."""
    if row.trial is None:
        return None
    trials = row.trials
    by_rule = {rule: gmacs_of(trials, rule=rule) for rule in BATCH_NORM_OPS}
    params = sum(_count(trial).params for trial in trials)
    views = views_of(row.trial)
    return RowCost(
        params=params,
        gmacs=by_rule[RULE],
        gmacs_by_rule=by_rule,
        views=views,
        matches=_matches(row, trials, params / 1e6, by_rule, views),
        own_layers=own_layers(trials),
    )


def listing(experiment: Experiment) -> list[dict[str, object]]:
    """Return the costs of a table as JSON can hold them.

    Raises:
        BrokenTableError: If a network cannot be counted.
    """
    rows = []
    for row in experiment.rows:
        with blame(experiment.name, row.label):
            counted = row_cost(row)
        if counted is not None and row.trial is not None:
            data = row.trial.data
            rows.append(
                {
                    "table": experiment.name,
                    "row": row.label,
                    "params": counted.params,
                    "gmacs": counted.gmacs,
                    "counting_rule": RULE,
                    "gmacs_by_rule": dict(counted.gmacs_by_rule),
                    "num_classes": data.num_classes,
                    "crop_px": data.crop_px,
                    "num_snippets": data.num_snippets,
                    "num_frames": data.num_frames,
                    "views": counted.views,
                    "total_gmacs": counted.gmacs * counted.views,
                    "printed": {name: match.printed for name, match in counted.matches.items()},
                    "verdicts": {name: asdict(match) for name, match in counted.matches.items()},
                    "largest_parts": parts.sentences(row.trials, counted.matches),
                    "own_layers": asdict(counted.own_layers),
                }
            )
    return rows


def _matches(
    row: Row,
    trials: tuple[Trial, ...],
    params_m: float,
    by_rule: Mapping[str, float],
    views: float,
) -> dict[str, Match]:
    found: dict[str, Match] = {}
    printed, match = row.published, partial(match_figure, may_be_cut=row.is_truncated)
    if "params_m" in printed:
        heads = {f"{head}-way head": _params_m(trials, head=head) for head in HEADS}
        found["params_m"] = match(printed["params_m"], params_m, heads)
    if "gmacs" in printed:
        test_crop = trials[0].evaluation.crop_px
        others = {
            "BN not counted": by_rule["mac"],
            "at the test crop": gmacs_of(trials, crop_px=test_crop),
            "BN not counted, at the test crop": gmacs_of(trials, rule="mac", crop_px=test_crop),
        }
        found["gmacs"] = match(printed["gmacs"], by_rule[RULE], others)
    if "total_gmacs" in printed:
        found["total_gmacs"] = match(
            printed["total_gmacs"], by_rule[RULE] * views, _other_totals(found, trials, views)
        )
    return found


def _other_totals(
    matches: Mapping[str, Match], trials: tuple[Trial, ...], views: float
) -> dict[str, float]:
    """Return other totals: one at the test crop, and what follows from a printed figure per view.

    The latter only if the count meets that figure.
    """
    others = {
        "at the test crop": views * gmacs_of(trials, crop_px=trials[0].evaluation.crop_px),
    }
    per_view = matches.get("gmacs")
    if per_view is None or per_view.word == "different":
        return others
    return {PRODUCT: per_view.printed * views, **others}


def views_of(trial: Trial) -> float:
    """Return the views of a test video; a longer pass counts in proportion."""
    views, num_snippets = trial.evaluation, trial.data.num_snippets
    longer = (views.pass_snippets or num_snippets) / num_snippets
    return views.num_passes * views.num_crops * longer


def gmacs_of(trials: tuple[Trial, ...], *, rule: str = RULE, crop_px: int | None = None) -> float:
    """Return 10^9 multiply-adds per view of an ensemble, by default at the training crop."""
    sized = [replace(t, data=replace(t.data, crop_px=crop_px or t.data.crop_px)) for t in trials]
    return sum(_count(trial).under(rule) for trial in sized) / 1e9


def _params_m(trials: tuple[Trial, ...], *, head: int) -> float:
    return (
        sum(
            _count(trial).params_with(more_classes=head - trial.data.num_classes)
            for trial in trials
        )
        / 1e6
    )


_counted: dict[str, Count] = {}


def network_of(trial: Trial) -> str:
    """Return what a count depends on, as text: equal for equal networks with equal inputs."""
    data = trial.data
    shape = (data.num_classes, data.num_snippets, data.num_frames, data.crop_px)
    return f"{trial.model} {shape}"


def _count(trial: Trial) -> Count:
    """Count a network once, whatever tables it is in."""
    key = network_of(trial)
    if key not in _counted:
        _counted[key] = cache.in_training(trial)
    return _counted[key]


def sentence(row: Mapping[str, Any]) -> str:
    """Return the cost of a row of `listing` in one line."""
    verdicts = [
        f"{name} {match['printed']}: {match['word']}"
        + (f" ({match['convention']})" if match["convention"] else "")
        for name, match in row["verdicts"].items()
    ]
    verdicts += row["largest_parts"]
    if own := str(OwnLayers(**row["own_layers"])):
        verdicts.append(f"counted: {own}")
    counted = f"{row['params']:>11,} parameters {row['gmacs']:9.3f} GMACs"
    return f"{row['table']:11} {row['row']:27} {counted}  {'; '.join(verdicts)}".rstrip()
