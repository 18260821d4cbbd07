"""Rows that records serve."""

from dataclasses import replace

import pytest

import experiments
from experiments.scales import Changes, own
from harness.exchange import places
from harness.exchange.places import Places, freshness, identity
from harness.specs import as_dict
from tests.helpers.results_folders import add_record, row_trial

TABLES = places.all_tables()


def named(record):
    return {(place.table, place.row) for place in Places(TABLES).of(record)}


def test_a_shared_trial_serves_every_row_of_every_table_that_needs_it(tmp_path):
    found = named(add_record(tmp_path, row_trial("table_h/DSA+I3D R50")))
    needed = {
        (table.name, row.label)
        for table in TABLES
        for row in table.rows
        for trial in row.trials
        if table.trains
        and as_dict(row_trial("table_h/DSA+I3D R50")) == as_dict(experiments.scales.desk(trial))
    }
    assert found == needed
    assert len({table for table, _ in found}) > 2


def test_no_record_of_a_table_is_without_its_row(tmp_path):
    index = Places(TABLES)
    for table in TABLES:
        for row in table.rows if table.trains else ():
            for trial in row.trials:
                for scaled in (trial, experiments.scales.desk(trial)):
                    assert (table.name, row.label) in {
                        (place.table, place.row)
                        for place in index.by_trial[identity(as_dict(scaled))]
                    }


def test_the_networks_of_an_ensemble_are_numbered(tmp_path):
    (row,) = (row for row in experiments.load("kinetics400").rows if row.ensemble)
    served = [
        place
        for trial in row.trials
        for place in Places(TABLES).of(add_record(tmp_path, experiments.scales.desk(trial)))
        if place.row == row.label
    ]
    assert {(place.network, place.networks) for place in served} == {(0, 2), (1, 2)}


@pytest.mark.parametrize(
    "changes",
    [
        Changes(epochs=5),
        Changes(epochs=50),
        Changes(batch=16, crop=112),
        Changes(width=0.25),
        Changes(on="my_videos", num_classes=3, epochs=7, width=0.5, batch=8, crop=96),
    ],
)
@pytest.mark.parametrize("place", ["table_b/DSA at II", "table_a/I3D R18, 4 × 1"])
def test_a_run_on_own_terms_serves_the_row_that_it_changes(tmp_path, changes, place):
    trial = own(changes)(row_trial(place, scale="paper"))
    assert tuple(place.split("/")) in named(add_record(tmp_path, trial))


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        ("desk", Changes(smoke=True)),
        ("desk", Changes(smoke=True, epochs=3)),
        ("desk", Changes(smoke=True, lr=0.123)),
        ("desk", Changes(epochs=5)),
        ("desk", Changes(epochs=5, lr=0.123)),
        ("desk", Changes(lr=0.123)),
        ("desk", Changes(lr=0.05)),  # as it is without
        ("paper", Changes(lr=0.123)),
        ("paper", Changes(batch=16, lr=0.123)),
        ("paper", Changes(epochs=5, from_scratch=True)),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "place", ["table_b/DSA at II", "table_a/I3D R18, 4 × 1", "static_or_dynamic/DSA, last layer"]
)
def test_the_terms_of_a_row_are_found_again_at_any_scale(tmp_path, base, changes, place):
    trial = own(changes, base)(row_trial(place, scale="paper"))
    served = Places(TABLES).own_places(add_record(tmp_path, trial))
    own_place = next(own for own in served if str(own.place) == place)
    again = own(own_place.changes, own_place.base)(row_trial(place, scale="paper"))
    assert again == trial
    assert own_place.base == base


def test_a_trial_that_no_row_needs_serves_none(tmp_path):
    trial = row_trial()
    other = replace(trial, train=replace(trial.train, lr=0.123))
    assert named(add_record(tmp_path, other)) == set()
    other = replace(trial, train=replace(trial.train, weight_decay=0.123))
    assert named(add_record(tmp_path, replace(other, scale="own"))) == set()


def test_numbers_that_are_equal_name_one_trial():
    plain = as_dict(row_trial())
    other = plain | {"train": plain["train"] | {"clip_grad_norm": 40.0}}
    assert identity(plain) == identity(other)


def test_freshness_tells_other_code_from_unknown_networks(tmp_path):
    made = add_record(tmp_path)
    assert freshness(made) == "fresh"
    assert freshness(replace(made, code={"run": "0"})) == "stale"
    model = made.trial["model"]
    unknown = made.trial | {"model": model | {"backbone": "resnet9000"}}
    assert freshness(replace(made, trial=unknown)) == "unknown"
    older = made.trial | {"model": model | {"field_of_old": 1}}
    assert freshness(replace(made, trial=older)) == "stale"
