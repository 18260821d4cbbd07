"""Tables as numbers: one CSV file of rows and one of claims, for programs."""

from collections.abc import Mapping, Sequence
from typing import get_args

import pandas as pd

from harness.cost import rules
from harness.experiment import COSTS, Written
from harness.report import cells
from harness.report.claims import JudgedClaim
from harness.report.evidence import aspect_columns
from harness.report.judge import JudgedTable
from harness.report.results import RowResult
from harness.stats.verdict import round_digits
from harness.utils import escape

_PRINTED = ("top1", "top5", "map", "params_m", "gmacs", "total_gmacs")


def rows_csv(judged: JudgedTable) -> str:
    """Write one row per line: accuracies to ten digits, costs unrounded, seeds in one column."""
    metric = judged.table.metric if judged.table.is_measured else "top1"
    aspects = aspect_columns(judged.table)
    rows = [
        {
            "row": escape.spreadsheet(result.label),
            "reference": result.row.reference,
            **{f"printed_{name}": _written(result, name) for name in get_args(Written)},
            "counted_input": cells.counted_input(result.row),
            "params": result.cost.params if result.cost else None,
            "gmacs": result.cost.gmacs if result.cost else None,
            "counting_rule": rules.RULE if result.cost else None,
            **{f"printed_{name}": _figure(result, name) for name in _PRINTED},
            "scale": judged.table.scale,
            **_interval(metric, result),
            "seeds": len(result.values),
            f"{metric}_by_seed": " ".join(f"{value:.4f}" for value in result.values),
            **{name: round_digits(share) for name, share in aspects.get(result.label, {}).items()},
            "stale_records": len(result.stale),
            "verdict": judged.word(result),
            "cost_verdict": cells.cost_word(result),
        }
        for result in judged.table.shown
    ]
    return _csv(rows)


def claims_csv(judged: Sequence[JudgedClaim]) -> str:
    """Write one claim per line, numbers to ten digits."""
    rows = [
        {
            "claim": escape.spreadsheet(claim.claim.text),
            "origin": claim.claim.origin,
            "source": escape.spreadsheet(claim.claim.source),
            "kind": claim.claim.kind,
            "metric": claim.claim.metric,
            "rows": escape.spreadsheet("; ".join(claim.claim.rows)),
            "verdict": claim.word,
            "estimate": round_digits(claim.estimate),
            "low": round_digits(claim.low),
            "high": round_digits(claim.high),
            "p": round_digits(claim.p),
            "late": claim.is_post_hoc,
            "sentence": escape.spreadsheet(claim.sentence),
        }
        for claim in judged
    ]
    return _csv(rows)


def _written(result: RowResult, name: Written) -> str | None:
    text = result.row.as_written.get(name)
    return text and escape.spreadsheet(text)


def _figure(result: RowResult, name: str) -> float | None:
    """Return a printed figure; on own terms none of another network or of other videos."""
    is_cost = name in COSTS
    is_printed = not result.is_own if is_cost else result.has_printed_videos
    return result.row.published.get(name) if is_printed else None


def _interval(metric: str, result: RowResult) -> dict[str, float | None]:
    """Return the mean over seeds, and half of its interval except at desk scale."""
    interval, scale = result.interval, result.trial.scale if result.trial else None
    half_width = interval.half_width if interval and scale != "desk" else None
    return {
        f"{metric}_mean": round_digits(interval.mean) if interval else None,
        f"{metric}_half_width": round_digits(half_width),
    }


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")
