"""Commands that are printed as a remedy, pasted into a shell in a folder with an odd name."""

import re
import shlex
import unicodedata
from dataclasses import replace
from pathlib import Path

import click
import pytest

from experiments.scales import Changes, own
from harness import tables
from harness.cli.main import app
from harness.cli.report import records
from harness.data.prepare import sources
from harness.runtime import Runtime
from harness.tables import own_tables
from tests.helpers import bad_videos, own_code
from tests.helpers.command_line import harness
from tests.helpers.dataset_folders import put
from tests.helpers.results_folders import add_record, row_trial

HERE = "it's 50% of été"
RESULTS, DATA = "my results (l'été)", "da ta; #1 & 'more'"
FOLDERS = ["--results", RESULTS, "--data", DATA]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return a folder of an odd name, in which the test then is, with a table of one's own."""
    here = tmp_path / HERE
    own_code.write(here)
    for variable in ("HARNESS_RESULTS", "HARNESS_DATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(here)
    yield here
    tables.forget()


def pasted(text):
    """Return the words of the one command in a text, as a shell splits it, and its options.

    Fails where click does not take them.
    """
    (line,) = re.findall(r"harness (?:run|why|data|ui)\b[^`\n]*", text)
    _, *words = shlex.split(line)
    group, rest = app, words
    while isinstance(group, click.Group):
        _, group, rest = group.resolve_command(click.Context(group), rest)
    return words, group.make_context(words[0], rest).params


@pytest.mark.slow
def test_the_command_that_keeps_weights_is_that_of_the_run(folder):
    table = tables.load("./my_table.py")
    terms = Changes(epochs=2, lr=0.5)
    trials = {
        "./my_table.py gate": own(terms, "desk")(table.rows[1].trial),
        "table_b TSN+I3D R50": row_trial("table_b/TSN+I3D R50"),
    }
    for name, trial in trials.items():
        made = add_record(folder / RESULTS, trial, seed=1)
        refused = harness("export", made.key, *FOLDERS, "--experiment", "./my_table.py")
        assert refused.returncode == 2
        words, options = pasted(refused.stderr)
        assert words[:4] == ["run", *name.split(" ", 1)[:1], "--rows", name.split(" ", 1)[1]]
        assert options["keep_checkpoints"]
        assert (options["results"], options["data"]) == (folder / RESULTS, folder / DATA)
        assert (options["seeds"], options["scale"]) == (2, "desk")
        is_own = "my_table" in name
        assert (options["epochs"], options["lr"]) == ((2, 0.5) if is_own else (None, None))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "base", "terms"),
    [
        (Changes(epochs=2), "desk", ["--on", "desk"]),
        (Changes(), "desk", ["--on", "desk"]),
        (Changes(width=0.125, crop=32, epochs=1), "paper", ["--width", "0.125", "--crop", "32"]),
        (Changes(on="my_clips", num_classes=3, batch=8), "paper", ["--on", "my_clips"]),
    ],
)
def test_a_card_names_the_row_and_the_terms_that_build_its_network(folder, changes, base, terms):
    table = tables.load("./my_table.py")
    trial = own(changes, base)(table.rows[1].trial)
    made = add_record(folder / RESULTS, trial)
    row, *words = records.scoring_words(made)
    on = [] if "--on" in terms else ["--on", table.rows[1].trial.data.name]
    assert (row, words) == ("./my_table.py/gate", [*on, *terms])
    tables.forget()
    assert records.scoring_words(made) == ["TABLE/ROW", "--on", "NAME"]


@pytest.mark.slow
def test_a_record_of_own_code_asks_for_its_table(folder):
    table = tables.load("./my_table.py")
    made = add_record(folder / RESULTS, own(Changes(epochs=2), "desk")(table.rows[1].trial))
    tables.forget()
    for command in (["export", made.key], ["predict", made.key, "my_table.py"]):
        refused = harness(*command, *FOLDERS)
        assert refused.returncode == 2
        assert "names; add --experiment FILE with the table that does" in refused.stderr
        assert "Traceback" not in refused.stderr
        known = harness(*command, *FOLDERS, "--experiment", "./my_table.py")
        assert "does not hold the weights" in known.stderr


