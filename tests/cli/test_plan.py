"""The commands that look ahead, as a user meets them."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import experiments
from experiments.scales import SCALES, desk
from experiments.table_b import EXPERIMENT
from harness import record
from harness.cli.main import app
from harness.cli.plan import plan_tables
from harness.data import sizes
from harness.data.datasets.desk_recipe import folder_name, recipe
from harness.data.passport import complete_passport, write
from harness.data.video import Video
from harness.provenance import code
from tests.helpers.command_line import harness
from tests.test_record import made

PUBLISHED = Path(__file__).parents[2] / "results"
HEAVY = {"torch", "torchvision", "ray", "mlflow", "av", "matplotlib"}
WATCHED = """
import collections, json, os, sys
opened = collections.Counter()
def hook(event, args):
    if event == "open" and isinstance(args[0], (str, os.PathLike)):
        opened[os.fspath(args[0])] += 1
sys.addaudithook(hook)
from harness.cli.main import app
app(sys.argv[1:], standalone_mode=False)
imported = sorted({name.partition(".")[0] for name in sys.modules})
read = {path: count for path, count in opened.items() if path.endswith(".py")}
print(json.dumps({"imported": imported, "read": read}), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def compiled():
    """Run the commands once, so that no other call reads the source of what it imports."""
    watched("plan", "table_b", "--scale", "paper")


def asked(capsys, *words):
    """Run a command here and return what it prints."""
    app([str(word) for word in words], standalone_mode=False)
    return capsys.readouterr().out


def watched(*words):
    """Run a command as a process; return its output, what it imported, and how often it read.

    How long that takes is for benchmarks: it hangs on the machine, and on what else runs there.
    """
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, words)],
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stderr.splitlines()[-1])
    return done.stdout, set(seen["imported"]), seen["read"]


# An ablation, one that only counts, a comparison with ensembles, and a leaderboard.
KINDS = ("table_b", "table_i", "kinetics400", "dsanet_leaderboard")
TABLES = [
    pytest.param(name, marks=pytest.mark.slow if name in KINDS else pytest.mark.chaos)
    for name in experiments.names()
]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_planned_and_explained_at_once(name, scale, tmp_path, compiled):
    where = ["--scale", scale, "--results", tmp_path, "--json"]
    out, imported, read = watched("plan", name, *where, "--data", tmp_path)
    planned = json.loads(out)
    assert not imported & HEAVY
    # For the trial and for the cost of each network, and for two lists of names.
    assert max(read.values(), default=0) <= 2 * len(experiments.load(name).rows) + 2
    runs = [row.label for row in experiments.load(name).rows if row.trial is not None]
    assert [each["table"] for each in planned["resolution"]] == [name] * bool(runs)
    assert bool(planned["trials"]) is experiments.load(name).trains
    assert list(tmp_path.iterdir()) == []
    for label in runs[-1:]:
        check_explained(name, label, where)


def check_explained(name, label, where):
    out, imported, read = watched("explain", f"{name}/{label}", *where)
    assert not imported & {*HEAVY, "numpy", "pandas", "scipy"}
    assert max(read.values(), default=0) <= 1
    assert json.loads(out)["row"] == label


@pytest.mark.slow
def test_more_trials_are_planned_from_the_same_reads(tmp_path, compiled):
    where = ["--scale", "paper", "--results", tmp_path, "--data", tmp_path]
    _, _, few = watched("plan", "table_b", *where, "--seeds", 1)
    _, _, many = watched("plan", "table_b", *where, "--seeds", 50)
    assert few == many


@pytest.mark.slow
def test_the_family_of_a_plan_does_not_depend_on_its_rows(capsys, tmp_path):
    where = ("--scale", "paper", "--results", tmp_path, "--data", tmp_path, "--json")
    whole = json.loads(asked(capsys, "plan", "table_b", *where))["resolution"][0]
    part = json.loads(asked(capsys, "plan", "table_b", "--rows", "DSA at II", *where))
    assert part["resolution"][0]["family"] == whole["family"]


