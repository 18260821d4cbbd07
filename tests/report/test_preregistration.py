"""Declarations are only ever added to, and none becomes older than its results."""

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import experiments
from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import record
from harness.report import preregistration
from tests.helpers.collected_tables import collected
from tests.helpers.tiny_trials import shrunk
from tests.test_record import made

PUBLISHED = Path(__file__).parents[2] / "results"
SAME = EXPERIMENT.claims[2]


def records_of(*labels, passport="p"):
    return [
        made(shrunk(row.trial), top1=50.0, passport=passport)
        for row in EXPERIMENT.rows
        if row.label in labels
    ]


ALL = records_of(*(row.label for row in EXPERIMENT.rows))


def table(results, *, records=(), **changes):
    return collected(replace(EXPERIMENT, **changes), list(records), results)


def declare(results, *, data="p", others=None, **how):
    """Declare all rows for one copy of the data, some for another."""
    declared = table(results, **how)
    passports = {row.label: data for row in declared.rows} | (others or {})
    preregistration.preregister(declared, passports=passports)


def late(results, *, records=ALL, claims=EXPERIMENT.claims):
    """Return the claims that count as late once all rows have run."""
    judged = table(results, records=records, claims=claims)
    return [claim for claim in claims if preregistration.lateness(judged, claim)]


def margin(judged):
    return preregistration.margin_lateness(judged, judged.rows[0])


