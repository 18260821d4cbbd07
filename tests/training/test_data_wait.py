from types import SimpleNamespace

import pytest

from harness.training.data_wait import HIGH, advise, enough_workers, waited_share


def epoch(seconds, waited_s):
    return SimpleNamespace(seconds=seconds, waited_s=waited_s)


def test_the_share_is_of_the_time_of_all_epochs():
    assert waited_share([epoch(10.0, 1.0), epoch(30.0, 9.0)]) == 0.25
    assert waited_share([]) == 0
    assert waited_share([epoch(0.0, 0.0)]) == 0


@pytest.mark.parametrize(
    ("share", "workers", "needed"),
    [(0.61, 4, 11), (0.5, 8, 16), (0.75, 1, 4), (0.5, 0, 1), (0.8, 0, 4), (1.0, 2, 200)],
)
def test_enough_workers_load_as_fast_as_a_rank_trains(share, workers, needed):
    assert enough_workers(share, workers) == needed


def test_the_remedy_is_what_helps_on_this_machine():
    said = advise(0.61, workers=4, cores=12, can_copy=True)
    assert said == "make a training copy (harness data copy), or --workers 11"
    assert advise(0.61, workers=4, cores=12, can_copy=False) == "--workers 11"
    assert advise(0.61, workers=4, cores=8, can_copy=True).endswith("(harness data copy)")
    assert advise(0.61, workers=4, cores=8, can_copy=False) == ""


def test_a_low_share_needs_no_remedy():
    assert advise(HIGH - 0.01, workers=0, cores=64, can_copy=True) == ""
