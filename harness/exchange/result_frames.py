"""Scores of videos, rows and claims of a table as data frames."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness import video_scores
from harness.record import Record
from harness.report.evidence import aspect_columns
from harness.report.judge import JudgedTable
from harness.report.results import RowResult


def scores_frame(results: Path, record: Record) -> pd.DataFrame:
    """Return one line per test video, in the order in which they were scored.

    `labels` is a tuple, `scores` an array of one averaged score per class, `predicted` the class
    with the highest, and `correct` whether that is one of the labels.

    Raises:
        ValueError: If the scores are missing or altered.
    """
    scored = video_scores.read(results, record)
    is_correct = {
        name: video_scores.correct_videos(scored, metric=metric)
        for name, metric in (("correct", "top1"), ("correct_top5", "top5"))
    }
    return pd.DataFrame(
        {
            "id": scored.ids,
            "labels": [tuple(np.flatnonzero(row).tolist()) for row in scored.targets],
            "predicted": scored.scores.argmax(axis=1),
            **is_correct,
            "scores": list(scored.scores),
        }
    )


def rows_frame(judged: JudgedTable) -> pd.DataFrame:
    """Return one line per row of a table, as numbers: measured, printed and counted.

    `values` holds the accuracy of each seed in `seeds`; `low` and `high` are the 95 % interval of
    the mean, at desk scale the lowest and the highest seed. Costs are those of the network at the
    paper's own scale. At desk scale, `right_shapes`, `right_motions` and `right_order` split the
    accuracy, each in percent of the answers that are right in the one before.
    """
    aspects = aspect_columns(judged.table)
    rows = [_row(judged, result) | aspects.get(result.label, {}) for result in judged.table.shown]
    return pd.DataFrame(rows)


def _row(judged: JudgedTable, result: RowResult) -> dict[str, Any]:
    verdict, interval = judged.verdicts.get(result.label), result.interval
    return {
        "table": judged.table.experiment.name,
        "row": result.label,
        "scale": judged.table.scale,
        "reference": result.row.reference,
        "state": result.state,
        "metric": result.metric,
        "mean": interval.mean if interval else None,
        "low": result.bar[0] if result.bar else None,
        "high": result.bar[1] if result.bar else None,
        "seeds": tuple(int(record.trial["seed"]) for record in result.records),
        "values": result.values,
        "keys": tuple(record.key for record in result.records),
        "params": result.cost.params if result.cost else None,
        "gmacs": result.cost.gmacs if result.cost else None,
        **{f"printed_{name}": value for name, value in _printed(judged, result)},
        "verdict": verdict.word if verdict else None,
        "sentence": verdict.sentence if verdict else None,
    }


def _printed(judged: JudgedTable, result: RowResult) -> Iterator[tuple[str, float | None]]:
    """Yield the printed numbers of a row, under the names that any row of the table has."""
    names = {name: None for row in judged.table.experiment.rows for name in row.published}
    for name in names:
        yield name, result.row.published.get(name)


def claims_frame(judged: JudgedTable) -> pd.DataFrame:
    """Return one line per claim of a table, with its verdict and the numbers behind it."""
    columns = ("table", "claim", "kind", "metric", "rows", "origin", "verdict", "sentence")
    lines = [
        {
            "table": judged.table.experiment.name,
            "claim": claim.claim.text,
            "kind": claim.claim.kind,
            "metric": claim.claim.metric,
            "rows": claim.claim.rows,
            "origin": claim.claim.origin,
            "verdict": claim.word,
            "sentence": claim.sentence,
            "estimate": claim.estimate,
            "low": claim.low,
            "high": claim.high,
            "p": claim.p,
            "late": claim.is_post_hoc,
        }
        for claim in judged.claims
    ]
    return pd.DataFrame(lines, columns=list(lines[0]) if lines else list(columns))