def lines(results):
    text = (results / "declared" / "table_b.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_claims_declared_before_their_results_are_not_late(tmp_path):
    declare(tmp_path)
    assert late(tmp_path) == []
    (line,) = lines(tmp_path)
    assert line["passports"] == ["p"]
    assert len(line["commit"]) == 40
    assert line["declared"].endswith("+00:00")
    assert [len(claim["trials"]) for claim in line["claims"]] == [4, 2, 2]


def test_declaring_the_same_again_adds_nothing(tmp_path):
    declare(tmp_path)
    declare(tmp_path, records=ALL)
    assert len(lines(tmp_path)) == 1


def test_a_changed_claim_stands_beside_the_old_one_and_is_late(tmp_path):
    declare(tmp_path)
    changed = (replace(SAME, limit=3.0), *EXPERIMENT.claims[:2])
    declare(tmp_path, records=ALL, claims=changed)
    first, second = lines(tmp_path)
    assert [claim["limit"] for claim in first["claims"]] == [None, None, 1.0]
    assert second["claims"][0]["before_results"] is False
    assert late(tmp_path, claims=changed) == [changed[0]]
    assert late(tmp_path) == []
    judged = table(tmp_path, records=ALL, claims=changed)
    assert preregistration.lateness(judged, changed[0]) == "claim declared after the results"


def test_deleting_the_records_does_not_make_a_later_claim_older(tmp_path):
    declare(tmp_path)
    swapped = replace(EXPERIMENT.claims[1], rows=tuple(reversed(EXPERIMENT.claims[1].rows)))
    declare(tmp_path, claims=(swapped,))
    assert lines(tmp_path)[1]["claims"][0]["before_results"] is False
    assert late(tmp_path, claims=(swapped,)) == [swapped]


def test_a_claim_over_a_row_that_has_not_run_yet_is_in_time(tmp_path):
    early = [claim for claim in EXPERIMENT.claims if "DSA at III" not in claim.rows]
    fewer = tuple(row for row in EXPERIMENT.rows if row.label != "DSA at III")
    ran = records_of(*(row.label for row in fewer))
    declare(tmp_path, rows=fewer, claims=tuple(early))
    declare(tmp_path, records=ran)
    assert late(tmp_path) == []


def test_the_same_comparison_in_another_table_is_declared_once(tmp_path):
    declare(tmp_path)
    declare(tmp_path, records=ALL, name="other")
    judged = table(tmp_path, records=ALL, name="other")
    assert not any(preregistration.lateness(judged, claim) for claim in EXPERIMENT.claims)


def test_claims_moved_to_another_table_do_not_look_older(tmp_path):
    declare(tmp_path, claims=EXPERIMENT.claims[:1])
    moved = replace(EXPERIMENT.claims[0], rows=tuple(reversed(EXPERIMENT.claims[0].rows)))
    declare(tmp_path, name="other", claims=(moved,))
    judged = table(tmp_path, records=ALL, name="other", claims=(moved,))
    assert preregistration.lateness(judged, moved) == "claim declared after the results"


def test_a_new_copy_of_the_data_is_new_data(tmp_path):
    old = [replace(record, passport="old") for record in ALL]
    declare(tmp_path, records=old)
    assert late(tmp_path) == []


def test_the_order_of_equal_rows_makes_no_other_claim(tmp_path):
    declare(tmp_path)
    best = EXPERIMENT.claims[0]
    reordered = replace(best, rows=(best.rows[0], *reversed(best.rows[1:])))
    swapped = replace(SAME, rows=tuple(reversed(SAME.rows)))
    assert late(tmp_path, claims=(reordered, swapped)) == []


def test_other_data_are_declared_anew(tmp_path):
    declare(tmp_path, data="other")
    assert late(tmp_path) == list(EXPERIMENT.claims)
    judged = table(tmp_path, records=ALL)
    sentence = "claim not declared before the results"
    assert preregistration.lateness(judged, EXPERIMENT.claims[0]) == sentence
    declare(tmp_path)
    assert late(tmp_path) == []


TWO = ("DSA at I", "DSA at II")
APART = [claim for claim in EXPERIMENT.claims if set(claim.rows) <= set(TWO)]


def on_two_data_sets(results, *, second):
    """Collect a table of which two rows ran on one data set, and all others on a second one."""
    labels = [row.label for row in EXPERIMENT.rows if row.label not in TWO]
    records = [*records_of(*TWO, passport="p"), *records_of(*labels, passport=second)]
    return table(results, records=records)


def test_rows_of_one_table_may_have_different_data(tmp_path):
    declare(tmp_path, data="q", others=dict.fromkeys(TWO, "p"))
    assert [line["passports"] for line in lines(tmp_path)] == [["q"], ["p"], ["p", "q"]]
    assert [len(line["claims"]) for line in lines(tmp_path)] == [0, 1, 2]
    judged = on_two_data_sets(tmp_path, second="q")
    assert not any(preregistration.lateness(judged, claim) for claim in EXPERIMENT.claims)
    assert not any(preregistration.margin_lateness(judged, row) for row in judged.rows)


def test_a_new_copy_of_one_data_set_leaves_what_was_declared_for_the_other(tmp_path):
    declare(tmp_path, data="q", others=dict.fromkeys(TWO, "p"))
    ran = records_of(*TWO)
    declare(tmp_path, data="new", others=dict.fromkeys(TWO, "p"), records=ran)
    judged = on_two_data_sets(tmp_path, second="new")
    assert not any(preregistration.lateness(judged, claim) for claim in EXPERIMENT.claims)
    assert not any(preregistration.margin_lateness(judged, row) for row in judged.rows)


def test_a_claim_declared_for_its_own_data_is_known_to_a_table_of_several(tmp_path):
    declare(tmp_path, claims=tuple(APART))
    swapped = replace(APART[0], limit=5.0)
    others = dict.fromkeys(TWO, "p")
    declare(tmp_path, name="other", data="q", others=others, claims=(swapped,))
    assert late(tmp_path, claims=(swapped,)) == [swapped]
    assert late(tmp_path, claims=tuple(APART)) == []


def test_other_trials_are_declared_anew(tmp_path):
    def longer(trial):
        return replace(shrunk(trial), train=replace(shrunk(trial).train, epochs=3))

    declare(tmp_path)
    judged = collected(EXPERIMENT, [], tmp_path, rescale=longer)
    assert all(preregistration.lateness(judged, claim) for claim in EXPERIMENT.claims)


def test_a_table_that_was_never_declared_is_not_called_changed(tmp_path):
    judged = table(tmp_path, records=ALL)
    for claim in EXPERIMENT.claims:
        assert preregistration.lateness(judged, claim) == "claim not declared before the results"
    assert margin(judged) == "margin not declared before the results"


def test_a_margin_first_declared_beside_results_is_late(tmp_path):
    declare(tmp_path, records=ALL, margin=5.0)
    wide = table(tmp_path, records=ALL, margin=5.0)
    assert margin(wide) == "margin not declared before the results"


def test_the_first_margin_counts(tmp_path):
    declare(tmp_path)
    assert margin(table(tmp_path, records=ALL)) == ""
    declare(tmp_path, margin=9.0)
    wide = table(tmp_path, records=ALL, margin=9.0)
    assert margin(wide) == "margin changed after the results"
    assert margin(table(tmp_path, records=ALL)) == ""


def test_a_reworded_claim_is_the_same_one(tmp_path):
    declare(tmp_path)
    reworded = tuple(
        replace(claim, text=f"Reworded: {claim.text}", origin="ours", source="elsewhere")
        for claim in EXPERIMENT.claims
    )
    assert late(tmp_path, claims=reworded) == []
    declare(tmp_path, claims=reworded)
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "better", "limit": None},
        {"rows": ("DSA at I", "DSA at III")},
        {"metric": "top5"},
        {"limit": 0.5},
        {
            "kind": "trend",
            "rows": ("DSA at I", "DSA at II", "DSA at IV"),
            "limit": None,
            "trend": "peak",
        },
    ],
)
def test_a_claim_that_asserts_something_else_is_late(change, tmp_path):
    declare(tmp_path)
    changed = replace(SAME, **change)
    assert late(tmp_path, claims=(*EXPERIMENT.claims, changed)) == [changed]


