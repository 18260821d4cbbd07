"""Sizes and passports of data sets, from what is there."""

import pytest

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import data
from harness.data import passport
from harness.data.datasets.desk_recipe import folder_name, recipe
from harness.data.passport import Passport
from harness.data.sizes import PUBLISHED, data_set_size, passport_digest
from harness.data.video import Video
from harness.specs import DataSpec
from tests.helpers.tiny_trials import TINY_DATA


def test_a_passport_is_that_of_the_data_set_itself(runtime, tiny_trial):
    known = data.load_passport(tiny_trial.data, runtime.data)
    assert passport_digest(tiny_trial.data, runtime.data) == known.digest


def test_a_passport_is_hashed_once_until_it_changes(tmp_path, tiny_trial, monkeypatch):
    monkeypatch.setattr("harness.utils.read_once._TICK_NS", -1)
    monkeypatch.setattr("harness.utils.read_once._SECOND_NS", -1)
    folder = tmp_path / folder_name(recipe(**tiny_trial.data.options))
    passport.write(folder / passport.FILE, passport.complete_passport({"train": []}))
    first = passport_digest(tiny_trial.data, tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(passport, "read", None)
        assert passport_digest(tiny_trial.data, tmp_path) == first
    passport.write(
        folder / passport.FILE, Passport(splits={}, listed={}, classes=("another passport",))
    )
    assert passport_digest(tiny_trial.data, tmp_path) != first


def test_data_that_are_not_there_have_no_passport_and_are_not_made(tmp_path):
    assert passport_digest(desk(EXPERIMENT.rows[0].trial).data, tmp_path) is None
    assert passport_digest(EXPERIMENT.rows[0].trial.data, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_passport_is_named(tmp_path, tiny_trial):
    folder = tmp_path / folder_name(recipe(**tiny_trial.data.options))
    folder.mkdir()
    (folder / "passport.json").write_text('{"train": [{}]}')
    with pytest.raises(ValueError, match=r"passport\.json is not a passport"):
        passport_digest(tiny_trial.data, tmp_path)


def test_sizes_are_generated_or_published():
    made = data_set_size(DataSpec(name="desk", options=TINY_DATA, num_classes=12))
    assert (made.train, made.test) == (24, 12)
    printed = data_set_size(DataSpec(name="mini_kinetics200", num_classes=200))
    assert (printed.train, printed.test) == (80_000, 5_000)
    assert PUBLISHED["something_v1"].test == 11_522
    assert PUBLISHED["activitynet"].train == 10_024
    with pytest.raises(
        ValueError, match="'ucf101' is unknown; known sizes: desk, desk_cue, kinetics400"
    ):
        data_set_size(DataSpec(name="ucf101", num_classes=101))


def test_the_size_of_a_data_set_of_ones_own_is_that_of_its_passport(tmp_path):
    mine, folder = DataSpec(name="mine", num_classes=1), tmp_path / "mine"
    videos = [Video(id=f"{n}", path=folder / f"{n}.mp4", labels=(0,), frames=9) for n in range(3)]
    listed = {"train": 4, "test": 2}
    known = Passport(splits={"train": videos[:2], "test": videos[2:]}, listed=listed)
    passport.write(folder / passport.FILE, known)
    size = data_set_size(mine, tmp_path)
    assert (size.train, size.test, size.listed) == (2, 1, listed)
    with pytest.raises(ValueError, match="those that `harness data check` has checked"):
        data_set_size(DataSpec(name="other", num_classes=1), tmp_path)


def test_what_the_lists_name_and_what_the_paper_had_stand_side_by_side():
    kinetics = PUBLISHED["kinetics400"]
    assert (kinetics.listed_train, kinetics.train) == (246_535, 240_436)
    assert kinetics.listed == {"train": 246_535, "test": 19_907}
    assert all(size.train <= size.listed_train for size in PUBLISHED.values())
