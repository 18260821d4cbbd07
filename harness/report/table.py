"""Tables as text, beside the printed numbers: Markdown and LaTeX.

Costs are at paper scale, printed accuracies have their own columns, and measured accuracies carry
the scale of their records.
"""

from collections.abc import Iterator

import pandas as pd

from harness.cost import count
from harness.cost.rows import quoted_matches
from harness.data.datasets import desk_recipe
from harness.experiment import Row
from harness.plan import recipe_sources
from harness.report import claims_table, escape, tradeoff
from harness.report.judge import JudgedTable
from harness.report.results import RowResult
from harness.stats import row_verdict

COST_NOTE = (
    "GFLOPs: 10⁹ multiply-adds per view, each counted once, plus two per batch-norm output "
    f"(rule `{count.RULE}`); parameters include the classifier. Both at the paper's own scale."
)
QUOTED_NOTE = (
    "Networks that the zoo lacks were counted on released code, or on a network rebuilt from it or "
    "from its description."
)
STALE_NOTE = "stale: made by other code than this; run the table again."
INTERVAL_NOTE = "±: half of Student's 95 % interval of the mean over seeds."
RANGE_NOTE = "In brackets: the lowest and the highest seed."
METRIC_NAMES = {"top1": "top-1", "map": "mAP"}
_COSTS = {
    "printed params (M)": "params_m",
    "printed GFLOPs": "gmacs",
    "printed total GFLOPs": "total_gmacs",
}
_ACCURACIES = {"printed top-1": "top1", "printed top-5": "top5", "printed mAP": "map"}
_REQUIRED = {"top1": {"printed top-1", "printed top-5"}, "map": {"printed mAP"}}
_WITHOUT_NOTE = ("desk scale", "not run")
_SCALES = {
    "desk": "at desk scale; it is no estimate of the printed one",
    "own": "on the terms that follow; it is no estimate of the printed one",
    "paper": "here, at the paper's own scale",
}


def cells(judged: JudgedTable) -> pd.DataFrame:
    """Return the table as text, one column per number, gaps as a dash."""
    table = judged.table
    measured = f"{table.scale} {METRIC_NAMES[table.metric]}"
    rows = [
        {
            "Row": result.label + (" (reference)" if result.row.reference else ""),
            "Params (M)": f"{result.cost.params / 1e6:.2f}" if result.cost else "–",
            "GFLOPs": f"{result.cost.gmacs:.1f}" if result.cost else "–",
            **{title: _printed_cost(result, name) for title, name in _COSTS.items()},
            **{title: _printed_accuracy(result.row, name) for title, name in _ACCURACIES.items()},
            measured: _measured_accuracy(result) if table.is_measured else "–",
            "verdict": judged.word(result) or "–",
        }
        for result in table.shown
    ]
    frame = pd.DataFrame(rows)
    required = {"Row"}
    if table.is_measured:
        required |= {"Params (M)", "GFLOPs", *_REQUIRED[table.metric], measured, "verdict"}
    empty = [name for name in frame if name not in required and (frame[name] == "–").all()]
    return frame.drop(columns=empty)


def markdown(judged: JudgedTable) -> str:
    """Return the table with its title, caption, claims and notes."""
    experiment, frame = judged.table.experiment, cells(judged).map(escape.markdown)
    align = ("left", *("right",) * (frame.shape[1] - 1))
    body = frame.to_markdown(index=False, colalign=align, disable_numparse=True)
    items = "\n".join(f"- {note}" for note in notes(judged))
    head = f"# {experiment.name}: {experiment.title}\n\n{experiment.caption}."
    return f"{head}\n\n{body}\n\n{claims_table.markdown(judged.claims)}{items}\n"


def latex(judged: JudgedTable) -> str:
    """Return a booktabs table, and one of the claims."""
    experiment, frame = judged.table.experiment, cells(judged)
    text = frame.to_latex(
        index=False,
        escape=True,
        column_format="l" + "r" * (frame.shape[1] - 1),
        caption=escape.latex(f"{experiment.title}. {experiment.caption}."),
        label=f"tab:{experiment.name}",
    )
    return escape.latex_signs(text) + claims_table.latex(experiment, judged.claims)


def notes(judged: JudgedTable) -> list[str]:
    """Explain verdicts and columns, name the sources of printed numbers and list the guesses."""
    table, experiment = judged.table, judged.table.experiment
    return [
        *_verdict_notes(judged),
        *(_accuracy_notes(judged) if table.is_measured else ()),
        *(
            f"{result.label}: printed as {result.row.source}."
            for result in table.rows
            if result.row.source
        ),
        *experiment.notes,
        *recipe_sources.guess_notes(experiment),
        *tradeoff.sentences(experiment),
        *([COST_NOTE] if any(result.cost for result in table.rows) else []),
        *([QUOTED_NOTE] if tradeoff.has_quoted_costs(experiment) else []),
        *([STALE_NOTE] if any(result.stale for result in table.shown) else []),
    ]


def _verdict_notes(judged: JudgedTable) -> Iterator[str]:
    for label, verdict in judged.verdicts.items():
        if verdict.word not in _WITHOUT_NOTE:
            yield f"{escape.markdown(label)}: {verdict.sentence}."


def _accuracy_notes(judged: JudgedTable) -> Iterator[str]:
    table = judged.table
    yield f"{table.scale} {METRIC_NAMES[table.metric]} was measured {_SCALES[table.scale]}."
    for changes in dict.fromkeys(result.changes for result in table.rows if result.changes):
        yield f"Changed, beside the paper: {changes}."
    yield RANGE_NOTE if table.scale == "desk" else INTERVAL_NOTE
    for result in table.rows:
        if result.altered:
            yield f"{result.label} runs with {result.altered}."


def _measured_accuracy(result: RowResult) -> str:
    interval = result.interval
    if interval is None:
        return "not run" if result.trial else "–"
    stale = f", {len(result.stale)} stale" if result.stale else ""
    if result.trial is not None and result.trial.scale == "desk":
        ceiling = desk_recipe.CEILINGS["average of snippets"]
        return row_verdict.range_text(result.values, ceiling=ceiling) + stale
    half_width = "" if interval.half_width is None else f" ± {interval.half_width:.1f}"
    return f"{interval.mean:.1f}{half_width} ({row_verdict.seeds_text(interval.seeds)}{stale})"


def _printed_cost(result: RowResult, name: str) -> str:
    """Return a printed cost with its verdict."""
    matches = result.cost.matches if result.cost else quoted_matches(result.row)
    if name not in matches:
        return "–"
    match = matches[name]
    convention = f": {match.convention}" if match.convention else ""
    return f"{match.printed} ({match.word}{convention})"


def _printed_accuracy(row: Row, name: str) -> str:
    return f"{row.published[name]:.1f}" if name in row.published else "–"
