"""Given weights in the networks of rows: what fits, and every way not to fit."""

from dataclasses import replace

import pytest
import torch

import experiments
from experiments.scales import Changes, own
from harness.specs import ModelSpec, Trial
from harness.zoo.given_weights import OWN_FAMILY, load_given
from tests.helpers import golden_cases


def thin_row(table: str, label: str) -> Trial:
    """Return the trial of a row with an eighth of the channels, for the 12 classes of the cases."""
    (row,) = (row for row in experiments.load(table).rows if row.label == label)
    trial = own(Changes(width=1 / 8))(row.trial)
    return replace(trial, data=replace(trial.data, num_classes=12))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "table", "label", "family"),
    [
        ("dsanet_i3d_r18_res_2", "table_a", "DSA+I3D R18, 4 × 4", "dsanet"),
        ("tsm_r50_8f", "table_g", "TSM R50", "tsm"),
    ],
)
def test_a_released_file_is_recognised_in_the_row_of_its_network(case, table, label, family):
    trial, tensors = thin_row(table, label), golden_cases.thin(case)
    for named in (None, family):
        given = load_given(tensors, trial.model, trial.data, family=named)
        assert (given.family, given.num_tensors) == (family, len(tensors))
    state = given.net.state_dict()
    again = load_given(state, trial.model, trial.data)
    assert again.family == OWN_FAMILY
    assert all(torch.equal(again.net.state_dict()[name], state[name]) for name in state)


def test_the_position_of_a_module_comes_from_the_row():
    trial = thin_row("table_a", "DSA+I3D R18, 4 × 4")
    for position in ("before_conv1", "after_conv2"):
        model = replace(trial.model, position=position)
        given = load_given(golden_cases.thin("dsanet_i3d_r18_res_2"), model, trial.data)
        assert hasattr(given.net.res3[1].slots, position)


def test_shifts_that_the_names_show_are_not_lost_in_a_row_without_them():
    trial = thin_row("table_g", "TSM R50")
    plain = replace(trial.model, backbone="resnet50")
    with pytest.raises(ValueError, match="file is of tsm_resnet50, the row of resnet50"):
        load_given(golden_cases.thin("tsm_r50_8f"), plain, trial.data)


@pytest.mark.slow
def test_a_2d_network_is_never_inflated_for_scoring():
    trial = thin_row("table_g", "TSM R50")
    flat = load_given(golden_cases.thin("tsm_r50_8f"), trial.model, trial.data).net.state_dict()
    inflated = replace(trial.model, backbone="i3d_resnet50")
    with pytest.raises(
        ValueError, match=r"\(32, 64, 1, 1, 1\), in the network \(32, 64, 3, 1, 1\)"
    ):
        load_given(flat, inflated, trial.data)
    pictures = {name: w.squeeze(2) if w.ndim == 5 else w for name, w in flat.items()}
    load_given(pictures, trial.model, trial.data)
    with pytest.raises(ValueError, match="is a 2D kernel, in the network of the row it is 3D"):
        load_given(pictures, inflated, trial.data)


def test_a_file_of_nothing_known_is_refused():
    trial = thin_row("table_g", "TSM R50")
    with pytest.raises(ValueError, match="0 of the 1 tensors are those of tsm_resnet50"):
        load_given({"w": torch.zeros(1)}, trial.model, trial.data)
    with pytest.raises(ValueError, match="unknown family of checkpoints 'tms'; did you mean 'tsm'"):
        load_given({}, ModelSpec(backbone="resnet18"), trial.data, family="tms")
