"""Tables judged from records and scores that are really there."""

from dataclasses import replace

import numpy as np
import pytest

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from experiments.table_i import EXPERIMENT as COSTS
from harness import record
from harness.experiment import Claim, Row
from harness.plan import grid
from harness.report import preregistration
from harness.report.claims import judge_claims
from harness.report.collect import collect
from harness.report.evidence import correct
from harness.report.judge import judge_rows
from tests.helpers.collected_tables import collected, request
from tests.helpers.tiny_trials import shrunk
from tests.test_record import made
from tests.test_video_scores import written

VIDEOS = 400
II, III, PLAIN = "DSA at II", "DSA at III", "TSN+I3D R50"
ROWS = {row.label: row for row in EXPERIMENT.rows}
HELPS = Claim(text="DSA helps", kind="better", rows=(II, PLAIN))
SAME = Claim(text="II is III", kind="same", rows=(II, III), limit=5.0)
BEST = Claim(text="II is best", kind="best", rows=(II, III, PLAIN))
TREND = Claim(text="it rises", kind="trend", rows=(PLAIN, III, II), trend="rising")


def scale(name):
    return {"desk": shrunk, "whole desk": desk, "paper": lambda trial: trial}[name]


def ran(
    results, label, share, *, at="desk", seeds=(0, 1, 2), passport="p", videos=VIDEOS, data=None
):
    """Leave records of a row that is right on about a share of the videos."""
    records = []
    for seed in seeds:
        rng = np.random.default_rng((sum(label.encode()), seed))
        right = rng.random(videos) < share
        trial = replace(scale(at)(ROWS[label].trial), seed=seed)
        logits = np.zeros((videos, trial.data.num_classes))
        logits[np.arange(videos), np.where(right, 0, 1)] = 1
        each = made(trial, top1=100 * right.mean(), passport=passport)
        each = replace(each, metrics=each.metrics | {"videos": videos}, data=data or {})
        records.append(written(results, logits, np.zeros(videos, int), each))
    return records


def table_of(results, records, *, claims=(HELPS,), at="desk", rescale=None, **changes):
    experiment = replace(EXPERIMENT, claims=claims, **changes)
    return collected(experiment, records, results, scale=at, rescale=rescale or scale(at))


@pytest.fixture
def table(tmp_path):
    """Three rows of three seeds."""
    shares = {PLAIN: 0.3, II: 0.6, III: 0.6}
    records = [each for label, share in shares.items() for each in ran(tmp_path, label, share)]
    return tmp_path, records


def words(found):
    return [each.word for each in found]


@pytest.mark.slow
def test_every_kind_of_measured_claim_has_its_word(table):
    claims = (HELPS, SAME, BEST, TREND)
    found = judge_claims(table_of(*table, claims=claims))
    assert [each.claim for each in found] == list(claims)
    kinds = ["supported", "undecided", "in the top group", "rising"]
    assert words(found) == [f"{word} at desk scale" for word in kinds]
    assert found[0].low < 30 < found[0].high
    assert f"{II} is best with probability" in found[2].sentence


@pytest.mark.slow
def test_a_claim_turned_round_is_reversed(table):
    turned = replace(HELPS, rows=(PLAIN, II))
    assert words(judge_claims(table_of(*table, claims=(turned,)))) == ["reversed at desk scale"]


@pytest.mark.slow
def test_holm_counts_distinct_comparisons_whether_they_have_run_or_not(table):
    (alone,) = judge_claims(table_of(*table))
    twice = judge_claims(table_of(*table, claims=(HELPS, replace(HELPS, text="again"), SAME)))
    assert 0 < alone.p < 0.01
    assert twice[0].p == twice[1].p == alone.p
    not_run = replace(HELPS, rows=("DSA at IV", PLAIN))
    both = judge_claims(table_of(*table, claims=(HELPS, not_run)))
    assert both[0].p == pytest.approx(2 * alone.p)
    assert "after Holm over 2 comparisons" in both[0].sentence


@pytest.mark.slow
def test_a_comparison_has_one_p_in_all_tables(table):
    other = replace(EXPERIMENT, name="other", claims=(HELPS, replace(HELPS, rows=(III, PLAIN))))
    own = replace(EXPERIMENT, claims=(replace(HELPS, text="DSA helps, says this table"),))
    found = [
        judge_claims(collected(*pair, table[1], table[0], rescale=shrunk, family=(other,)))[0]
        for pair in ((own,), (other,))
    ]
    assert found[0].p == found[1].p
    assert found[0].p > judge_claims(table_of(*table))[0].p


