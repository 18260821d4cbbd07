"""The measurements of docs/performance.md, at sizes that take no time."""

import json
import subprocess
import sys

import pytest
import torch

from benchmarks import dsa, mix_forms, paired
from harness.zoo.layers.dynamic import SnippetMix

CPU = torch.device("cpu")
TINY = dsa.places(tiny=True)[0]


@pytest.mark.slow
def test_the_command_measures_operator_and_network():
    words = [sys.executable, "-m", "benchmarks", "dsa", "--tiny", "--pairs", "2", "--crop", "16"]
    done = subprocess.run([*words, "--json"], capture_output=True, text=True, check=True)
    measured = json.loads(done.stdout)
    assert [row["stage"] for row in measured["operator"]] == ["res3"]
    assert measured["network"]["ratio"] > 0
    assert done.stderr.startswith("operator 1/1: res3")
    assert len(dsa.text(measured).splitlines()) == 12


def test_the_places_are_those_of_the_final_setting():
    places = dsa.places(tiny=False)
    shapes = {(place.channels, place.mixed, place.size_px) for place in places}
    assert shapes == {(128, 16, 28), (128, 128, 28), (256, 32, 14), (256, 256, 14)}
    assert len(places) == 16


@pytest.mark.parametrize("mixed", [16, 2])
def test_both_forms_of_the_operator_agree(mixed):
    place = dsa.Place(stage="res3", channels=16, mixed=mixed, size_px=7, videos=3, frames=4)
    assert dsa.operator(place, dsa.Setting(pairs=2))["difference"] < 1e-5


def test_written_out_sums_are_the_operator_and_copies_move_what_it_must():
    x, taps, upstream = (
        torch.randn(shape, dtype=torch.float64)
        for shape in ((2, 5, 3, 2, 4, 4), (2, 3, 3), (2, 5, 3, 2, 4, 4))
    )
    mix = SnippetMix(5, kernel_size=3).double()
    ours, theirs = (
        mix_forms.pass_through(form, x, taps, upstream) for form in (mix_forms.sums, mix)
    )
    assert dsa.largest_difference(ours, theirs) < 1e-12
    forms = mix_forms.other_forms(mix, (x, taps, upstream), is_compiled=False)
    assert list(forms) == ["copies"]
    assert [one.shape for one in forms["copies"]()] == [ours[0].shape, ours[1].shape]


def test_a_difference_is_relative_to_the_largest_value():
    ours, theirs = torch.tensor([1.0, 3.0]), torch.tensor([1.0, 4.0])
    assert dsa.largest_difference((theirs, ours), (theirs, theirs)) == 0.25


def test_extra_memory_is_the_peak_beyond_what_is_returned():
    def action():
        first = torch.ones(1_000_000)
        second = first + 1
        third = second * 2
        del first, second
        return (third,)

    assert paired.extra_bytes(action, CPU) == pytest.approx(8e6, rel=1e-3)


@pytest.mark.slow
def test_a_ratio_is_the_first_over_the_second():
    def slow():
        return [torch.ones(100) + 1 for _ in range(2000)]

    def fast():
        return [torch.ones(100) + 1 for _ in range(100)]

    compared = paired.compare(slow, fast, pairs=5, device=CPU)
    low, high = compared.quartiles
    assert 2 < low <= compared.ratio <= high
    assert compared.extra_mb[0] < 1


def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device cuda:99: this machine has"):
        dsa.run(dsa.Setting(device="cuda:99"), print)
