import pytest

import experiments
from harness.plan import row_lookup


@pytest.mark.parametrize(
    ("table", "typed", "label"),
    [
        ("table_a", "DSA+I3D-R18", "DSA+I3D R18, 4 × 4"),
        ("table_a", "dsa+i3d r18, 4x4", "DSA+I3D R18, 4 × 4"),
        ("table_a", "16x1", "I3D R18, 16 × 1"),
        ("table_a", "v4d", "V4D+I3D R18, 4 × 4"),
        ("table_b", "II", "DSA at II"),
        ("table_b", "dsa_at_i", "DSA at I"),
        ("table_c", "alpha=2", "α = 2"),
        ("table_e", "β=1", "β = 1"),
        ("table_e", "beta 1/2", "β = 1/2"),
        ("table_f", "5 blocks", "res3+4, 5 blocks"),
        ("table_h", "i3dr18", "I3D R18"),
    ],
)
def test_a_row_is_found_as_a_hand_types_it(table, typed, label):
    assert row_lookup.find_row(experiments.load(table), typed).label == label


@pytest.mark.parametrize("name", experiments.names())
def test_every_label_is_its_own_row(name):
    experiment = experiments.load(name)
    assert [row_lookup.find_row(experiment, row.label) for row in experiment.rows] == [
        *experiment.rows
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("I3D R18", r"matches several rows of table_a: I3D R18, 4 × 1; I3D R18, 16 × 1; TSN\+I3D"),
        ("DSA+I3D R19, 4 × 4", "unknown row of table_a.*did you mean 'DSA.I3D R18, 4 × 4'"),
        ("zzz", "choose from DSA.I3D R18, 4 × 4, Fixed kernels.I3D R18, 4 × 4, I3D R18"),
        ("", "unknown row of table_a ''"),
        ("v", "unknown row of table_a 'v'"),
    ],
)
def test_a_row_that_fits_none_or_several_gets_candidates(typed, said):
    with pytest.raises(ValueError, match=said):
        row_lookup.find_row(experiments.load("table_a"), typed)
