"""The artifact appendix of a bundle: claim, command, expected result, tolerance and time."""

from collections.abc import Sequence
from shlex import quote

import pandas as pd

from experiments.scales import Changes
from harness import tables
from harness.exchange.verdicts import Setting
from harness.experiment import COSTS, Claim
from harness.plan.workspace import option_words
from harness.record import Record, parts_of
from harness.report.claims import JudgedClaim
from harness.report.judge import JudgedTable
from harness.report.results import RowResult
from harness.utils import escape
from harness.utils.escape import counted

_TOLERANCES = {
    "better": "the sign: the 95 % interval of the difference, seeds and videos resampled",
    "best": "the top group, as 95 of 100 tables would have it",
    "trend": "the shape, as 95 of 100 tables would have it",
    "overhead": "none: counts are exact",
    "ratio": "none: counts are exact, to the printed digit",
}
_HEAD = """# Artifact appendix

Every row that ran and every claim, with the command that runs it again, the result to expect, how
far another result may be from it, and the time that the recorded trials took. `harness verify`
judges all of it again from the records in this bundle, without training.

"""


def text(tables: Sequence[tuple[Setting, JudgedTable]]) -> str:
    """Return the appendix of some tables."""
    return _HEAD + "\n".join(_section(setting, judged) for setting, judged in tables)


def _section(setting: Setting, judged: JudgedTable) -> str:
    rows = [_row(setting, judged, row) for row in judged.table.rows if row.records]
    claims = [_claim(setting, judged, claim) for claim in judged.claims]
    tables = [pd.DataFrame(lines).map(escape.markdown) for lines in (rows, claims) if lines]
    machines = escape.markdown(", ".join(_machines(judged)))
    head = f"## {escape.markdown(setting.name)}\n\nOn {machines}.\n"
    return "\n".join([head, *(f"{table.to_markdown(index=False)}\n" for table in tables)])


def _machines(judged: JudgedTable) -> list[str]:
    found = {
        f"{record.provenance.get('device', 'an unknown device')} of "
        f"{record.provenance.get('processor', 'an unknown processor')}"
        for record in judged.table.records
    }
    return sorted(found)


def _row(setting: Setting, judged: JudgedTable, row: RowResult) -> dict[str, str]:
    word = judged.word(row)
    values = ", ".join(f"{value:.2f}" for value in row.values)
    margin = f"± {judged.table.experiment.margin:g} points of {row.metric}"
    return {
        "Row": row.label,
        "Command": _command(setting, [row]),
        "Expected": "; ".join(filter(None, (f"{row.metric} {values}", word))),
        "Tolerance": f"{margin}; equal bits on an equal processor with equal versions",
        "Time": _time([row]),
    }


def _claim(setting: Setting, judged: JudgedTable, claim: JudgedClaim) -> dict[str, str]:
    rows = judged.table.of(claim.claim)
    is_cost = claim.claim.metric in COSTS
    return {
        "Claim": claim.claim.text,
        "Command": f"harness cost {_table(setting)}" if is_cost else _command(setting, rows),
        "Expected": f"{claim.word}: {claim.sentence}",
        "Tolerance": _tolerance(claim.claim),
        "Time": "seconds" if is_cost else _time(rows),
    }


def _tolerance(claim: Claim) -> str:
    if claim.kind == "same":
        return f"± {claim.limit:g} points, by two one-sided tests at 5 %"
    return _TOLERANCES[claim.kind]


def _command(setting: Setting, rows: Sequence[RowResult]) -> str:
    """Return the command that runs some rows again; the whole table if a label has a comma."""
    seeds = sorted({seed for row in rows for seed in row.seeds})
    words = ["harness run", _table(setting), f"--scale {setting.base}"]
    if seeds:
        is_counted = seeds == list(range(len(seeds)))
        listed = ",".join(map(str, seeds))
        words.append(f"--seeds {len(seeds) if is_counted else listed + ',' * (len(seeds) == 1)}")
    labels = [row.label for row in rows]
    if len(labels) == 1 or not any("," in label for label in labels):
        words.append(f"--rows {quote(','.join(labels))}")
    return " ".join([*words, *map(quote, option_words(Changes(**setting.changes)))])


def _table(setting: Setting) -> str:
    return quote(tables.word(setting.table, with_folder=False))


def _time(rows: Sequence[RowResult]) -> str:
    """Return the time of the distinct trials of some rows."""
    records: dict[str, Record] = {
        part.key: part for row in rows for record in row.records for part in parts_of(record)
    }
    if not records:
        return "not run"
    seconds = sum(record.seconds for record in records.values())
    amount = f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
    return f"{amount} ({counted(len(records), 'trial')})"