@pytest.mark.parametrize("path", sorted((PUBLISHED / "declared").iterdir()), ids=lambda p: p.stem)
def test_no_published_claim_about_accuracy_is_late(path):
    records = record.read_all(PUBLISHED)
    judged = collected(experiments.load(path.stem), records, PUBLISHED, rescale=desk)
    remarks = {
        claim.text: preregistration.lateness(judged, claim)
        for claim in judged.experiment.claims
        if claim.metric == "top1"  # costs are counted, so declared at any time
    }
    assert not any(remarks.values()), remarks


@pytest.mark.parametrize("text", ['{"claims": []}', "[]", "{", '{"margin": 1, "passports": []}'])
def test_a_damaged_line_is_named_stops_no_report_and_lets_nothing_more_be_declared(
    tmp_path, text, caplog
):
    declare(tmp_path)
    path = tmp_path / "declared" / "table_b.jsonl"
    before = late(tmp_path)
    path.write_text(path.read_text() + text + "\n")
    sentence = r"line 2 of .*table_b\.jsonl is not a declaration"
    assert late(tmp_path) == before
    assert re.search(sentence, caplog.text)
    assert re.search(sentence, preregistration.faults(tmp_path)[0])
    with pytest.raises(ValueError, match=f"{sentence}.*; restore the file"):
        declare(tmp_path)


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir])
def test_a_file_of_declarations_that_is_none_is_named_and_stops_no_report(tmp_path, make, caplog):
    declare(tmp_path)
    make(tmp_path / "declared" / "table_c.jsonl")
    late(tmp_path)
    assert "table_c.jsonl" in caplog.text
    assert "(set aside)" in caplog.text


def test_the_table_carries_what_was_set_aside_of_its_declarations(tmp_path):
    (tmp_path / "declared").mkdir()
    (tmp_path / "declared" / "table_c.jsonl").write_bytes(b"\xff\n")
    (fault,) = collected(EXPERIMENT, [], tmp_path).faults
    assert "line 1 of" in fault


def test_tables_of_one_launch_are_declared_together(tmp_path):
    """The rows of a claim in (h) are all in claims of (a), declared a moment before."""
    moment = datetime.now(UTC)
    for name in ("table_a", "table_h"):
        shared = collected(experiments.load(name), [], tmp_path, rescale=desk)
        passports = {row.label: "p" for row in shared.rows}
        preregistration.preregister(shared, passports=passports, moment=moment)
    declared = [json.loads(path.read_text()) for path in (tmp_path / "declared").iterdir()]
    assert {line["declared"] for line in declared} == {moment.isoformat()}
    assert all(claim["before_results"] for line in declared for claim in line["claims"])
    later = collected(
        replace(experiments.load("table_h"), name="table_x"), [], tmp_path, rescale=desk
    )
    preregistration.preregister(later, passports={row.label: "p" for row in later.rows})
    line = json.loads((tmp_path / "declared" / "table_x.jsonl").read_text())
    assert not any(claim["before_results"] for claim in line["claims"])
