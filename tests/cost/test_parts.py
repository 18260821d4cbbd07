"""The part of a network that costs most."""

import pytest

import experiments
from harness.cost.largest_part import largest_part
from harness.cost.rows import listing, sentence

TABLES = ("kinetics400", "vov3d")


def row_of(table, label):
    (row,) = (row for row in experiments.load(table).rows if row.label.startswith(label))
    return row


def test_stages_of_a_residual_network_hold_what_their_shapes_say():
    """C2D ResNet-50: res4 has 6 of 16 blocks and most products; res5 has most parameters."""
    trials = row_of("table_b", "TSN R50 (2D)").trials
    macs, params = largest_part(trials, "multiply-adds"), largest_part(trials, "parameters")
    assert macs.name == "res4"
    assert macs.share == pytest.approx(0.36, abs=0.01)
    assert params.name == "res5"
    assert params.share == pytest.approx(14_964_736 / 23_917_832)


@pytest.mark.slow
def test_an_ensemble_has_the_parts_of_its_networks_together():
    ensemble = row_of("kinetics400", "DSA+I3D R50, (4+8)")
    alone = row_of("kinetics400", "DSA+I3D R50, 4 ").trials
    together = largest_part(ensemble.trials, "multiply-adds")
    assert together.name == largest_part(alone, "multiply-adds").name == "res4"
    assert together.share == pytest.approx(largest_part(alone, "multiply-adds").share, abs=0.01)


def test_a_network_within_a_network_is_shown_by_its_own_parts():
    assert largest_part(row_of("kinetics400", "Swin-T").trials, "multiply-adds").name == (
        "trunk.features.4"
    )


def test_a_row_names_the_largest_part_where_no_convention_meets_its_cost():
    for row in (row for table in TABLES for row in listing(experiments.load(table))):
        is_met = all(match["word"] != "different" for match in row["verdicts"].values())
        assert (row["largest_parts"] == []) is is_met
        assert is_met or "has the largest share of the counted multiply-adds, " in sentence(row)
