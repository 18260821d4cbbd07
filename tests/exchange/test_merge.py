"""Results folders merged into one."""

import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import record
from harness.cli.main import app
from harness.exchange import merge
from harness.exchange.declared import read_lines
from harness.record import scores_path
from harness.report import build
from harness.report.preregistration import lateness, preregister
from harness.utils import lock
from tests.helpers.collected_tables import collected, request
from tests.helpers.results_folders import EPOCH, PASSPORT, add_record, row_trial

HOUR_MS = 3_600_000


@pytest.fixture
def folders(tmp_path):
    return [tmp_path / "one", tmp_path / "two, % second"]


@pytest.fixture
def into(tmp_path):
    return tmp_path / "c" / "merged"


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("lock")
    }


def test_records_and_scores_of_all_folders_are_in_the_merged_one(folders, into):
    for seed, folder in enumerate(folders):
        add_record(folder, seed=seed)
    add_record(folders[0], seed=7)
    add_record(folders[1], seed=7)  # equal
    done = merge.merge(folders, into)
    assert files(into) == files(folders[0]) | files(folders[1])
    assert (len(done.equal), done.clashes, done.replaced) == (1, {}, ())
    assert len(record.read_all(into)) == 3


def test_different_records_of_one_trial_are_refused_and_nothing_is_written(folders, into):
    made = add_record(folders[0])
    add_record(folders[1], seconds=9.0)
    add_record(folders[1], seed=1)
    told = rf"nothing was merged: records .* for 1 trial \({made.key} of A and B"
    with pytest.raises(ValueError, match=told):
        merge.merge(folders, into)
    assert not into.exists()


@pytest.mark.parametrize(("prefer", "seconds"), [("A", 1.0), ("B", 2.0), ("newer", 1.0)])
def test_a_preference_decides_between_different_records(folders, into, prefer, seconds):
    made = add_record(folders[0], seconds=1.0, finished_ms=2 * HOUR_MS)
    add_record(folders[1], seconds=2.0, finished_ms=HOUR_MS, right=[True] * 12)
    done = merge.merge(folders, into, prefer=prefer)
    found = record.read(into, made.key)
    assert found.seconds == seconds
    assert list(done.clashes) == [made.key]


def test_of_records_that_finished_together_none_is_newer(folders, into):
    add_record(folders[0], seconds=1.0)
    add_record(folders[1], seconds=2.0)
    with pytest.raises(ValueError, match="different content") as refused:
        merge.merge(folders, into, prefer="newer")
    assert "finished at the same time; add --prefer and the letter" in str(refused.value)
    assert "--prefer newer" not in str(refused.value)


@pytest.mark.parametrize("prefer", ["C", "older", "a folder"])
def test_other_preferences_are_refused(folders, into, prefer):
    for folder in folders:
        add_record(folder)
    with pytest.raises(ValueError, match="is not one of A, B, newer"):
        merge.merge(folders, into, prefer=prefer)


def test_a_record_of_the_target_is_never_replaced_in_silence(folders, into):
    made = add_record(into, seconds=5.0, finished_ms=HOUR_MS)
    add_record(folders[0], seconds=1.0, finished_ms=2 * HOUR_MS)
    before = files(into)
    with pytest.raises(ValueError, match=f"{made.key} of the target and A"):
        merge.merge(folders[:1], into)
    assert files(into) == before
    done = merge.merge(folders[:1], into, prefer="newer")
    assert done.replaced == (made.key,)
    assert "was replaced" in merge.text(done, into)
    assert record.read(into, made.key).seconds == 1.0


def test_a_folder_may_be_merged_into_another_source(folders):
    made = add_record(folders[0], seconds=1.0)
    add_record(folders[1], seconds=2.0)
    kept = merge.merge(folders, folders[0], prefer="A")
    assert (kept.replaced, record.read(folders[0], made.key).seconds) == ((), 1.0)
    done = merge.merge(folders, folders[0], prefer="B")
    assert (done.replaced, record.read(folders[0], made.key).seconds) == ((made.key,), 2.0)


def damage_record(folder, made):
    path = folder / "records" / f"{made.key}.json"
    path.write_text(path.read_text().replace(f"{made.params}", f"{made.params + 1}"))
    return path


def damage_scores(folder, made):
    path = record.scores_path(folder, made)
    path.write_bytes(path.read_bytes()[:-1])
    return path


def lose_scores(folder, made):
    path = record.scores_path(folder, made)
    path.unlink()
    return path


def misname(folder, made):
    path = folder / "records" / f"{'0' * 20}.json"
    (folder / "records" / f"{made.key}.json").rename(path)
    return path


def damage_declared(folder, made):
    path = folder / "declared" / "table_b.jsonl"
    path.parent.mkdir()
    path.write_text("{}\n")
    return path


@pytest.mark.parametrize(
    "damage", [damage_record, damage_scores, lose_scores, misname, damage_declared]
)
def test_what_is_damaged_is_refused_by_name(folders, into, damage):
    add_record(folders[0], seed=1)
    path = damage(folders[1], add_record(folders[1]))
    with pytest.raises(ValueError, match="nothing was merged") as error:
        merge.merge(folders, into)
    assert path.name in str(error.value)
    assert not into.exists()