@pytest.mark.slow
def test_damaged_scores_of_another_table_spoil_that_table_alone(table):
    results, records = table
    other = replace(EXPERIMENT, name="other", claims=(replace(HELPS, rows=(III, PLAIN)),))
    for each in records:
        if each.trial["model"]["position"] == "after_conv2":
            record.scores_path(results, each).write_bytes(b"damaged")
    own = replace(EXPERIMENT, claims=(HELPS,))
    where = {"rescale": shrunk, "family": (own, other)}
    (found,) = judge_claims(collected(own, records, results, **where))
    assert "after Holm over 2 comparisons" in found.sentence
    with pytest.raises(ValueError, match="was altered"):
        judge_claims(collected(other, records, results, **where))


def capped(results, records, metric):
    """Judge a claim over two networks that average snippets."""
    claim = replace(HELPS, rows=(PLAIN, "I3D R18"), metric=metric)
    model = replace(ROWS[PLAIN].trial.model, backbone="i3d_resnet18")
    other = Row(label="I3D R18", trial=replace(ROWS[PLAIN].trial, model=model))
    rows = (*EXPERIMENT.rows, other)
    return judge_claims(table_of(results, records, claims=(claim,), rows=rows))[0]


def test_rows_at_a_proven_ceiling_are_not_decidable_before_they_run(table):
    found = capped(*table, "top1")
    assert found.word == "not decidable at desk scale"
    assert "can reach 50 % at most: the order of snippets is lost on them" in found.sentence


def test_ceilings_of_top1_say_nothing_of_top5(table):
    assert capped(*table, "top5").word == "not run"


def test_rows_at_the_top_that_hidden_halves_allow_are_not_decidable(tmp_path):
    many = {"videos": 4000, "at": "whole desk"}
    records = [*ran(tmp_path, II, 0.98, **many), *ran(tmp_path, III, 0.98, **many)]
    claims = (SAME, replace(BEST, rows=(II, III)))
    found = judge_claims(table_of(tmp_path, records, claims=claims, rescale=desk))
    assert words(found) == ["not decidable at desk scale"] * 2
    assert "a perfect network is expected to reach 98.3" in found[0].sentence


@pytest.mark.slow
def test_single_runs_decide_nothing_of_seeds(tmp_path):
    records = [*ran(tmp_path, II, 0.9, seeds=(0,)), *ran(tmp_path, PLAIN, 0.3, seeds=(0,))]
    records += ran(tmp_path, III, 0.9, seeds=(0,))
    claims = (HELPS, replace(SAME, limit=50.0), BEST, TREND)
    found = judge_claims(table_of(tmp_path, records, claims=claims))
    assert words(found) == ["undecided at desk scale"] * 4
    assert all("1 seed, which says nothing of others" in each.sentence for each in found)
    assert found[0].p == 1


@pytest.mark.slow
def test_seeds_that_fail_as_a_whole_are_told(tmp_path):
    records = [
        *ran(tmp_path, II, 0.98, seeds=(0, 1)),
        *ran(tmp_path, II, 0.49, seeds=(2,)),
        *ran(tmp_path, PLAIN, 0.49),
    ]
    (found,) = judge_claims(table_of(tmp_path, records))
    assert f"seeds of {II} range from 4" in found.sentence
    assert "so intervals mean little" in found.sentence


def test_a_claim_of_rows_that_did_not_run_is_not_run(tmp_path):
    records = ran(tmp_path, II, 0.6)
    (found,) = judge_claims(table_of(tmp_path, records))
    assert found.word == "not run"
    assert found.sentence.startswith(f"{PLAIN}: no record; run the table")


@pytest.mark.slow
def test_only_seeds_that_both_rows_have_are_compared(table, tmp_path):
    results, records = table
    fewer = [each for each in records if each.trial["seed"] != 1]
    (found,) = judge_claims(table_of(results, [*fewer, *ran(tmp_path, II, 0.6, seeds=(1,))]))
    assert "2 seeds" in found.sentence
    other = [*ran(tmp_path, II, 0.6, seeds=(0,)), *ran(tmp_path, PLAIN, 0.3, seeds=(1,))]
    (found,) = judge_claims(table_of(results, other))
    assert found.word == "not comparable"
    assert found.sentence.startswith("the rows have no seed in common")