@pytest.mark.slow
def test_what_needs_no_network_imports_no_torch(tmp_path):
    results = shutil.copytree(PUBLISHED, tmp_path / "results")
    program = "import sys; from harness.cli.main import app\n"
    tables = ("plan", "report")
    for command in (*tables, "explain", "why"):
        words = [command, "table_b" if command in tables else "table_b/II"]
        words += ["--results", str(results)]
        program += f"app({words!r}, standalone_mode=False)\n"
    program += "app(['cost', 'table_b'], standalone_mode=False)\n"
    program += "print(sorted({'torch', 'ray', 'mlflow', 'av'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("[]\n")


@pytest.mark.slow
def test_a_plan_without_data_says_so_and_names_no_key(capsys, tmp_path):
    where = ("--results", tmp_path, "--data", tmp_path / "none")
    text = asked(capsys, "plan", "table_b", "--scale", "paper", *where)
    assert "data not checked: assuming nothing is recorded" in text
    assert "18 trials, 0 recorded, 18 to run" in text
    assert "81.5 against 81.4 (DSA at II against DSA at I): +0.1 points, 5 videos of 5,000" in text
    planned = json.loads(asked(capsys, "plan", "table_b", "--scale", "paper", *where, "--json"))
    assert {each["key"] for each in planned["trials"]} == {None}
    assert planned["budget"]["time"]["is_assumed"] is True
    assert not (tmp_path / "none").exists()


def test_tables_share_their_trials_in_one_plan(capsys, tmp_path):
    where = ("--results", tmp_path, "--data", tmp_path, "--seeds", 1, "--scale", "paper")
    text = asked(capsys, "plan", "table_b", "table_c", *where)
    assert "9 trials, 0 recorded, 9 to run" in text  # α = 2 is DSA at II


@pytest.mark.slow
def test_a_plan_with_data_knows_keys_and_states(capsys, tmp_path):
    trial = desk(EXPERIMENT.rows[3].trial)
    path = tmp_path / folder_name(recipe(**trial.data.options)) / "passport.json"
    write(path, complete_passport({"train": [], "test": []}))
    passport = sizes.passport_digest(trial.data, tmp_path)
    fresh = replace(made(trial, passport=passport), code=code.hashes(trial))
    other = desk(EXPERIMENT.rows[2].trial)
    changed = code.hashes(other) | {"train": "0"}
    stale = replace(made(other, passport=passport), code=changed)
    for each in (fresh, stale):
        record.write(tmp_path, each, b"")
    where = ("--results", tmp_path, "--data", tmp_path, "--seeds", 1)
    text = asked(capsys, "plan", "table_b", *where)
    assert f"{fresh.key}  fresh    DSA at II, seed 0" in text
    assert f"{stale.key}  stale    DSA at I, seed 0" in text
    assert "6 trials, 1 recorded, 5 to run" in text
    assert "data not checked" not in text
    assert "cached, by the same code" in asked(capsys, "why", fresh.key, *where)
    assert "definition train of harness.training.loop is " in asked(
        capsys, "why", "table_b/dsa at i", *where
    )


def test_chosen_rows_keep_the_claims_about_them(capsys, tmp_path):
    where = ("--results", tmp_path, "--data", tmp_path, "--json")
    text = asked(capsys, "plan", "table_b", "--rows", "II,TSN+I3D R50", *where)
    planned = json.loads(text)
    assert {row for each in planned["trials"] for row in each["rows"]} == {
        "DSA at II",
        "TSN+I3D R50",
    }
    claims = [each["claim"] for each in planned["resolution"][0]["claims"]]
    assert claims == ["DSA is better than an average of snippets"]


@pytest.mark.slow
def test_why_finds_a_record_by_a_part_of_its_key(capsys, tmp_path):
    stray = made(desk(EXPERIMENT.rows[3].trial), passport="other")
    record.write(tmp_path, stray, b"")
    where = ("--results", tmp_path, "--data", tmp_path)
    text = asked(capsys, "why", stray.key[:8], *where)
    assert "nearest to table_b/DSA at II, seed 0" in text
    assert "fields: all equal" in text
    (reason,) = json.loads(asked(capsys, "why", "table_b/II", "--seeds", 1, *where, "--json"))
    assert (reason["state"], reason["nearest"]["key"]) == ("unknown", stray.key)