def test_scores_without_a_record_are_left_out_and_named(folders, into):
    made = add_record(folders[0])
    (folders[0] / "records" / f"{made.key}.json").unlink()
    add_record(folders[0], seed=1)
    done = merge.merge(folders[:1], into)
    assert [path.rpartition("/")[2] for path in done.unfinished] == [record.scores_name(made)]
    assert not (into / "records" / record.scores_name(made)).exists()


@pytest.mark.slow
def test_a_target_in_use_is_refused(folders, into):
    add_record(folders[0])
    with lock.hold(into, what="running table_b"), pytest.raises(ValueError, match="is in use"):
        merge.merge(folders[:1], into)


def declared_at(folder, hours, records=()):
    """Declare the claims of table (b) at an hour; return its table."""
    table = collected(EXPERIMENT, records, folder, rescale=desk)
    preregister(table, passports={row.label: PASSPORT for row in table.rows})
    path = folder / "declared" / "table_b.jsonl"
    *earlier, last = path.read_text().splitlines()
    time = datetime.fromtimestamp(3600 * hours, UTC).isoformat(timespec="seconds")
    path.write_text("\n".join([*earlier, json.dumps(json.loads(last) | {"declared": time}), ""]))
    return table


ROWS = ("TSN+I3D R50", "DSA at II")


def run_rows(folder, hours):
    return [
        add_record(folder, row_trial(f"table_b/{row}"), finished_ms=hours * HOUR_MS) for row in ROWS
    ]


def claim_of(table):
    wanted = {("better", frozenset(ROWS))}
    (claim,) = (
        claim for claim in table.experiment.claims if (claim.kind, frozenset(claim.rows)) in wanted
    )
    return claim


@pytest.mark.parametrize(("first_ran", "late"), [(5, ""), (1, "claim declared after the results")])
def test_a_claim_counts_as_declared_before_the_results_of_all_folders(
    folders, into, first_ran, late
):
    run_rows(folders[0], first_ran)
    declared_at(folders[1], 3)
    add_record(folders[1], row_trial("table_b/DSA at I"))
    done = merge.merge(folders, into)
    assert done.downgraded == bool(late)
    merged = collected(EXPERIMENT, record.read_all(into), into, rescale=desk)
    assert lateness(merged, claim_of(merged)) == late


def test_declarations_of_one_folder_stay_as_they_are(folders, into):
    declared_at(folders[0], 3)
    run_rows(folders[0], 5)
    merge.merge(folders[:1], into)
    assert files(into) == files(folders[0])


def test_equal_declarations_are_kept_once_in_the_order_of_their_times(folders, into):
    declared_at(folders[0], 3)
    declared_at(folders[1], 2)
    for folder in folders:
        add_record(folder)
    assert merge.merge(folders, into).declared == 2
    times = [line["declared"] for line in read_lines(into)["table_b.jsonl"]]
    assert times == sorted(times)
    again = merge.merge(folders, into)
    assert len(read_lines(into)["table_b.jsonl"]) == again.declared


def test_the_command_merges_and_says_what_it_chose(folders, into):
    for number, folder in enumerate(folders):
        add_record(folder, seconds=float(number))
    words = ["merge", *map(str, folders), "--into", str(into)]
    refused = CliRunner().invoke(app, words)
    assert "--prefer newer" in str(refused.exception)
    done = CliRunner().invoke(app, [*words, "--prefer", "B"])
    assert "kept that of B" in done.output
    body = json.loads(CliRunner().invoke(app, [*words, "--prefer", "B", "--json"]).stdout)
    assert list(body["clashes"].values()) == ["B"]


FORGED = {
    "top-1": {"metrics": {"top1": 99.9, "top5": 100.0, "map": 50.0, "videos": 12}},
    "top-5": {"metrics": {"top1": 50.0, "top5": 12.5, "map": 50.0, "videos": 12}},
    "mean average precision": {"metrics": {"top1": 50.0, "top5": 100.0, "map": 99.0, "videos": 12}},
    "parameters": {"params": 7},
    "multiply-adds": {"gmacs": 0.001},
    "counting rule": {"counting_rule": "mine"},
    "a short curve": {"history": [asdict(EPOCH)]},
    "no curve at all": {"history": []},
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_number_does_not_enter_by_a_merge(folders, into, name):
    """Each has a checksum that fits: anybody can compute it."""
    add_record(folders[0], seed=1)
    forged = add_record(folders[1], **FORGED[name])
    with pytest.raises(ValueError, match="nothing was merged") as error:
        merge.merge(folders, into)
    assert f"{forged.key}.json" in str(error.value)


@pytest.mark.parametrize("name", [name for name in FORGED if name != "mean average precision"])
def test_a_forged_number_is_set_aside_by_a_report(folders, name):
    add_record(folders[1], **FORGED[name])
    good = add_record(folders[1], seed=1)
    judged = build.collect_and_judge(request(EXPERIMENT, folders[1], rescale=desk))
    assert [record.key for record in judged.table.records] == [good.key]
    assert len(judged.table.faults) == 1


def test_a_report_believes_records_whose_scores_are_not_there(folders):
    made = add_record(folders[1])
    scores_path(folders[1], made).unlink()
    judged = build.collect_and_judge(request(EXPERIMENT, folders[1], rescale=desk))
    assert [record.key for record in judged.table.records] == [made.key]