def test_rows_on_two_copies_of_the_data_are_not_compared(tmp_path):
    records = [*ran(tmp_path, II, 0.6), *ran(tmp_path, PLAIN, 0.3, passport="q")]
    (found,) = judge_claims(table_of(tmp_path, records))
    assert (found.word, found.estimate) == ("not comparable", None)


def test_what_other_code_made_is_stale(table):
    results, records = table
    again = table_of(results, [replace(each, code={"m": "old"}) for each in records])
    assert words(judge_claims(again)) == ["stale"]
    cells = judge_rows(again)
    assert cells[II].word == "stale"
    assert cells[II].sentence.startswith("3 of 3 records")


@pytest.mark.slow
def test_a_claim_changed_after_results_says_so(table):
    results, records = table
    declared = table_of(results, [], claims=(HELPS,))
    passports = {row.label: "p" for row in declared.rows}
    preregistration.preregister(declared, passports=passports)
    before = table_of(results, records, claims=(HELPS,))
    assert [each.is_post_hoc for each in judge_claims(before)] == [False]
    after = judge_claims(table_of(results, records, claims=(HELPS, SAME)))
    assert [each.is_post_hoc for each in after] == [False, True]
    assert after[1].sentence.endswith("; claim declared after the results")
    assert not judge_claims(table_of(results, [], claims=(SAME,)))[0].is_post_hoc


def test_desk_accuracies_are_shown_and_not_judged(table):
    cells = judge_rows(table_of(*table))
    assert {label for label, verdict in cells.items() if verdict.word == "desk scale"} == {
        PLAIN, II, III
    }  # fmt: skip
    assert cells["DSA at IV"].word == "not run"


def test_twins_of_desk_are_resampled_together(table):
    results, records = table
    right, clusters = right_on(table_of(results, records), HELPS)
    assert right.shape == (2, 3, VIDEOS)
    assert clusters[:4].tolist() == [0, 0, 1, 1]
    turned = [
        replace(each, trial=each.trial | {"data": each.trial["data"] | {"name": "other"}})
        for each in records
    ]
    assert right_on(table_of(results, turned, rescale=elsewhere), HELPS)[1] is None


def right_on(table, claim):
    return correct(table.results, [row.records for row in table.of(claim)], metric=claim.metric)


def elsewhere(trial):
    small = shrunk(trial)
    return replace(small, data=replace(small.data, name="other"))


@pytest.mark.parametrize("seed", [2, 10, 99])
def test_a_trial_that_was_left_is_interrupted(table, seed):
    results, records = table
    trial = replace(shrunk(ROWS["DSA at IV"].trial), seed=seed)
    (results / "work" / record.trial_key(trial, "p")).mkdir(parents=True)
    cells = judge_rows(table_of(results, records))
    assert cells["DSA at IV"].word == "interrupted"
    assert cells["DSA at I"].word == "not run"


def test_a_trial_that_was_left_with_a_seed_that_a_request_or_a_record_names_is_interrupted(table):
    results, records = table
    for seed, label in {5000: "DSA at IV", 6000: "DSA at I"}.items():
        trial = replace(shrunk(ROWS[label].trial), seed=seed)
        (results / "work" / record.trial_key(trial, "p")).mkdir(parents=True)
    wanted = replace(request(EXPERIMENT, results), seeds=(5000,))
    states = {row.label: row.state for row in collect(wanted, records).rows}
    assert (states["DSA at IV"], states["DSA at I"]) == ("interrupted", "not run")
    first = records[0]
    other = replace(first, trial={**first.trial, "seed": 6000})
    states = {row.label: row.state for row in collect(wanted, [*records, other]).rows}
    assert states["DSA at I"] == "interrupted"


def at_paper(tmp_path, shares, **how):
    return [
        each for label, s in shares.items() for each in ran(tmp_path, label, s, at="paper", **how)
    ]


def test_paper_accuracies_are_judged_in_order(tmp_path):
    records = at_paper(tmp_path, {II: 0.815, PLAIN: 0.6}, videos=5000)
    cells = judge_rows(table_of(tmp_path, records, at="paper", margin=5.0))
    assert cells[II].word == "reproduced"
    assert "paper 81.5: same within ± 5" in cells[II].sentence
    assert cells[PLAIN].word == "lower"
    assert cells["TSN R50 (2D)"].word == "not run"
    assert cells[II].sentence.endswith("; margin not declared before the results")


