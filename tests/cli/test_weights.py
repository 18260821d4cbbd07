"""Commands about weights, as a user meets them, in this process."""

import json
import shutil

import pytest
from click import UsageError

from harness import record
from harness.cli.main import app
from harness.cli.options import trial_of
from harness.data import passport
from harness.data.datasets import desk
from harness.plan.workspace import find_table_row
from harness.weights.prediction import class_names
from tests.helpers.released_weights import released
from tests.helpers.tiny_trials import TINY_DATA

ROW = "table_a/DSA+I3D R18"
TERMS = ["--width", "0.125", "--crop", "32"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Return a folder of 12 classes of videos, without splits."""
    root = tmp_path_factory.mktemp("videos")
    made = desk.videos(tmp_path_factory.mktemp("made"), **TINY_DATA)["test"]
    for video in made:
        folder = root / f"class_{video.label:02}"
        folder.mkdir(exist_ok=True)
        shutil.copy(video.path, folder / f"{video.path.name}")
    return root


def call(capsys, *words):
    app([str(word) for word in words], standalone_mode=False)
    return capsys.readouterr().out


def evaluate(capsys, tmp_path, *words):
    folders = ["--results", tmp_path / "results", "--data", tmp_path / "data"]
    return call(capsys, "evaluate", ROW, *TERMS, *folders, *words)


@pytest.mark.slow
def test_given_weights_are_scored_on_all_videos_of_a_folder(videos, tmp_path, capsys):
    shown = evaluate(
        capsys, tmp_path, "--weights", released(tmp_path), "--folder", videos, "--on", "mine"
    )
    assert "given weights, not trained here" in shown
    assert "12 of 12 listed, mine" in shown
    assert "own run" in shown
    assert set(passport.read(tmp_path / "data" / "mine" / passport.FILE).splits) == {"test"}
    (path,) = (tmp_path / "results" / "given" / "records").glob("*.json")
    assert path.stem in shown
    assert record.read_all(tmp_path / "results") == []
    again = evaluate(capsys, tmp_path, "--weights", released(tmp_path), "--on", "mine", "--json")
    body = json.loads(again)
    assert (body["key"], body["file"]["family"]) == (path.stem, "dsanet")
    assert body["verdict"] == "own run"
    with pytest.raises(ValueError, match="checked with its test split alone"):
        call(
            capsys,
            *("run", "table_a", "--scale", "paper", "--on", "mine", "--no-ray"),
            *("--results", tmp_path / "results", "--data", tmp_path / "data"),
        )


@pytest.mark.slow
def test_a_check_of_the_test_split_alone_never_replaces_that_of_both(videos, tmp_path, capsys):
    call(capsys, "data", "check", "mine", "--root", videos, "--data", tmp_path / "data")
    with pytest.raises(ValueError, match=r"also has the train split of mine"):
        evaluate(
            capsys, tmp_path, "--weights", released(tmp_path), "--folder", videos, "--on", "mine"
        )
    words = ["data", "check", "mine", "--root", videos, "--data", tmp_path / "data"]
    with pytest.raises(ValueError, match=r"also has the train split of mine"):
        call(capsys, *words, "--only", "test")


@pytest.mark.parametrize(
    ("row", "words", "said"),
    [
        ("table_a/nothing", [], "unknown row of table_a"),
        ("table_a", [], "write TABLE/ROW"),
        (ROW, ["--on", "desk", "--width", "0.5"], "--width changes a row at paper scale"),
        (ROW, ["--on", "nowhere"], "unknown data set 'nowhere'"),
        (ROW, [], "mini_kinetics200 has no passport"),
    ],
)
def test_a_mistake_is_one_sentence(row, words, said, tmp_path, capsys):
    with pytest.raises(ValueError, match=said):
        call(
            capsys,
            "evaluate",
            row,
            "--weights",
            released(tmp_path),
            *words,
            *("--results", tmp_path / "results", "--data", tmp_path / "data"),
        )


def predict(capsys, tmp_path, target, *words):
    folders = ["--results", tmp_path / "results", "--data", tmp_path / "data"]
    return call(capsys, "predict", target, *folders, *words)


@pytest.mark.slow
def test_a_prediction_names_five_classes_and_the_frames_that_were_seen(videos, tmp_path, capsys):
    clips = sorted(videos.glob("*/*"))[:2]
    row = [ROW, "--on", "desk", "--weights", released(tmp_path)]
    (first, _) = json.loads(predict(capsys, tmp_path, *row, *clips, "--json"))
    assert first["path"] == str(clips[0])
    assert len(first["answers"]) == 5
    assert first["answers"][0]["name"].count("grows") + first["answers"][0]["name"].count("shrinks")
    percents = [answer["percent"] for answer in first["answers"]]
    assert percents == sorted(percents, reverse=True)
    assert sum(percents) <= 100.001
    view = first["views"][0]
    assert len(view["frames"]) == len(view["seconds"]) == len(view["crops"]) == 4
    assert view["frames"][0] == sorted(view["frames"][0])
    last = first["views"][-1]
    assert view["frames"] != last["frames"]
    assert max(map(max, last["frames"])) < first["num_frames"]
    shown = predict(capsys, tmp_path, *row, clips[0])
    assert f"{percents[0]:5.1f} %" in shown
    assert "seen (seconds), snippet by snippet" in shown


@pytest.mark.slow
def test_what_is_no_video_and_a_row_without_weights_are_refused(videos, tmp_path, capsys):
    text = tmp_path / "note.mp4"
    text.write_text("no video")
    row = [ROW, "--on", "desk", "--weights", released(tmp_path)]
    with pytest.raises(ValueError, match=r"note\.mp4 is damaged"):
        predict(capsys, tmp_path, *row, text)
    with pytest.raises(UsageError, match="add --weights FILE"):
        predict(capsys, tmp_path, ROW, text)
    with pytest.raises(ValueError, match="unknown record"):
        predict(capsys, tmp_path, "abcdef", text)


def test_official_class_names_need_no_copy_of_the_data(tmp_path):
    trial = trial_of(*find_table_row(ROW), tmp_path, on="kinetics400", width=0.125, crop=None)
    assert (trial.data.num_classes, trial.scale) == (400, "own")
    assert class_names(trial, tmp_path)[0] == "abseiling"


@pytest.mark.slow
def test_a_run_without_its_initial_weights_ends_before_its_first_trial(videos, tmp_path, capsys):
    folders = ["--results", tmp_path / "results", "--data", tmp_path / "data"]
    call(capsys, "data", "check", "mine", "--root", videos, "--data", tmp_path / "data")
    terms = ["--scale", "paper", "--on", "mine", "--batch", 2, "--no-ray", "--rows", "DSA"]
    with pytest.raises(ValueError, match=r"initial weights resnet18-f37072fd\.pth: missing: no fo"):
        call(capsys, "run", "table_a", *terms, *folders)
    assert not (tmp_path / "results" / "records").exists()
    with pytest.raises(ValueError, match="--from-scratch changes a table at paper scale"):
        call(capsys, "run", "table_a", "--from-scratch", *folders)


def test_the_folder_of_initial_weights_may_be_named_by_the_environment(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("HARNESS_WEIGHTS", str(tmp_path))
    folders = ["--results", tmp_path / "results", "--data", tmp_path / "data"]
    with pytest.raises(SystemExit):
        call(capsys, "doctor", "table_a", "--scale", "paper", *folders)
    assert f"missing: not in {tmp_path}" in capsys.readouterr().out
