"""A first hour outside the clone: own module, table and videos, and what comes of them."""

import shutil
import unicodedata
from pathlib import Path

import pytest

import experiments
import harness
from harness import record, tables
from harness.cli.main import app
from harness.data import passport
from harness.data.datasets import desk
from tests.helpers.released_weights import released
from tests.helpers.tiny_trials import TINY_DATA

ROOT = Path(__file__).resolve().parents[1]
TERMS = {"on": "listed_clips", "epochs": 1, "width": 0.125, "batch": 8, "crop": 32}
OWN_TERMS = ["--scale", "paper", *(f"--{name}={value}" for name, value in TERMS.items())]
VIDEOS = "vidéos #1 'new' 50%20"
MINE = ["./my_table.py", "--rows", "mine"]


def call(*words):
    app([str(word) for word in words], standalone_mode=False)


def ended(*words):
    """Return the exit code of a command that ends with one."""
    with pytest.raises(SystemExit) as ended:
        call(*words)
    return ended.value.code


def clone():
    """Return every file of the clone that a command might touch, and when it changed."""
    places = ("harness", "experiments", "results", "data", "docs")
    files = (path for place in places for path in (ROOT / place).rglob("*"))
    return {path: path.stat().st_mtime_ns for path in files if "__pycache__" not in path.parts}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return an empty folder outside the clone, with videos of 12 classes beside it."""
    made = desk.videos(tmp_path / "made", **TINY_DATA)
    for split, name in {"train": "train", "test": "val"}.items():
        for video in made[split]:
            place = tmp_path / VIDEOS / name / f"it's class {video.label:02}, é"
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(video.path, place / video.path.name)
    monkeypatch.delenv("HARNESS_RESULTS", raising=False)
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    monkeypatch.setattr(experiments, "names", lambda: ["table_a"])  # for speed
    work = tmp_path / "it's 50% of été"
    work.mkdir()
    monkeypatch.chdir(work)
    yield work
    tables.forget()


@pytest.mark.slow
def test_a_newcomer_does_everything_in_a_folder_of_their_own(folder, capsys):
    before, videos = clone(), folder.parent / VIDEOS
    results = folder / "results" / "local"

    call("new", "module", "my_gate")
    call("new", "table", "my_table", "--module", "my_gate.py:MyGate")

    # Own videos: a folder per class, then a list of some of them.
    call("data", "check", "holidays", "--root", videos)
    lists = [f"--list={split}={write_list(videos, name)}" for split, name in SPLITS.items()]
    call("data", "check", "listed_clips", "--root", videos, *lists)
    counts = {
        name: len(passport.read(folder / "data" / name / passport.FILE).splits["train"])
        for name in ("holidays", "listed_clips")
    }
    assert counts == {"holidays": 24, "listed_clips": 12}
    call("run", *MINE, *OWN_TERMS, "--seeds", "1", "--no-ray", "--keep-checkpoints")
    (kept,) = record.read_all(results)
    assert kept.trial["model"]["module"] == "my_gate.py:MyGate"
    assert "MyGate" in kept.code
    assert "| mine" in capsys.readouterr().out
    call("export", kept.key, "--out", "mine's", "--experiment", "./my_table.py")
    assert (folder / "mine's" / "model.safetensors").is_file()
    call(
        "evaluate",
        "table_a/DSA+I3D R18",
        "--weights",
        released(folder),
        "--on",
        "listed_clips",
        "--width",
        "0.125",
        "--crop",
        "32",
    )
    assert "12 of 12 listed, listed_clips" in capsys.readouterr().out

    trials = harness.results(experiments=["./my_table.py"])
    (trial,) = trials.itertuples()
    assert (trial.table, trial.row, trial.state) == ("my_table", "mine", "fresh")
    assert trial.data_set == "listed_clips"
    assert harness.results().table.isna().all()  # the table was not named
    rows = harness.table("./my_table.py", scale="paper", **TERMS)
    assert list(rows.row) == ["plain", "DSA", "mine"]
    assert list(rows.seeds) == [(), (), (0,)]

    shutil.copytree(results, folder / "copy")
    assert ended("diff", "copy", "--experiment", "./my_table.py") == 0
    call("bundle", "--out", "mine.tar.gz", "--experiment", "./my_table.py")
    capsys.readouterr()
    call("verify", "mine.tar.gz", "--experiment", "./my_table.py")
    assert "1 record, 1 table judged again" in capsys.readouterr().out

    gate = folder / "my_gate.py"
    gate.write_text(gate.read_text().replace("share: float = 0.25", "share: float = 0.5"))
    call("why", "./my_table.py/mine", *OWN_TERMS, "--seeds", "1")
    told = capsys.readouterr().out
    assert "stale, as other code made its record" in told
    assert "definition MyGate of my_gate is " in told
    assert clone() == before


SPLITS = {"train": "train", "test": "val"}


def write_list(videos, split):
    """Write the list of the first video of each class of a split, at most."""
    folders = sorted((videos / split).iterdir())
    rows = [
        unicodedata.normalize("NFD", "'{}',{}".format(str(path).replace("'", "''"), label))
        for label, folder in enumerate(folders)
        for path in sorted(folder.iterdir())[:1]
    ]
    path = videos.parent / f"{split}.csv"
    path.write_text("\n".join(["path,label", *rows, ""]))
    return path