def test_a_row_that_the_paper_lacks_has_no_verdict_at_paper_scale(tmp_path):
    records = ran(tmp_path, "TSN R50 (2D)", 0.5, at="paper", videos=5000, seeds=(0,))
    assert "TSN R50 (2D)" not in judge_rows(table_of(tmp_path, records, at="paper"))


def test_too_few_videos_are_not_comparable(tmp_path):
    records = at_paper(tmp_path, {II: 0.8}, videos=4899, seeds=(0,))
    found = judge_rows(table_of(tmp_path, records, at="paper"))[II]
    assert found.word == "not comparable"
    assert "4,899 of 5,000 videos" in found.sentence


def at_hand(good, listed, changed=""):
    return {"listed": {"test": listed}, "good": {"test": good}, "changed": changed}


def test_a_comparable_cell_says_what_is_missing_and_what_was_read(tmp_path):
    copies = "training copies: short side 340, H.264"
    how = {"videos": 4950, "data": at_hand(4950, 5000, copies)}
    found = judge_rows(table_of(tmp_path, at_paper(tmp_path, {II: 0.815}, **how), at="paper"))[II]
    assert found.word == "reproduced"
    assert "; scored 4,950 of 5,000 videos; the whole list would give 8" in found.sentence
    assert f"; read as {copies}; margin" in found.sentence


def test_the_list_at_hand_counts_where_it_is_longer_than_the_published_one(tmp_path):
    records = at_paper(tmp_path, {II: 0.8}, videos=5000, data=at_hand(5000, 5200), seeds=(0,))
    found = judge_rows(table_of(tmp_path, records, at="paper"))[II]
    assert found.word == "not comparable"
    assert "scored 5,000 of 5,200 videos; the whole list would give 7" in found.sentence


def test_a_short_list_of_ones_own_is_no_test_of_the_paper(tmp_path):
    records = at_paper(tmp_path, {II: 0.8}, videos=100, data=at_hand(100, 100), seeds=(0,))
    found = judge_rows(table_of(tmp_path, records, at="paper"))[II]
    assert found.word == "not comparable"
    assert "scored 100 of 5,000 videos" in found.sentence


BOTH = tuple(
    replace(row, ensemble=(ROWS[III].trial,)) if row.label == II else row for row in EXPERIMENT.rows
)


def test_an_ensemble_has_the_fused_records_of_seeds_that_all_networks_have(tmp_path):
    records = [*ran(tmp_path, II, 0.6), *ran(tmp_path, III, 0.7, seeds=(0, 2))]
    table = table_of(tmp_path, records, rows=BOTH)
    (found,) = (row for row in table.rows if row.label == II)
    assert (found.state, found.seeds) == ("measured", {0, 2})
    assert [len(record.parts) for record in found.records] == [2, 2]
    on_disk = {record.key for record in records if record.trial["seed"] != 1}
    assert {record.key for record in table.records} == on_disk


def test_an_ensemble_without_one_of_its_networks_has_not_run(tmp_path):
    assert judge_rows(table_of(tmp_path, ran(tmp_path, II, 0.6), rows=BOTH))[II].word == "not run"


def test_an_ensemble_is_stale_if_a_network_of_it_is(tmp_path):
    old = [replace(record, code={"other": "code"}) for record in ran(tmp_path, III, 0.7)]
    table = table_of(tmp_path, [*ran(tmp_path, II, 0.6), *old], rows=BOTH)
    assert judge_rows(table)[II].word == "stale"


@pytest.mark.slow
def test_a_claim_about_an_ensemble_is_judged_by_its_fused_scores(tmp_path):
    records = [
        record
        for label, share in ((PLAIN, 0.5), (II, 0.8), (III, 0.8))
        for record in ran(tmp_path, label, share)
    ]
    claim = replace(HELPS, rows=(II, PLAIN))
    table = table_of(tmp_path, records, rows=BOTH, claims=(claim,))
    assert words(judge_claims(table)) == ["supported at desk scale"]


def by_class(results, records, **how):
    """Return a table that prints mean average precision."""
    claim = replace(HELPS, metric="map")
    rows = tuple(replace(row, published={"map": 60.0}) for row in EXPERIMENT.rows)
    return table_of(results, records, claims=(claim,), rows=rows, **how)


