"""Claims of a table with their verdicts, as text under the table: Markdown and LaTeX."""

from collections.abc import Sequence

import pandas as pd

from harness.experiment import Claim, Experiment
from harness.report.claims import JudgedClaim
from harness.utils import escape


def markdown(judged: Sequence[JudgedClaim]) -> str:
    """Write a table of claims; nothing without claims."""
    if not judged:
        return ""
    table = _cells(judged).map(escape.markdown)
    body = table.to_markdown(index=False, colalign=("left",) * 4, disable_numparse=True)
    return f"## Claims\n\n{body}\n\n"


def latex(experiment: Experiment, judged: Sequence[JudgedClaim]) -> str:
    """Write a booktabs table of claims; nothing without claims."""
    if not judged:
        return ""
    text = (
        _cells(judged)
        .map(escape.latex)
        .to_latex(
            index=False,
            escape=False,
            column_format=r"p{0.24\linewidth}p{0.2\linewidth}p{0.14\linewidth}p{0.32\linewidth}",
            caption=escape.latex(f"Claims of: {experiment.title}."),
            label=f"tab:{experiment.name}-claims",
        )
    )
    return f"\n{text}"


def origin(claim: Claim) -> str:
    """Return who makes a claim, with its source if it has one."""
    return f"{claim.origin}, {claim.source}" if claim.source else claim.origin


def _cells(judged: Sequence[JudgedClaim]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Claim": claim.claim.text,
                "Origin": origin(claim.claim),
                "Verdict": claim.word,
                "Measured": claim.sentence,
            }
            for claim in judged
        ]
    )
