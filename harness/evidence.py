"""What a table is judged from: the records of its rows, and what they have right."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness import cells, plan, record, scores
from harness.record import Record
from harness.resample import Clusters, Correct
from harness.specs import Claim, Experiment, Row, Scale, Trial
from harness.verdict import Verdict

# Test videos that belong together and follow each other in the list: those of desk are twins.
TOGETHER: Mapping[str, int] = {"desk": 2}
SEEDS_LOOKED_FOR = 10


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a table is judged from.

    Attributes:
        experiment: The table, at paper scale.
        scale: Name of the scale at which it ran.
        shrink: What that scale does to a trial.
        code: Trial to the hashes of its modules as they are now.
        results: Folder of records, scores and declared claims.
        records: Of any trials.
        passport: Trial to the hash of its data here, None where there are none.
    """

    experiment: Experiment
    scale: Scale
    shrink: Callable[[Trial], Trial]
    code: Callable[[Trial], Mapping[str, str]]
    results: Path
    records: Sequence[Record]
    passport: Callable[[Trial], str | None] = lambda _: None

    def of(self, row: Row) -> list[Record]:
        """Return the records of a row, one per seed."""
        return plan.records_of(row, self.records, scale=self.shrink)

    def rows(self, claim: Claim) -> list[Row]:
        """Return the rows of a claim, in its order."""
        rows = {row.label: row for row in self.experiment.rows}
        return [rows[label] for label in claim.rows]


def metric_of(experiment: Experiment) -> str:
    """Return the accuracy that a table compares: `top1`, or `map` where that alone is printed."""
    printed = {name for row in experiment.rows for name in row.published}
    return "map" if "map" in printed and "top1" not in printed else "top1"


def row_state(evidence: Evidence, row: Row) -> Verdict | None:
    """Say why a row has no number that counts; None if it has one."""
    if row.trial is None:
        return cells.quoted()
    if row.ensemble:
        return cells.averaged()
    found = evidence.of(row)
    if not found:
        return cells.interrupted() if _was_started(evidence, row.trial) else cells.not_run()
    current = evidence.code(evidence.shrink(row.trial))
    old = sum(each.code != current for each in found)
    return cells.stale(old, len(found)) if old else None


def _was_started(evidence: Evidence, trial: Trial) -> bool:
    """Look for the work of a trial on the data that are here, or that records were made on."""
    if not any((evidence.results / "work").glob("*")):
        return False
    trial = evidence.shrink(trial)
    name = trial.data.name
    passports = {each.passport for each in evidence.records if each.trial["data"]["name"] == name}
    passports |= {here for here in (evidence.passport(trial),) if here}
    keys = (
        record.key(replace(trial, seed=seed), passport)
        for passport in passports
        for seed in range(SEEDS_LOOKED_FOR)
    )
    return any((evidence.results / "work" / key).is_dir() for key in keys)


def claim_state(evidence: Evidence, claim: Claim) -> Verdict | None:
    """Say why a claim cannot be judged; None if it can."""
    rows = evidence.rows(claim)
    for row in sorted(rows, key=lambda row: row.trial is not None):
        if (state := row_state(evidence, row)) is not None:
            return replace(state, sentence=f"{row.label}: {state.sentence}")
    if len({each.passport for row in rows for each in evidence.of(row)}) > 1:
        return Verdict(word="not comparable", sentence="the rows were scored on different videos")
    if not _shared_seeds(evidence, claim):
        return Verdict(word="not comparable", sentence="the rows have no seed in common")
    return None


def _shared_seeds(evidence: Evidence, claim: Claim) -> set[int]:
    rows = evidence.rows(claim)
    return set.intersection(*({each.trial["seed"] for each in evidence.of(row)} for row in rows))


def correct(evidence: Evidence, claim: Claim) -> tuple[Correct, Clusters | None]:
    """Return what the rows of a claim have right, and which videos belong together.

    Raises:
        ValueError: If scores are damaged, or the metric does not judge videos one by one.
    """
    seeds = _shared_seeds(evidence, claim)
    found = [
        [each for each in evidence.of(row) if each.trial["seed"] in seeds]
        for row in evidence.rows(claim)
    ]
    right = np.array([[_right(evidence, each, claim.metric) for each in row] for row in found])
    together = TOGETHER.get(found[0][0].trial["data"]["name"])
    return right, np.arange(right.shape[2]) // together if together else None


def _right(evidence: Evidence, each: Record, metric: str) -> scores.Right:
    return scores.correct(scores.read(evidence.results, each), metric=metric)
