"""Tables beside what the paper printed: Markdown, CSV and LaTeX.

Cost stands at paper scale, printed accuracy in its own columns, and what was measured carries the
scale at which it was measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from harness import claims_text, cost, escape, plan, tradeoff, verdict
from harness.costs import RowCost, quoted_matches, row_cost
from harness.differences import differences, spoken
from harness.evidence import metric_of
from harness.files import replace
from harness.judge import Judged
from harness.record import Record
from harness.specs import Experiment, Row, Trial, as_dict
from harness.verdict import Interval, Verdict, ten_digits

COST_NOTE = (
    "GFLOPs: 10⁹ multiply-adds per view, each counted once, plus two per batch-norm output "
    f"(rule `{cost.RULE}`); parameters include the classifier. Both at the paper's own scale."
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


@dataclass(frozen=True, kw_only=True)
class Line:
    """A row of a table, with what was counted and measured for it.

    Attributes:
        row: As specified.
        cost: At paper scale; None for a row that only quotes other work.
        values: Accuracy of each seed in percent.
        top1: Over these seeds; None if there are none.
        stale: Records among them that other code made.
        trains: Whether the row is there to be measured.
        verdict: What its accuracy says of the printed one; None where nothing is compared.
        metric: Which accuracy it is, `top1` or `map`.
        changed: What a user changed of the trial, in words; empty for a named scale.
    """

    row: Row
    cost: RowCost | None
    values: tuple[float, ...]
    top1: Interval | None
    stale: int
    trains: bool = True
    verdict: Verdict | None = None
    metric: str = "top1"
    changed: str = ""


def lines(
    experiment: Experiment,
    records: Sequence[Record],
    *,
    scale: Callable[[Trial], Trial],
    code: Callable[[Trial], Mapping[str, str]],
    verdicts: Mapping[str, Verdict] | None = None,
) -> list[Line]:
    """Collect what the records say of every row at a scale.

    Args:
        experiment: The table, at paper scale.
        records: Of any trials.
        scale: Gives the trials whose records count.
        code: Trial to the hashes of its modules as they are now.
        verdicts: Label of a row to what its accuracy says of the printed one.
    """
    if not plan.is_measured(experiment, records, scale=scale):
        return [_counted(row) for row in experiment.rows]
    said, metric = verdicts or {}, metric_of(experiment)
    found = partial(plan.records_of, records=records, scale=scale)
    return [
        _line(row, found(row), scale=scale, code=code, said=said.get(row.label), metric=metric)
        for row in experiment.rows
    ]


def _counted(row: Row) -> Line:
    return Line(row=row, cost=row_cost(row), values=(), top1=None, stale=0, trains=False)


def _line(
    row: Row,
    found: Sequence[Record],
    *,
    scale: Callable[[Trial], Trial],
    code: Callable[[Trial], Mapping[str, str]],
    said: Verdict | None,
    metric: str,
) -> Line:
    values = tuple(each.metrics[metric] for each in found)
    current = code(scale(row.trial)) if row.trial and found else {}
    return Line(
        row=row,
        cost=row_cost(row),
        values=values,
        top1=verdict.over_seeds(values) if values else None,
        stale=sum(each.code != current for each in found),
        verdict=said,
        metric=metric,
        changed=_changed(row.trial, scale(row.trial)) if row.trial else "",
    )


def _changed(paper: Trial, here: Trial) -> str:
    """Say in one line what a user changed of a trial."""
    if here.scale != "own":
        return ""
    found = differences(as_dict(here), as_dict(paper))
    return ", ".join(
        f"{each.path} {spoken(each.one)} for {spoken(each.other)}"
        for each in found
        if each.path != "scale"
    )


def write(
    experiment: Experiment,
    found: Sequence[Line],
    *,
    scale: str,
    results: Path,
    claims: Sequence[Judged] = (),
) -> list[Path]:
    """Write `tables/<name>.md`, `.csv`, `.tex`, and `.claims.csv` where something is claimed.

    Args:
        experiment: The table.
        found: Its rows with what was counted and measured.
        scale: Where the accuracies come from.
        results: Folder that holds `tables/`.
        claims: What the paper asserts, judged.
    """
    texts = {
        "md": markdown(experiment, found, scale=scale, claims=claims),
        "csv": comma_separated(found, scale=scale),
        "tex": latex(experiment, found, scale=scale, claims=claims),
    }
    if claims:
        texts["claims.csv"] = claims_text.comma_separated(claims)
    paths = []
    for kind, text in texts.items():
        paths.append(results / "tables" / f"{stem(experiment, scale)}.{kind}")
        replace(paths[-1], text.encode())
    return paths


def stem(experiment: Experiment, scale: str) -> str:
    """Return the name of a table's files at a scale."""
    return experiment.name if scale == "desk" else f"{experiment.name}-{scale}"


