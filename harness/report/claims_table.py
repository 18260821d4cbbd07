"""The claims of a table with their verdicts, as they stand under it: Markdown, CSV and LaTeX."""

from collections.abc import Sequence

import pandas as pd

from harness.experiment import Experiment
from harness.report import escape
from harness.report.judge import JudgedClaim
from harness.stats.verdict import round_digits


def markdown(judged: Sequence[JudgedClaim]) -> str:
    """Write a table of claims; nothing if none is made."""
    if not judged:
        return ""
    table = _cells(judged).map(escape.markdown)
    body = table.to_markdown(index=False, colalign=("left",) * 3, disable_numparse=True)
    return f"## Claims\n\n{body}\n\n"


def latex(experiment: Experiment, judged: Sequence[JudgedClaim]) -> str:
    """Write a booktabs table of claims; nothing if none is made."""
    if not judged:
        return ""
    text = _cells(judged).to_latex(
        index=False,
        escape=True,
        column_format=r"p{0.3\linewidth}p{0.2\linewidth}p{0.4\linewidth}",
        caption=escape.latex(f"Claims of: {experiment.title}."),
        label=f"tab:{experiment.name}-claims",
    )
    return escape.latex_signs(f"\n{text}")


def comma_separated(judged: Sequence[JudgedClaim]) -> str:
    """Write the numbers to ten digits, one claim per line."""
    rows = [
        {
            "claim": escape.spreadsheet(each.claim.text),
            "kind": each.claim.kind,
            "metric": each.claim.metric,
            "rows": escape.spreadsheet("; ".join(each.claim.rows)),
            "verdict": each.word,
            "estimate": round_digits(each.estimate),
            "low": round_digits(each.low),
            "high": round_digits(each.high),
            "p": round_digits(each.p),
            "late": each.late,
            "sentence": escape.spreadsheet(each.sentence),
        }
        for each in judged
    ]
    return pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")


def _cells(judged: Sequence[JudgedClaim]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"Claim": each.claim.text, "Verdict": each.word, "Measured": each.sentence}
            for each in judged
        ]
    )