@pytest.mark.parametrize("terms", [Changes(epochs=2), Changes(smoke=True), Changes(lr=0.25)])
def test_a_key_at_another_scale_gives_the_command_that_explains_it(folder, terms):
    made = add_record(
        folder / RESULTS, own(terms, "desk")(row_trial("table_b/DSA at II", scale="paper"))
    )
    refused = harness("why", made.key[:8], *FOLDERS)
    assert refused.returncode == 2
    assert f"{made.key} is a record at own scale; run: harness why" in refused.stderr
    words, _ = pasted(refused.stderr)
    done = harness(*words)
    assert done.returncode == 0
    assert made.key in done.stdout


def test_what_to_run_for_a_missing_record_names_table_row_and_folders(folder):
    words = ["visualize", "./my_table.py/gate", "--epochs", 2, "--seed", 1, *FOLDERS]
    _, options = pasted(harness(*words).stderr)
    assert options["tables"] == ("./my_table.py",)
    assert (options["rows"], options["epochs"], options["seeds"]) == ("gate", 2, 2)
    assert (options["results"], options["data"]) == (folder / RESULTS, folder / DATA)
    _, options = pasted(harness("tradeoff", "./my_table.py", "--results", RESULTS).stderr)
    assert (options["tables"], options["results"]) == (("./my_table.py",), folder / RESULTS)


def test_what_to_check_for_a_missing_passport_names_the_folder(folder):
    (folder / "FOLDER").mkdir()
    _, options = pasted(harness("data", "describe", "mine", "--data", DATA).stderr)
    assert (options["name"], options["data"]) == ("mine", folder / DATA)


@pytest.mark.slow
def test_a_folder_that_links_lead_into_is_named_as_an_option(folder):
    root, disk = folder / "root", folder / "disk 'two' (été)"
    for number, parent in enumerate((root / "val" / "run", disk / "run")):
        parent.mkdir(parents=True)
        bad_videos.write(parent / "1.mp4", n=10 + number)
    (root / "train").symlink_to(disk)
    words = ["data", "check", "mine", "--root", root, "--data", DATA]
    refused = harness(*words).stderr
    option = refused.strip().partition("--also`: ")[2]
    assert harness(*words, *shlex.split(option)).returncode == 0


def test_a_list_is_named_as_an_option(folder):
    root = folder / "vid's"
    bad_videos.write(put(root / "1.mp4"), n=10)
    bad_videos.write(root / "2.mp4", n=11)
    put(root / "li st.csv", "1.mp4,0\n")
    put(folder / "FILE", "2.mp4,0\n")
    words = ["data", "check", "mine", "--root", root, "--data", DATA]
    option = harness(*words).stderr.strip().partition("pass ")[2]
    assert harness(*words, *shlex.split(option)).returncode == 0
    refused = harness(*words, "--list", "vid's/li st.csv").stderr
    option = refused.strip().partition("train or test: ")[2]
    assert shlex.split(option) == ["--list", "test=vid's/li st.csv"]


def test_a_table_in_this_folder_is_named_by_its_file(folder):
    (folder / "my_table.py").rename(folder / "my table's.py")
    refused = harness("list", "my table's").stderr
    word = refused.strip().partition("in this folder write ")[2]
    assert shlex.split(word) == ["./my table's.py"]
    assert harness("list", *shlex.split(word)).returncode == 0
    assert own_tables.file_of("my_table") == folder / "my table's.py"


@pytest.mark.parametrize(
    ("folder_name", "name"),
    [
        ("été à la mer", "ete_a_la_mer"),
        ("Ünï (2)", "uni_2"),
        ("视频", "my_videos"),
        ("50% off", "my_50_off"),
        ("Kinetics-400", "my_kinetics_400"),
    ],
)
def test_a_folder_gives_a_name_that_can_be_read(folder_name, name):
    for form in ("NFC", "NFD"):
        assert sources.name_from_folder(Path(unicodedata.normalize(form, folder_name))) == name


def test_the_command_for_a_record_of_no_table_says_what_it_can(folder):
    runtime = Runtime(results=folder / RESULTS, data=folder / DATA)
    trial = row_trial()
    made = add_record(runtime.results, replace(trial, train=replace(trial.train, lr=0.123)))
    command = records.training_command(made, runtime.results, runtime.data)
    assert command.startswith("harness run TABLE --scale desk --seeds 1 ")