def cells(found: Sequence[Line], *, scale: str) -> pd.DataFrame:
    """Return the table as a reader sees it: text, one column per number, gaps as a dash."""
    metric = found[0].metric
    measured = f"{scale} {_METRICS[metric]}"
    rows = [
        {
            "Row": line.row.label + (" (reference)" if line.row.reference else ""),
            "Params (M)": f"{line.cost.params / 1e6:.2f}" if line.cost else "–",
            "GFLOPs": f"{line.cost.gmacs:.1f}" if line.cost else "–",
            **{title: _compared(line, name) for title, name in _COSTS.items()},
            **{title: _printed(line.row, name) for title, name in _ACCURACIES.items()},
            measured: _measured(line),
            "verdict": line.verdict.word if line.verdict else "–",
        }
        for line in found
    ]
    table = pd.DataFrame(rows)
    always = {"Row"}
    if any(line.trains for line in found):
        always |= {"Params (M)", "GFLOPs", *_ALWAYS[metric], measured, "verdict"}
    unused = [name for name in table if name not in always and (table[name] == "–").all()]
    return table.drop(columns=unused)


def markdown(
    experiment: Experiment, found: Sequence[Line], *, scale: str, claims: Sequence[Judged] = ()
) -> str:
    """Write the table with its title, caption, claims and notes."""
    table = cells(found, scale=scale).map(escape.markdown)
    align = ("left", *("right",) * (table.shape[1] - 1))
    body = table.to_markdown(index=False, colalign=align, disable_numparse=True)
    remarks = "\n".join(f"- {note}" for note in notes(experiment, found, scale=scale))
    head = f"# {experiment.name}: {experiment.title}\n\n{experiment.caption}."
    return f"{head}\n\n{body}\n\n{claims_text.markdown(claims)}{remarks}\n"


def latex(
    experiment: Experiment, found: Sequence[Line], *, scale: str, claims: Sequence[Judged] = ()
) -> str:
    """Write a booktabs table, and one of the claims."""
    table = cells(found, scale=scale)
    text = table.to_latex(
        index=False,
        escape=True,
        column_format="l" + "r" * (table.shape[1] - 1),
        caption=escape.latex(f"{experiment.title}. {experiment.caption}."),
        label=f"tab:{experiment.name}",
    )
    return escape.latex_signs(text) + claims_text.latex(experiment, claims)


def comma_separated(found: Sequence[Line], *, scale: str) -> str:
    """Write accuracies to ten digits and costs unrounded, one row per line, seeds in one column."""
    rows = [
        {
            "row": escape.spreadsheet(line.row.label),
            "reference": line.row.reference,
            "params": line.cost.params if line.cost else None,
            "gmacs": line.cost.gmacs if line.cost else None,
            "counting_rule": cost.RULE if line.cost else None,
            **{f"printed_{name}": line.row.published.get(name) for name in _PRINTED},
            "scale": scale,
            f"{line.metric}_mean": ten_digits(line.top1.mean) if line.top1 else None,
            f"{line.metric}_half_width": ten_digits(line.top1.half_width) if line.top1 else None,
            "seeds": len(line.values),
            f"{line.metric}_by_seed": " ".join(f"{value:.4f}" for value in line.values),
            "stale_records": line.stale,
            "verdict": line.verdict.word if line.verdict else None,
        }
        for line in found
    ]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


def _measured(line: Line) -> str:
    if line.top1 is None:
        return "not run" if line.row.trial and line.trains else "–"
    spread = "" if line.top1.half_width is None else f" ± {line.top1.half_width:.1f}"
    stale = f", {line.stale} stale" if line.stale else ""
    seeds = "1 seed" if line.top1.seeds == 1 else f"{line.top1.seeds} seeds"
    return f"{line.top1.mean:.1f}{spread} ({seeds}{stale})"


def _compared(line: Line, name: str) -> str:
    """Show a printed cost with its verdict."""
    matches = line.cost.matches if line.cost else quoted_matches(line.row)
    if name not in matches:
        return "–"
    match = matches[name]
    why = f": {match.convention}" if match.convention else ""
    return f"{match.printed} ({match.word}{why})"


def _printed(row: Row, name: str) -> str:
    return f"{row.published[name]:.1f}" if name in row.published else "–"


def notes(experiment: Experiment, found: Sequence[Line], *, scale: str) -> list[str]:
    """Say what the columns mean, where printed numbers stand, and what was guessed."""
    said = [
        f"{escape.markdown(line.row.label)}: {line.verdict.sentence}."
        for line in found
        if line.verdict and line.verdict.word not in _SAID_ALREADY
    ]
    measured = [
        f"{scale} {_METRICS[found[0].metric]} was measured {_MEASURED[scale]}.",
        *dict.fromkeys(
            f"Changed, beside the paper: {line.changed}." for line in found if line.changed
        ),
        "±: half of Student's 95 % interval of the mean over seeds.",
    ]
    sources = [
        f"{line.row.label}: printed as {line.row.source}." for line in found if line.row.source
    ]
    stale = ["stale: made by other code than this; run the table again."]
    return [
        *said,
        *(measured if any(line.trains for line in found) else []),
        *sources,
        *experiment.notes,
        *tradeoff.sentences(experiment),
        *([COST_NOTE] if any(line.cost for line in found) else []),
        *([QUOTED_NOTE] if tradeoff.compares(experiment) else []),
        *(stale if any(line.stale for line in found) else []),
    ]
