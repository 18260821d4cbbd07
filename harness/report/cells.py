"""Cells of a table as text: what is printed, what was measured, what was counted.

Accuracies come first, with their verdict; costs follow, with a verdict of their own.
"""

from collections.abc import Mapping

import pandas as pd

from harness.cost.rows import PRODUCT
from harness.data.datasets import desk_recipe
from harness.experiment import Row, Written
from harness.report.judge import JudgedTable
from harness.report.results import RowResult, TableResult
from harness.stats import row_verdict
from harness.stats.verdict import Match

GAP = "–"
METRIC_NAMES = {"top1": "top-1", "map": "mAP"}
COST_NAMES = {"params_m": "params (M)", "gmacs": "GFLOPs", "total_gmacs": "total GFLOPs"}
COST_WORDS = ("exact", "exact, other convention", "different")  # from best to worst
COST_VERDICT = "cost verdict"
TEXTS: Mapping[Written, str] = {
    "backbone": "printed backbone",
    "training": "printed T × U in training",
    "test": "printed T × U × crops at test",
    "input": "printed input",
}
_ACCURACIES = {"printed top-1": "top1", "printed top-5": "top5", "printed mAP": "map"}
_REQUIRED = {"top1": "printed top-1", "map": "printed mAP"}


def frame(judged: JudgedTable) -> pd.DataFrame:
    """Return the table as text, one column per printed, measured or counted figure.

    Gaps are a dash; columns of gaps are left out.
    """
    table = judged.table
    measured = f"{table.scale} {METRIC_NAMES[table.metric]}"
    shows_input = _shows_input(table)
    cells = pd.DataFrame(
        [
            {
                **_printed(result),
                measured: _measured(result) if table.is_measured else GAP,
                "verdict": judged.word(result) or GAP,
                **_costs(result, shows_input=shows_input),
            }
            for result in table.shown
        ]
    )
    required = {"Row"}
    if table.is_measured:
        required |= {"Params (M)", "GFLOPs", measured, "verdict"}
        required |= {_REQUIRED[table.metric]} if table.scale != "own" else set()
    empty = [name for name in cells if name not in required and (cells[name] == GAP).all()]
    return cells.drop(columns=empty)


def matches(result: RowResult) -> Mapping[str, Match]:
    """Return the printed costs of a row with their counts; none for a row that is quoted."""
    return result.cost.matches if result.cost else {}


def cost_word(result: RowResult) -> str | None:
    """Return the worst verdict of the costs of a row; None without a printed cost."""
    words = [match.word for match in matches(result).values()]
    return max(words, key=COST_WORDS.index) if words else None


def counted_input(row: Row) -> str | None:
    """Return T × U of the pass that is counted, an ensemble taken together."""
    if row.trial is None:
        return None
    data = [trial.data for trial in row.trials]
    frames = "+".join(str(part.num_frames) for part in data)
    return f"{f'({frames})' if row.ensemble else frames} × {row.trial.data.num_snippets}"


def _shows_input(table: TableResult) -> bool:
    """Return whether rows are counted on different inputs that are not printed beside them."""
    inputs = {counted_input(result.row) for result in table.rows if result.row.trial}
    return len(inputs) > 1 and not any("training" in row.row.as_written for row in table.rows)


def _costs(result: RowResult, *, shows_input: bool) -> dict[str, str]:
    cost = result.cost
    return {
        "printed params (M)": _printed_cost(result, "params_m"),
        "Params (M)": f"{cost.params / 1e6:.2f}" if cost else GAP,
        **_printed_gflops(result),
        "T × U": (counted_input(result.row) if shows_input else None) or GAP,
        "GFLOPs": f"{cost.gmacs:{'.2g' if result.is_own else '.1f'}}" if cost else GAP,
        COST_VERDICT: cost_word(result) or GAP,
    }


def _printed_gflops(result: RowResult) -> dict[str, str]:
    """Return the printed GFLOPs, in one cell where they are printed as a product."""
    product = result.row.as_written.get("gflops")
    if product is None:
        names = ("gmacs", "total_gmacs")
        return {f"printed {COST_NAMES[name]}": _printed_cost(result, name) for name in names}
    found = matches(result)
    remarks = [remark(found[name]) for name in ("gmacs", "total_gmacs") if name in found]
    shown = dict.fromkeys("as a product" if text == PRODUCT else text for text in remarks if text)
    return {
        "printed GFLOPs": _with_remark(product, "; ".join(shown)),
        "printed total GFLOPs": GAP,
    }


def _printed_cost(result: RowResult, name: str) -> str:
    """Return a printed cost, and what tells the counted one from it."""
    found = matches(result)
    return _with_remark(str(found[name].printed), remark(found[name])) if name in found else GAP


def remark(match: Match) -> str:
    """Return the convention that a printed cost follows, or how far the counted one is off."""
    return f"counted {match.convention}" if match.word == "different" else match.convention


def _with_remark(text: str, remark: str) -> str:
    return f"{text} ({remark})" if remark else text


def _printed(result: RowResult) -> dict[str, str]:
    """Return the name of a row, its printed text and its printed accuracies on the same videos."""
    row = result.row
    published = row.published if result.has_printed_videos else {}
    numbers = {title: published.get(name) for title, name in _ACCURACIES.items()}
    return {
        "Row": row.label + (" (reference)" if row.reference else ""),
        **{title: row.as_written.get(name, GAP) for name, title in TEXTS.items()},
        **{title: GAP if number is None else f"{number:.1f}" for title, number in numbers.items()},
    }


def _measured(result: RowResult) -> str:
    interval = result.interval
    if interval is None:
        return "not run" if result.trial else GAP
    stale = f", {len(result.stale)} stale" if result.stale else ""
    if result.trial is not None and result.trial.scale == "desk":
        ceiling = desk_recipe.AVERAGE_CEILING
        return row_verdict.range_text(result.values, ceiling=ceiling) + stale
    half_width = "" if interval.half_width is None else f" ± {interval.half_width:.1f}"
    videos = f", {_videos_text(result)}" if result.is_own else ""
    seeds = row_verdict.seeds_text(interval.seeds)
    return f"{interval.mean:.1f}{half_width} ({seeds}{videos}{stale})"


def _videos_text(result: RowResult) -> str:
    counts = sorted({round(record.metrics["videos"]) for record in result.records})
    return f"{' or '.join(f'{count:,}' for count in counts)} videos"
