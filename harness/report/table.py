"""Tables beside what the paper printed: Markdown, CSV and LaTeX.

Cost stands at paper scale, printed accuracy in its own columns, and what was measured carries the
scale at which it was measured.
"""

from pathlib import Path

import pandas as pd

from harness.cost import count
from harness.cost.rows import quoted_matches
from harness.experiment import Experiment, Row
from harness.report import claims_table, escape, tradeoff
from harness.report.judge import JudgedTable
from harness.report.results import RowResult
from harness.stats.verdict import round_digits
from harness.utils.atomic import write_atomic

COST_NOTE = (
    "GFLOPs: 10⁹ multiply-adds per view, each counted once, plus two per batch-norm output "
    f"(rule `{count.RULE}`); parameters include the classifier. Both at the paper's own scale."
)
_COSTS = {
    "printed params (M)": "params_m",
    "printed GFLOPs": "gmacs",
    "printed total GFLOPs": "total_gmacs",
}
_PRINTED = ("top1", "top5", "map", "params_m", "gmacs", "total_gmacs")
_ACCURACIES = {"printed top-1": "top1", "printed top-5": "top5", "printed mAP": "map"}
QUOTED_NOTE = (
    "Networks that the zoo lacks were counted on their own code, each as its printed figure is."
)
_SAID_ALREADY = ("desk scale", "not run")
_METRICS = {"top1": "top-1", "map": "mAP"}
_ALWAYS = {"top1": {"printed top-1", "printed top-5"}, "map": {"printed mAP"}}
_MEASURED = {
    "desk": "at desk scale; it is no estimate of the printed one",
    "own": "on the terms that follow; it is no estimate of the printed one",
    "paper": "here, at the paper's own scale",
}


def write(judged: JudgedTable) -> list[Path]:
    """Write `tables/<name>.md`, `.csv`, `.tex`, and `.claims.csv` where something is claimed."""
    table = judged.table
    texts = {
        "md": markdown(judged),
        "csv": comma_separated(judged),
        "tex": latex(judged),
    }
    if judged.claims:
        texts["claims.csv"] = claims_table.comma_separated(judged.claims)
    paths = []
    for kind, text in texts.items():
        paths.append(table.results / "tables" / f"{stem(table.experiment, table.scale)}.{kind}")
        write_atomic(paths[-1], text.encode())
    return paths


def stem(experiment: Experiment, scale: str) -> str:
    """Return the name of a table's files at a scale."""
    return experiment.name if scale == "desk" else f"{experiment.name}-{scale}"


def cells(judged: JudgedTable) -> pd.DataFrame:
    """Return the table as a reader sees it: text, one column per number, gaps as a dash."""
    table = judged.table
    measured = f"{table.scale} {_METRICS[table.metric]}"
    rows = [
        {
            "Row": result.label + (" (reference)" if result.row.reference else ""),
            "Params (M)": f"{result.cost.params / 1e6:.2f}" if result.cost else "–",
            "GFLOPs": f"{result.cost.gmacs:.1f}" if result.cost else "–",
            **{title: _compared(result, name) for title, name in _COSTS.items()},
            **{title: _printed(result.row, name) for title, name in _ACCURACIES.items()},
            measured: _measured(result) if table.is_measured else "–",
            "verdict": _word(judged, result) or "–",
        }
        for result in table.shown
    ]
    frame = pd.DataFrame(rows)
    always = {"Row"}
    if table.is_measured:
        always |= {"Params (M)", "GFLOPs", *_ALWAYS[table.metric], measured, "verdict"}
    unused = [name for name in frame if name not in always and (frame[name] == "–").all()]
    return frame.drop(columns=unused)


def markdown(judged: JudgedTable) -> str:
    """Write the table with its title, caption, claims and notes."""
    experiment, frame = judged.table.experiment, cells(judged).map(escape.markdown)
    align = ("left", *("right",) * (frame.shape[1] - 1))
    body = frame.to_markdown(index=False, colalign=align, disable_numparse=True)
    remarks = "\n".join(f"- {note}" for note in notes(judged))
    head = f"# {experiment.name}: {experiment.title}\n\n{experiment.caption}."
    return f"{head}\n\n{body}\n\n{claims_table.markdown(judged.claims)}{remarks}\n"


