"""What is read from the source, or from files, is what the modules themselves say."""

import json

import pytest

import experiments
from experiments.scales import SCALES, desk
from experiments.table_b import EXPERIMENT
from harness import copies, counted, data, source
from harness.data import desk as desk_videos
from harness.specs import DataSpec
from tests.tiny import TINY_DATA

TRIALS = {
    f"{name}/{row.label}/{scale}": shrink(row.trial)
    for name in experiments.names()
    for row in experiments.load(name).rows
    for scale, shrink in SCALES.items()
    if row.trial is not None
}


def test_constants_and_defaults_are_read():
    assert source.constant("data.desk", "DESIGN") == desk_videos.DESIGN
    assert source.constant("data", "GENERATED") == data.GENERATED
    assert source.defaults("data.desk", "videos")["test_videos"] == 480


@pytest.mark.slow
def test_every_kept_count_is_what_the_network_counts():
    for sized in counted._distinct(TRIALS.values()):
        assert counted.in_training(sized) == counted.count_anew(sized), sized


def test_every_network_of_a_table_has_a_kept_count():
    wanted = {
        counted._key(sized) for each in TRIALS.values() for sized in (each, counted._tested(each))
    }
    assert wanted == set(json.loads(counted.PATH.read_bytes())), "run `harness recount`"


def test_what_is_not_kept_is_counted_anew(monkeypatch):
    kept = counted.in_training(TRIALS["table_b/DSA at II/desk"])
    monkeypatch.setattr(counted, "_kept", dict)
    assert counted.in_training(TRIALS["table_b/DSA at II/desk"]) == kept


def test_a_passport_is_that_of_the_data_set_itself(runtime, tiny_trial):
    known = data.known(tiny_trial.data, runtime.data)
    assert copies.passport(tiny_trial.data, runtime.data) == known.digest


def test_data_that_are_not_there_have_no_passport_and_are_not_made(tmp_path):
    assert copies.passport(desk(EXPERIMENT.rows[0].trial).data, tmp_path) is None
    assert copies.passport(EXPERIMENT.rows[0].trial.data, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_passport_is_named(tmp_path, tiny_trial):
    folder = tmp_path / f"desk-{copies._folder(tiny_trial.data)}"
    folder.mkdir()
    (folder / "passport.json").write_text('{"train": [{}]}')
    with pytest.raises(ValueError, match=r"passport\.json is no passport"):
        copies.passport(tiny_trial.data, tmp_path)


def test_sizes_are_generated_or_published():
    made = copies.sizes(DataSpec(name="desk", options=TINY_DATA, num_classes=12))
    assert (made.train, made.test) == (24, 12)
    printed = copies.sizes(DataSpec(name="mini_kinetics200", num_classes=200))
    assert (printed.train, printed.test) == (80_000, 5_000)
    assert copies.PUBLISHED["something_v1"].test == 11_522
    assert copies.PUBLISHED["activitynet"].train == 10_024
    with pytest.raises(ValueError, match="'ucf101' has is known of desk, mini_kinetics200"):
        copies.sizes(DataSpec(name="ucf101", num_classes=101))