@pytest.mark.slow
def test_steps_are_measured_and_planned_with(tmp_path):
    words = ["table_b/II", "--batch", 2, "--steps", 2]
    done = harness("bench-step", *words, "--json")
    path = tmp_path / "rate.json"
    path.write_text(done.stdout)
    where = ("--results", tmp_path, "--data", tmp_path)
    planned = harness("plan", "table_b", "--throughput", path, *where)
    assert "CPU-minutes" in planned.stdout
    assert "(cpu: measured on table_b/DSA at II, batch 2)" in " ".join(planned.stdout.split())
    assert harness("bench-step", *words).stdout.startswith("table_b/DSA at II at desk scale")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["plan", "table_b", "--gpu", "h20"], "unknown GPU 'h20'; did you mean 'h200'?"),
        (
            ["plan", "table_b", "--throughput", "none.json"],
            "none.json is not an output of bench-step",
        ),
        (["plan", "table_b", "--rows", "DSA at V"], "did you mean 'DSA at I"),
        (
            ["explain", "table_a/I3D R18"],
            "'I3D R18' matches several rows of table_a: I3D R18, 4 × 1;",
        ),
        (["explain", "tabel_a/x"], "unknown table 'tabel_a'; did you mean 'table_a'?"),
        (["explain", "table_a"], "'table_a' has no row; write TABLE/ROW"),
        (["why", "xyz"], "'xyz' is neither TABLE/ROW nor a key"),
        (["why", "0123456789"], "'0123456789' matches no record and no trial"),
        (["why", "table_i/DSA"], "table_i trains nothing, so it has no records"),
        (["bench-step", "table_b/DSA"], "'DSA' matches several rows of table_b: DSA at I;"),
    ],
)
def test_a_mistake_gets_one_sentence_and_an_exit_code(words, message, tmp_path):
    where = [] if words[0] == "bench-step" else ["--results", tmp_path]
    done = harness(*words, *where)
    assert message in done.stderr
    assert (len(done.stderr.splitlines()), done.returncode) == (1, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--scale", "paper", "--gpus-per-trial", "16"],
            "--gpus-per-trial 16 is more than --gpus 8",
        ),
        (["--gpus-per-trial", "2"], "and at desk scale the time is that of records: add --scale"),
        (["--workers", "8"], "and at desk scale the time is that of records: add --scale"),
    ],
)
def test_gpus_and_loaders_that_a_plan_cannot_count_are_refused(words, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plan_tables.main(
            ["table_b", "--results", str(tmp_path), "--data", str(tmp_path), *words],
            standalone_mode=False,
        )


def shown_output(command):
    """Return the block of docs/planning.md that shows what a command prints."""
    page = (Path(__file__).parents[2] / "docs" / "planning.md").read_text(encoding="utf-8")
    return page.partition(f"`{command}`")[2].split("```\n")[1]


@pytest.mark.parametrize(
    "command", ["plan table_b --scale paper", "explain table_b/II --scale paper"]
)
def test_the_documentation_shows_what_a_command_prints(command, tmp_path):
    """Versions of this machine's Python and libraries aside."""
    done = harness(*command.split(), "--results", tmp_path, "--data", tmp_path)
    here, shown = (
        [line for line in text.splitlines() if " version of " not in line]
        for text in (done.stdout, shown_output(f"harness {command}"))
    )
    assert here[-len(shown) :] == shown
    assert len(shown) > 10


@pytest.mark.slow
def test_a_plan_on_a_data_set_of_ones_own_counts_its_videos(tmp_path, capsys):
    folder = tmp_path / "mine"
    videos = [
        Video(id=str(n), path=folder / f"{n}.mp4", labels=(0,), frames=9, sha256=f"{n:064}")
        for n in range(3)
    ]
    known = complete_passport({"train": videos[:2], "test": videos[2:]})
    write(folder / "passport.json", replace(known, classes=("run",)))
    own = ("--scale", "paper", "--on", "mine", "--epochs", 5, "--batch", 1, "--data", tmp_path)
    shown = asked(capsys, "plan", "table_d", *own, "--rows", "res4", "--seeds", 1, "--json")
    assert json.loads(shown)["budget"]["work"]["videos_read"] == 5 * 2 + 1
