"""Records are held to the counts that tables show."""

from dataclasses import replace

import pytest

from harness import trial
from harness.cost import cache, sound


@pytest.mark.slow
def test_a_record_is_sound_where_test_crops_are_larger_than_those_of_training(
    tiny_trial, runtime, monkeypatch
):
    views = replace(tiny_trial.evaluation, crop_px=24, short_side_px=24)
    larger = replace(tiny_trial, evaluation=views)
    kept = {cache._key(larger): cache.count_anew(larger)}
    monkeypatch.setattr(cache, "_kept", lambda: kept)
    done = trial.run(larger, runtime, lambda history: None)
    sound.check(runtime.results, [done])
    assert sound.read_sound(runtime.results, done.key) == done
