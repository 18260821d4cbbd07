"""The command line end to end: real processes, real exit codes."""

import json
import re
import subprocess
import sys

import pytest

from tests.helpers import command_line


def harness(*words, cwd=None, package="harness"):
    return subprocess.run(
        [sys.executable, "-m", package, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "tabel_b"], "harness: unknown table 'tabel_b'; did you mean 'table_b'?"),
        (["cost", "zzz"], "harness: unknown table 'zzz'; choose from activitynet, dsa_hosts,"),
        (["run", "table_b", "--sedes", "3"], "harness: No such option '--sedes'. (Did you mean"),
        (["rnu", "table_b"], "harness: No such command 'rnu'. Did you mean 'run'?"),
        (["run", "table_b", "--scale", "dsk"], "'dsk' is not one of 'desk', 'paper'."),
        (["run", "table_b", "--seeds", "0"], "0 is not in the range x>=1."),
        (["run", "table_b", "--rows", "DSA at I,DSA at V"], "did you mean 'DSA at I"),
        (
            ["run", "table_b", "--max-trials", "17"],
            "harness: 18 trials are more than the limit of 17; raise it with --max-trials",
        ),
        (
            ["run", "table_b", "--seeds", "1000"],
            "harness: 6,000 trials are more than the limit of 1,000; raise it with --max-trials",
        ),
        (["run"], "harness: Missing argument 'TABLE...'."),
        (
            ["run", "table_b", "--scale", "paper"],
            "harness: mini_kinetics200 has no passport: ",
        ),
        (
            ["run", "table_b", "--device", "cuda:9"],
            "--device cuda:9: Ray numbers the GPUs of a trial from 0",
        ),
    ],
)
def test_a_mistake_gets_one_sentence_and_an_exit_code(words, message, tmp_path):
    where = ["--results", tmp_path, "--data", tmp_path] if words[:2] == ["run", "table_b"] else []
    done = command_line.harness(*words, *where)
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 2


def test_the_help_shows_examples():
    done = harness("--help")
    assert done.returncode == 0
    assert "harness run table_b" in done.stdout


def test_tables_are_listed_without_heavy_imports():
    program = "import sys; from harness.cli.main import app; app(['list'], standalone_mode=False); "
    program += "print(sorted({'torch', 'ray', 'mlflow', 'av', 'pandas'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert re.search(r"^table_b +Position of the DSA module", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("[]\n")


def test_the_list_is_json_on_request():
    done = command_line.harness("list", "kinetics400", "table_b", "--json")
    kinetics, table_b = json.loads(done.stdout)
    assert (table_b["table"], len(table_b["rows"])) == ("table_b", 6)
    assert {"row": "DSA at II", "is_quoted": False, "same_as": None} in table_b["rows"]
    same = {row["row"]: row["same_as"] for row in kinetics["rows"]}
    assert same["NL+I3D R50, 128 × 10 × 3"] == "NL+I3D R50, 32 × 10 × 3"


@pytest.mark.slow
def test_cost_is_json_on_request():
    done = harness("cost", "table_b", "--json")
    rows = json.loads(done.stdout)
    assert [row["row"] for row in rows][:2] == ["TSN R50 (2D)", "TSN+I3D R50"]
    assert round(rows[1]["gmacs"], 3) == 83.837


def test_a_mistake_in_the_options_needs_neither_torch_nor_ray():
    program = """
import sys
from harness.cli.main import main
sys.argv = ["harness", "run", "tabel_b"]
try:
    main()
finally:
    print(*sorted({"torch", "ray", "mlflow"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "\n"), done.stderr
