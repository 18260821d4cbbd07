"""Two results folders, compared row by row."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.scales import Changes, own
from harness import record
from harness.cli.main import app
from harness.exchange import diff, diff_text
from harness.exchange.places import all_tables
from tests.helpers.results_folders import add_record, row_trial

TABLES = all_tables()
VIDEOS = 400


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "one", tmp_path / "two % 2"


def right(share, seed=0):
    """Return videos that are right at random, in twins."""
    return np.repeat(np.random.default_rng(seed).random(VIDEOS // 2) < share, 2).tolist()


def fill(folder, shares, **how):
    return [
        add_record(folder, seed=seed, right=right(share, seed), **how)
        for seed, share in enumerate(shares)
    ]


def row_of(found, label="table_b/DSA at II"):
    (row,) = (row for row in found.rows if label in row.rows)
    return row


def compared(folders, **how):
    return diff.compare(*folders, tables=TABLES, **how)


def test_equal_scores_are_equal_to_the_last_bit_whatever_the_machine(folders):
    fill(folders[0], [0.5, 0.6], provenance={"instruction_set": "AVX512"})
    fill(folders[1], [0.5, 0.6], provenance={"instruction_set": "AVX2", "threads": 1})
    found = compared(folders)
    assert (row_of(found).word, found.code) == ("equal", 0)
    assert found.provenance == {
        "instruction_set": ("AVX512", "AVX2"),
        "threads": ("not recorded", "1"),
    }
    text = diff_text.text(found)
    assert "Trials: 2 in both folders, 2 equal to the last bit." in text
    assert "  = table_c/α = 2" in text


def test_scores_that_differ_in_one_bit_are_not_equal(folders):
    fill(folders[0], [0.5])
    made = add_record(folders[1], right=[not right(0.5)[0], *right(0.5)[1:]])
    found = compared(folders)
    assert row_of(found).word == "undecided"  # a single run
    assert found.code == 1
    assert row_of(found).trials[0].keys == (made.key, made.key)
    assert "top-1 differs by 0.25 points on average, 0.25 at most" in diff_text.text(found)


@pytest.mark.parametrize(
    ("shares", "within", "word", "code"),
    [
        ([0.5, 0.5, 0.5], 10.0, "same within ± 10", 0),
        ([0.9, 0.9, 0.9], None, "not the same", 1),
        ([0.5, 0.5, 0.9], None, "undecided", 1),
    ],
)
def test_rows_are_judged_in_the_words_of_the_statistics(folders, shares, within, word, code):
    fill(folders[0], [0.5, 0.5, 0.5])
    for seed, share in enumerate(shares):
        other = right(share, seed)
        add_record(folders[1], seed=seed, right=[not other[0], not other[1], *other[2:]])
    found = compared(folders, margin=within)
    assert (row_of(found).word, found.code) == (word, code)


def test_the_difference_is_the_second_minus_the_first(folders):
    fill(folders[0], [0.2, 0.3])
    fill(folders[1], [0.8, 0.9])
    row, turned = row_of(compared(folders)), row_of(compared(folders[::-1]))
    assert row.estimate > 0
    ends = (turned.estimate, turned.low, turned.high)
    assert ends == pytest.approx((-row.estimate, -row.high, -row.low))


@pytest.mark.slow
def test_a_row_of_another_recipe_is_compared_and_its_change_named(folders):
    trial = row_trial()
    fill(folders[0], [0.5, 0.6])
    other = replace(trial, scale="own", train=replace(trial.train, lr=0.07))
    fill(folders[1], [0.5, 0.6], trial=other)
    with pytest.raises(ValueError, match="no trial and no row in common"):
        compared(folders)  # no table has such a row
    paper = row_trial(scale="paper")
    for folder, epochs in zip(folders, (5, 6), strict=True):
        fill(folder, [0.5, 0.6], trial=own(Changes(epochs=epochs))(paper))
    row = row_of(compared(folders))
    assert (row.word, row.scale) == ("equal", "own")
    assert "train.epochs 6 for 5" in row.changed


@pytest.mark.slow
def test_own_terms_of_two_scales_are_compared_each_with_its_own(folders):
    paper = row_trial(scale="paper")
    for folder, epochs in zip(folders, (5, 6), strict=True):
        for base in ("desk", "paper"):
            fill(folder, [0.5, 0.6], trial=own(Changes(epochs=epochs), base)(paper))
    changed = [row.changed for row in compared(folders).rows if "table_b/DSA at II" in row.rows]
    assert len(changed) == 2
    assert all("train.epochs 6 for 5" in text for text in changed)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"passport": "q" * 64}, "different copies of the data"),
        ({"seed": 5}, "no seed in common: 0 and 5"),
    ],
)
def test_what_cannot_be_compared_says_why(folders, how, sentence):
    add_record(folders[0], right=right(0.5))
    add_record(folders[1], right=right(0.5), **how)
    found = compared(folders)
    assert (row_of(found).word, found.code) == ("not comparable", 2)
    assert sentence in row_of(found).sentence


def test_a_difference_counts_more_than_what_cannot_be_compared(folders):
    tsn = row_trial("table_b/TSN+I3D R50")
    fill(folders[0], [0.2, 0.2])
    fill(folders[1], [0.9, 0.9])
    add_record(folders[0], tsn, seed=0)
    add_record(folders[1], tsn, seed=1)
    assert compared(folders).code == 1


def test_rows_of_one_folder_are_listed_and_refused_in_a_table_that_is_named(folders):
    fill(folders[0], [0.5])
    fill(folders[1], [0.5])
    add_record(folders[1], row_trial("table_b/TSN+I3D R50"))
    found = compared(folders)
    assert (found.code, found.only_first) == (0, ())
    assert [label.partition("/")[2] for label in found.only_second] == ["TSN+I3D R50, desk"]
    named = compared(folders, only=["table_b"])
    assert named.code == 2
    assert row_of(named, "table_b/TSN+I3D R50").sentence == f"in {folders[1]} alone"
    with pytest.raises(ValueError, match="in common"):
        compared(folders, only=["activitynet"])


def test_damaged_scores_are_named(folders):
    fill(folders[0], [0.5])
    (made,) = fill(folders[1], [0.6])
    path = record.scores_path(folders[1], made)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=path.name):
        compared(folders)


def diff_command(*words):
    return CliRunner().invoke(app, ["diff", *map(str, words)])


@pytest.mark.slow
def test_the_command_prints_json_and_ends_with_the_code(folders):
    fill(folders[0], [0.2, 0.2])
    fill(folders[1], [0.9, 0.9])
    done = diff_command(*folders, "--json")
    body = json.loads(done.stdout)
    assert (done.exit_code, body["code"], body["rows"][0]["word"]) == (1, 1, "not the same")
    assert body["rows"][0]["trials"][1]["seed"] == 1
    as_before = diff_command(folders[1], "--results", folders[0], "--within", "100")
    assert as_before.exit_code == 0
    assert "same within ± 100" in as_before.output


def test_mistakes_of_the_command_are_refused(folders):
    fill(folders[0], [0.5])
    for words in ([folders[0], folders[0], folders[0]], [folders[0] / "none"], []):
        assert diff_command(*words).exit_code == 2
    empty = diff_command(folders[0], folders[0].parent)
    assert "not a results folder" in str(empty.exception)