def latex(judged: JudgedTable) -> str:
    """Write a booktabs table, and one of the claims."""
    experiment, frame = judged.table.experiment, cells(judged)
    text = frame.to_latex(
        index=False,
        escape=True,
        column_format="l" + "r" * (frame.shape[1] - 1),
        caption=escape.latex(f"{experiment.title}. {experiment.caption}."),
        label=f"tab:{experiment.name}",
    )
    return escape.latex_signs(text) + claims_table.latex(experiment, judged.claims)


def comma_separated(judged: JudgedTable) -> str:
    """Write accuracies to ten digits and costs unrounded, one row per line, seeds in one column."""
    metric = judged.table.metric if judged.table.is_measured else "top1"
    rows = [
        {
            "row": escape.spreadsheet(result.label),
            "reference": result.row.reference,
            "params": result.cost.params if result.cost else None,
            "gmacs": result.cost.gmacs if result.cost else None,
            "counting_rule": count.RULE if result.cost else None,
            **{f"printed_{name}": result.row.published.get(name) for name in _PRINTED},
            "scale": judged.table.scale,
            f"{metric}_mean": round_digits(result.interval.mean) if result.interval else None,
            f"{metric}_half_width": round_digits(result.interval.half_width)
            if result.interval
            else None,
            "seeds": len(result.values),
            f"{metric}_by_seed": " ".join(f"{value:.4f}" for value in result.values),
            "stale_records": len(result.stale),
            "verdict": _word(judged, result),
        }
        for result in judged.table.shown
    ]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


def _word(judged: JudgedTable, result: RowResult) -> str | None:
    verdict = judged.verdicts.get(result.label)
    return verdict.word if verdict else None


def _measured(result: RowResult) -> str:
    interval = result.interval
    if interval is None:
        return "not run" if result.trial else "–"
    spread = "" if interval.half_width is None else f" ± {interval.half_width:.1f}"
    stale = f", {len(result.stale)} stale" if result.stale else ""
    seeds = "1 seed" if interval.seeds == 1 else f"{interval.seeds} seeds"
    return f"{interval.mean:.1f}{spread} ({seeds}{stale})"


def _compared(result: RowResult, name: str) -> str:
    """Show a printed cost with its verdict."""
    matches = result.cost.matches if result.cost else quoted_matches(result.row)
    if name not in matches:
        return "–"
    match = matches[name]
    why = f": {match.convention}" if match.convention else ""
    return f"{match.printed} ({match.word}{why})"


def _printed(row: Row, name: str) -> str:
    return f"{row.published[name]:.1f}" if name in row.published else "–"


def notes(judged: JudgedTable) -> list[str]:
    """Explain the columns, name the sources of printed numbers and list the guesses."""
    table, experiment = judged.table, judged.table.experiment
    said = [
        f"{escape.markdown(label)}: {verdict.sentence}."
        for label, verdict in judged.verdicts.items()
        if verdict.word not in _SAID_ALREADY
    ]
    measured = [
        f"{table.scale} {_METRICS[table.metric]} was measured {_MEASURED[table.scale]}.",
        *dict.fromkeys(
            f"Changed, beside the paper: {result.changed}."
            for result in table.rows
            if result.changed
        ),
        "±: half of Student's 95 % interval of the mean over seeds.",
    ]
    sources = [
        f"{result.label}: printed as {result.row.source}."
        for result in table.rows
        if result.row.source
    ]
    stale = ["stale: made by other code than this; run the table again."]
    return [
        *said,
        *(measured if table.is_measured else []),
        *sources,
        *experiment.notes,
        *tradeoff.sentences(experiment),
        *([COST_NOTE] if any(result.cost for result in table.rows) else []),
        *([QUOTED_NOTE] if tradeoff.compares(experiment) else []),
        *(stale if any(result.stale for result in table.shown) else []),
    ]
