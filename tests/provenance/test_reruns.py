"""Records of the same trials in two folders."""

import hashlib
from dataclasses import replace

import pytest

from harness.provenance import reruns
from harness.record import read_all, write
from tests.test_command import harness
from tests.test_record import PROVENANCE, TRIAL, made

SCORES = b"scores"


def record(seed=0, *, top1=50.0, scores="a", **provenance):
    return replace(
        made(replace(TRIAL, seed=seed), top1=top1),
        scores_sha256=hashlib.sha256(scores.encode()).hexdigest(),
        provenance={**PROVENANCE, **provenance},
    )


def test_equal_scores_are_equal_to_the_last_bit():
    same = reruns.compare([record(0), record(1)], [record(1), record(0)])
    assert [rerun.is_equal for rerun in same.reruns] == [True, True]
    assert same.provenance == {}
    assert reruns.text(same).endswith("2 trials in both folders, 2 equal to the last bit.")


def test_a_rerun_that_deviates_shows_how_far_and_on_what():
    found = reruns.compare(
        [record(0, instruction_set="AVX512"), record(1, instruction_set="AVX512"), record(2)],
        [
            record(0, top1=50.5, scores="b", instruction_set="AVX2"),
            record(1, instruction_set="AVX2"),
        ],
    )
    assert [rerun.is_equal for rerun in found.reruns] == [False, True]
    assert found.provenance == {"instruction_set": ("AVX512", "AVX2")}
    text = reruns.text(found)
    assert "top-1 differs by 0.25 points on average, 0.50 at most" in text
    assert "instruction_set: AVX512; AVX2" in text


def test_what_an_older_record_lacks_is_said():
    found = reruns.compare([record(0)], [record(0, threads=1)])
    assert found.provenance == {"threads": ("not recorded", "1")}


def test_folders_without_a_common_trial_are_refused():
    with pytest.raises(ValueError, match="no trial in common"):
        reruns.compare([record(0)], [record(1)])


def test_the_command_compares_two_folders(tmp_path):
    for name, top1 in (("one", 50.0), ("two", 51.0)):
        write(tmp_path / name, record(0, top1=top1, scores=name), SCORES)
    assert len(read_all(tmp_path / "one")) == 1
    done = harness("diff", tmp_path / "two", "--results", tmp_path / "one")
    assert done.returncode == 0
    assert "1.00 points on average" in done.stdout
    alone = harness("diff", tmp_path / "two", "--results", tmp_path / "none")
    assert alone.returncode == 2
    assert "no trial in common" in alone.stderr
