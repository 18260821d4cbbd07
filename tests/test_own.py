"""A table on a user's own terms and data, end to end: a real run, real videos."""

import json
import shutil
from dataclasses import replace

import pytest

from harness import record
from harness.data import passport
from harness.data.datasets import desk
from harness.data.video import Timing
from tests import test_command
from tests.helpers.command_line import harness
from tests.helpers.tiny_trials import TINY_DATA

TERMS = ["--epochs", 1, "--width", 0.125, "--batch", 4, "--crop", 32]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a checked data set of 12 classes under a name of its own."""
    root = tmp_path_factory.mktemp("own")
    splits = desk.videos(root, **TINY_DATA)
    timed = {
        split: [replace(video, timing=Timing(unit="1/16", step="1")) for video in videos]
        for split, videos in splits.items()
    }
    names = tuple(f"class {index}" for index in range(12))
    known = replace(passport.complete_passport(timed), classes=names)
    passport.write(root / "my_videos" / passport.FILE, known)
    return root


def run(data, results, *words, command=harness):
    table = ["run", "table_b", "--rows", "DSA at II", "--seeds", 1, "--no-ray"]
    return command(*table, "--results", results, "--data", data, *words)


@pytest.mark.slow
def test_a_table_runs_on_ones_own_terms_and_is_never_judged_by_the_paper(data, tmp_path):
    own = ["--scale", "paper", "--on", "my_videos", *TERMS]
    done = run(data, tmp_path, *own, command=test_command.harness)
    assert done.returncode == 0, done.stderr
    (kept,) = record.read_all(tmp_path)
    assert (kept.trial["scale"], kept.trial["data"]["name"]) == ("own", "my_videos")
    assert kept.trial["data"]["num_classes"] == 12
    written = {path.name for path in (tmp_path / "tables").iterdir()}
    assert written == {f"table_b-own.{kind}" for kind in ("md", "csv", "tex", "claims.csv")}
    text = (tmp_path / "tables" / "table_b-own.md").read_text()
    (note,) = (line for line in text.splitlines() if line.startswith("- Changed, beside the paper"))
    for said in (
        "data.name my_videos for mini_kinetics200",
        "model.weights none for resnet50-0676ba61.pth",
        "train.lr 0.000625 for 0.015",
        "train.norm_videos none for 12",
    ):
        assert said in note
    assert "own run" in text
    assert "batch norm over 4 videos, 12 in the recipe" in text
    again = run(data, tmp_path, *own)
    assert "1 trial, 1 recorded, 0 to run" in again.stdout
    where = ["--results", tmp_path, "--data", data, "--json"]
    explained = json.loads(harness("explain", "table_b/II", *own, *where).stdout)
    assert list(explained["measured"]) == ["0"]
    (norm,) = (each for each in explained["deviations"] if each["subject"] == "batch norm over")
    assert (norm["ours"], norm["paper"]) == ("4 videos", "12 videos")
    shutil.rmtree(tmp_path / "mlflow")
    silent = harness("sync", *where[:-1])
    assert silent.stdout == "0 runs written\n"
    assert "of runs on your own terms: sent only with the options of their run" in silent.stderr
    sent = harness("sync", "--on", "my_videos", *TERMS, *where[:-1])
    assert sent.stdout.startswith("table_b at own scale: 1 trial sent\n"), sent.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--on", "my_videos", "--width", 0.3], "width 0.3 of 64 channels is 19.2, no whole"),
        (
            ["--on", "my_videos", "--batch", 25],
            "my_videos has 24 training videos, less than a batch of 25",
        ),
        (["--on", "my_videos"], "my_videos has 24 training videos, less than a batch of 96"),
        (["--on", "my_video"], "unknown data set 'my_video'; did you mean 'my_videos'?"),
        (["--on", "kinetics400"], "kinetics400 has no passport: "),
        (["--on", "desk"], "--on desk: these videos are generated for --scale desk; use that"),
        (["--epochs", 1], "mini_kinetics200 has no passport: "),
        (["--crop", 8], "8 is not in the range x>=32"),
    ],
)
def test_terms_that_cannot_be_met_get_one_sentence(data, tmp_path, words, message):
    done = run(data, tmp_path, "--scale", "paper", *words)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 2
    assert not (tmp_path / "tables").exists()


def test_terms_change_the_paper_scale_only(data, tmp_path):
    done = run(data, tmp_path, "--width", 0.5)
    assert "--width changes a table at paper scale: add --scale paper" in done.stderr
    assert done.returncode == 2


def test_a_data_set_that_is_not_here_is_asked_for_before_weights_are(tmp_path):
    done = run(tmp_path, tmp_path, "--scale", "paper")
    path = tmp_path / "mini_kinetics200" / "passport.json"
    assert done.stderr == (
        f"harness: mini_kinetics200 has no passport: {path} is missing; run `harness data check "
        f"mini_kinetics200 --root FOLDER --data {tmp_path}`\n"
    )
    assert done.returncode == 2
