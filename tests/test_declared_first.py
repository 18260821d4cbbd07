"""When the published claims were declared, against when their rows ran."""

import json
from dataclasses import replace
from datetime import datetime

from experiments.scales import desk
from harness import record
from harness.experiment import ACCURACIES
from tests.test_page_figures import ROOT, TABLES, records_of, text_of

PAGES = ("README.md", "docs/statistics.md")


def assertion(claim, trials):
    return (*(claim[name] for name in ("kind", "metric", "limit", "trend")), *trials)


def declared():
    """Return the first moment of every claim that was declared in time, in milliseconds."""
    found = {}
    for path in sorted((ROOT / "results" / "declared").glob("*.jsonl")):
        for line in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            moment = 1000 * datetime.fromisoformat(line["declared"]).timestamp()
            for claim in line["claims"]:
                if claim["before_results"]:
                    key = assertion(claim, claim["trials"])
                    found[key] = min(moment, found.get(key, moment))
    return found


def rows_that_had_run():
    """Return for every distinct claim on an accuracy the rows that had run when it was declared."""
    moments, found = declared(), {}
    for table in TABLES.values():
        rows = {row.label: row for row in table.rows}
        for claim in table.claims:
            if claim.metric in ACCURACIES:
                own = [rows[label] for label in claim.rows]
                trials = [record.trial_key(desk(row.trial), "") for row in own]
                key = assertion(vars(claim), trials)
                found[key] = {
                    row.label
                    for row in own
                    for trial in row.trials
                    for run in records_of(replace(row, trial=trial))
                    if run.finished_ms < moments[key]
                }
    return found


def test_pages_say_which_claims_were_declared_before_any_run_of_theirs():
    found = list(rows_that_had_run().values())
    some = [rows for rows in found if rows]
    assert all(len(rows) == 1 and min(rows).startswith("DSA") for rows in some)
    sentence = (
        f"of {len(found)} on accuracies {len(found) - len(some)} before any present run of their "
        f"rows, and {len(some)} when that of DSA had run but no other"
    )
    for page in PAGES:
        assert sentence in text_of(page), f"{page}: write: {sentence}"
