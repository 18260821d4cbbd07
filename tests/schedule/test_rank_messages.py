"""What ranks tell, and what the one who waits for them passes on."""

import json
import time
from dataclasses import replace
from functools import partial

import pytest

from harness import trial
from harness.schedule import rank_messages
from harness.schedule.rank_messages import RankError


@pytest.fixture
def two(runtime):
    return replace(runtime, ranks=2)


@pytest.mark.slow
def test_epochs_that_nobody_saw_are_passed_on_from_the_record(tiny_trial, two):
    heard = []
    found = rank_messages.wait_for_ranks(
        rank_messages.make_folder(tiny_trial, two),
        two.results,
        lambda history, _: heard.append(len(history)),
        # It leaves no history, and clears its folder, as rank 0 does at its end.
        start=lambda: trial.run(tiny_trial, two, lambda _: None),
        end=lambda: None,
    )
    assert heard == [2]
    assert len(found.history) == 2


def dies(folder, text=""):
    """Stand for ranks of which one dies; one may say why."""
    if text:
        (folder / "failure.txt").write_text(text)
    raise RankError("rank 1 was killed by signal 9")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [("", RankError, "rank 1 was killed"), ("no such video", ValueError, "no such video")],
)
def test_the_word_of_a_rank_comes_before_how_it_ended(tiny_trial, two, text, error, message):
    folder = rank_messages.make_folder(tiny_trial, two)
    (folder / "failure.txt").write_text("of an attempt before")
    start = partial(dies, folder, text)
    with pytest.raises(error, match=message):
        rank_messages.wait_for_ranks(
            folder, two.results, lambda *_: None, start=start, end=lambda: None
        )


def test_a_stop_ends_the_ranks_and_waits_for_them(tiny_trial, two):
    folder, ended = rank_messages.make_folder(tiny_trial, two), []
    body = {"history": [], "where": "here"}

    def start():
        (folder / "history.json").write_text(json.dumps(body))
        while not ended:
            time.sleep(0.05)

    def stop(history, where):
        assert (history, where) == ([], "here")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rank_messages.wait_for_ranks(
            folder, two.results, stop, start=start, end=partial(ended.append, True)
        )
    assert ended == [True]


def test_a_batch_that_ranks_cannot_share_is_refused(tiny_trial, runtime):
    with pytest.raises(ValueError, match="is not a multiple of the 3 ranks"):
        rank_messages.make_folder(tiny_trial, replace(runtime, ranks=3))
