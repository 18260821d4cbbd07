"""What is read from the source, or from files, is what the modules themselves say."""

import json

import pytest

import experiments
from experiments.scales import SCALES, desk
from experiments.table_b import EXPERIMENT
from harness import data, source
from harness.cost import cache
from harness.data.datasets import desk as desk_videos
from harness.data.datasets import desk_recipe
from harness.data.sizes import PUBLISHED, passport, sizes
from harness.specs import DataSpec
from tests.helpers.tiny_trials import TINY_DATA

TRIALS = {
    f"{name}/{row.label}/{scale}": shrink(row.trial)
    for name in experiments.names()
    for row in experiments.load(name).rows
    for scale, shrink in SCALES.items()
    if row.trial is not None
}


def test_constants_and_defaults_are_read():
    assert source.constant("data.datasets.desk", "DESIGN") == desk_videos.DESIGN
    assert source.constant("data", "GENERATED") == data.GENERATED
    assert source.defaults("data.datasets.desk", "videos")["test_videos"] == 480


@pytest.mark.slow
def test_every_kept_count_is_what_the_network_counts():
    for sized in cache._distinct(TRIALS.values()):
        assert cache.in_training(sized) == cache.count_anew(sized), sized


def test_every_network_of_a_table_has_a_kept_count():
    wanted = {
        cache._key(sized) for each in TRIALS.values() for sized in (each, cache._tested(each))
    }
    assert wanted == set(json.loads(cache.PATH.read_bytes())), "run `harness recount`"


def test_what_is_not_kept_is_counted_anew(monkeypatch):
    kept = cache.in_training(TRIALS["table_b/DSA at II/desk"])
    monkeypatch.setattr(cache, "_kept", dict)
    assert cache.in_training(TRIALS["table_b/DSA at II/desk"]) == kept


def test_a_passport_is_that_of_the_data_set_itself(runtime, tiny_trial):
    known = data.known(tiny_trial.data, runtime.data)
    assert passport(tiny_trial.data, runtime.data) == known.digest


def test_data_that_are_not_there_have_no_passport_and_are_not_made(tmp_path):
    assert passport(desk(EXPERIMENT.rows[0].trial).data, tmp_path) is None
    assert passport(EXPERIMENT.rows[0].trial.data, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_passport_is_named(tmp_path, tiny_trial):
    folder = tmp_path / f"desk-{desk_recipe._folder(tiny_trial.data)}"
    folder.mkdir()
    (folder / "passport.json").write_text('{"train": [{}]}')
    with pytest.raises(ValueError, match=r"passport\.json is no passport"):
        passport(tiny_trial.data, tmp_path)


def test_sizes_are_generated_or_published():
    made = sizes(DataSpec(name="desk", options=TINY_DATA, num_classes=12))
    assert (made.train, made.test) == (24, 12)
    printed = sizes(DataSpec(name="mini_kinetics200", num_classes=200))
    assert (printed.train, printed.test) == (80_000, 5_000)
    assert PUBLISHED["something_v1"].test == 11_522
    assert PUBLISHED["activitynet"].train == 10_024
    with pytest.raises(ValueError, match="'ucf101' has is known of desk, mini_kinetics200"):
        sizes(DataSpec(name="ucf101", num_classes=101))