def test_mean_average_precision_is_judged_where_that_alone_is_printed(tmp_path):
    records = at_paper(tmp_path, {II: 0.8, PLAIN: 0.6}, videos=4950)
    known = by_class(tmp_path, records, at="paper")
    found = judge_rows(known)[II]
    assert found.word == "reproduced"
    assert found.sentence.startswith("60.0 ± ")
    assert "; scored 4,950 of 5,000 videos; margin" in found.sentence


def test_mean_average_precision_of_single_seeds_has_no_deviation_to_be_judged_by(tmp_path):
    records = at_paper(tmp_path, {II: 0.8, PLAIN: 0.6}, videos=4950)
    alone = [found for found in records if found.trial["seed"] == 0]
    assert len(alone) == 2
    found = judge_rows(by_class(tmp_path, alone, at="paper"))[II]
    assert found.word == "undecided"
    assert found.sentence.startswith("60.0 (1 seed), paper 60.0: no deviation of mean average")


def test_a_claim_of_mean_average_precision_is_left_open_with_its_numbers(tmp_path):
    (found,) = judge_claims(by_class(tmp_path, ran(tmp_path, II, 0.8) + ran(tmp_path, PLAIN, 0.6)))
    assert (found.word, found.estimate) == ("undecided at desk scale", None)
    assert found.sentence.startswith(f"{II} 60.0, {PLAIN} 60.0; a mean over classes is no share")


def test_a_comparison_of_which_nothing_ran_is_shown_as_printed(tmp_path):
    rows = (*EXPERIMENT.rows, Row(label="other work", trial=None, published={"top1": 1.0}))
    assert judge_rows(table_of(tmp_path, [], rows=rows, is_comparison=True)) == {}
    some = table_of(tmp_path, ran(tmp_path, II, 0.6), rows=rows)
    assert {verdict.word for verdict in judge_rows(some).values()} == {"desk scale", "not run"}


def test_an_own_run_says_where_batch_norm_saw_other_videos(tmp_path):
    def rescale(trial):
        return replace(shrunk(trial), scale="own")

    trial = replace(rescale(ROWS[II].trial), seed=0)
    known = table_of(tmp_path, [made(trial, top1=81.5)], at="own", rescale=rescale)
    found = judge_rows(known)[II]
    assert (found.word, found.estimate) == ("own run", None)
    assert found.sentence.endswith("printed one; batch norm over 8 videos, 12 in the recipe")


@pytest.mark.slow
def test_only_paper_scale_is_smaller_than_claimed(tmp_path):
    rows = tuple(
        replace(row, published={"top1": 98.0}) if row.label == II else row
        for row in EXPERIMENT.rows
    )
    records = at_paper(tmp_path, {II: 0.64, PLAIN: 0.6}, videos=5000)
    (found,) = judge_claims(table_of(tmp_path, records, at="paper", rows=rows))
    assert found.word == "supported, smaller than claimed"
    assert "printed: +20.0" in found.sentence
    at_desk = [*ran(tmp_path, II, 0.64, videos=5000), *ran(tmp_path, PLAIN, 0.6, videos=5000)]
    assert words(judge_claims(table_of(tmp_path, at_desk, rows=rows))) == [
        "supported at desk scale"
    ]


def test_costs_are_judged_without_a_record(tmp_path):
    found = judge_claims(collected(COSTS, [], tmp_path))
    assert words(found) == ["true", "true"]
    assert "83,839,421,440 and 83,837,304,832: +0.0025 %" in found[0].sentence
    assert found[1].estimate == pytest.approx(1.706, abs=0.001)
    assert judge_rows(collected(COSTS, [], tmp_path)) == {}


def test_total_cost_and_parameters_are_counts_too(tmp_path):
    total = Claim(text="t", kind="ratio", rows=(II, PLAIN), metric="total_gmacs", limit=1.0)
    params = Claim(text="p", kind="overhead", rows=(PLAIN, II), metric="params_m", limit=0.0)
    found = judge_claims(table_of(tmp_path, [], claims=(total, params)))
    assert words(found) == ["true", "true"]
    assert found[0].sentence.startswith("503,")
    assert found[1].sentence.startswith("32,044,296 and 32,044,368")


def test_a_row_has_the_records_of_its_seeds(table):
    (found,) = (row for row in table_of(*table).rows if row.label == II)
    assert list(found.records) == grid.records_of(ROWS[II].trial, table[1], rescale=shrunk)
    assert len(found.values) == 3
