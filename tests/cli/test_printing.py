"""What commands print fits the terminal."""

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from harness.cli import printing
from harness.cli.main import app
from harness.cli.printing.help import GROUPS
from harness.cli.printing.streams import outlive_readers
from tests.helpers.command_line import harness

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [
    ["--help"],
    ["list"],
    ["list", "kinetics400"],
    ["plan", "table_a", "table_b"],
    ["plan", "kinetics400", "--scale", "paper"],
    ["cost", "table_a", "kinetics400"],
    ["status"],
    ["explain", "table_b/II"],
    ["explain", "kinetics400/DSANet R50, 8", "--scale", "paper"],
    ["why", "table_b/II"],
    ["report", "table_b", "table_c"],
    ["report", "kinetics400", "--scale", "paper"],
    ["diff", ROOT / "results"],
    ["prune"],
    ["doctor", "table_b"],
    ["run", "no_table"],
]
WIDTH = 80


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a copy of the published results, for commands that write."""
    return shutil.copytree(ROOT / "results", tmp_path_factory.mktemp("published") / "results")


def too_long(line):
    """Return whether a line is longer than it must be: one word or command is as long as it is."""
    return len(line) > WIDTH and " " in line.strip() and not line.strip().startswith("harness ")


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(map(str, words))[:40])
def test_what_a_command_prints_fits_eighty_columns(words, results, monkeypatch):
    monkeypatch.setattr(printing, "columns", lambda _: WIDTH)  # as on a terminal
    monkeypatch.setenv("COLUMNS", str(WIDTH))  # of click's help
    monkeypatch.chdir(results.parent)
    where = [] if words[0] in ("--help", "list", "cost") else ["--results", results]
    done = harness(*words, *where)
    lines = [*done.stdout.splitlines(), *done.stderr.splitlines()]
    assert lines
    assert [line for line in lines if too_long(line)] == []


@pytest.mark.parametrize("columns", ["50", None])
def test_nothing_is_wrapped_for_a_file_or_a_program(columns, monkeypatch):
    """Whatever COLUMNS says: readline exports it to the children of any Python that loads it."""
    monkeypatch.setenv("COLUMNS", columns) if columns else monkeypatch.delenv("COLUMNS", False)
    assert max(map(len, harness("list").stdout.splitlines())) > WIDTH
    assert len(json.loads(harness("cost", "table_b", "--json").stdout)) == 6


@pytest.mark.parametrize(("columns", "width"), [("", 50), ("70", 70), ("0", 50), ("wide", 50)])
def test_the_width_is_that_of_the_terminal_or_of_columns(columns, width):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 50, 0, 0))
    program = "from harness.cli.printing import echo; echo('word ' * 60)"
    environment = {**os.environ, "COLUMNS": columns}
    subprocess.run([sys.executable, "-c", program], stdout=theirs, env=environment, check=True)
    os.close(theirs)
    lines = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)
    assert width - len("word ") <= max(map(len, lines)) <= width


def test_long_lines_go_on_set_in_and_words_and_commands_stay_whole():
    text = f"  head: {'word ' * 12}\nharness run table_b {'--rows x ' * 9}\n{'x' * 90}"
    assert printing.fit(text, 40).splitlines() == [
        "  head: word word word word word word",
        "    word word word word word word",
        f"harness run table_b {'--rows x ' * 9}",
        "x" * 90,
    ]
    assert printing.fit(text, 400) == text


def test_a_wide_table_folds_into_cards():
    table = (
        "# Title\n\n| Row | top-1, % | Verdict |\n|:----|---:|:---|\n"
        "| DSA \\| II | 98.1 ± 0.4 | supported |\n| plain |  | quoted |\n\nA note."
    )
    assert printing.fit(table, 80) == table
    assert printing.fit(table, 30).splitlines() == [
        *("# Title", "", "DSA \\| II", "  top-1, %: 98.1 ± 0.4", "  Verdict: supported"),
        *("plain", "  Verdict: quoted", "", "A note."),
    ]


def test_every_command_stands_in_one_group_of_the_help_with_a_whole_sentence():
    named = [name for names in GROUPS.values() for name in names]
    assert sorted(named) == sorted(app.commands)
    shown = harness("--help").stdout
    assert "..." not in shown.replace("[ARGS]...", "")
    assert all(f"\n{title}:\n" in shown for title in GROUPS)


def test_the_command_alone_greets():
    done = harness()
    assert (done.returncode, done.stderr) == (0, "")
    assert "harness run table_b" in done.stdout
    assert harness("nothing").returncode == 2


@pytest.mark.slow
def test_commands_options_and_choices_are_found_in_any_case():
    asked = harness("list", "table_b", "--json").stdout
    assert harness("LIST", "Table_B", "--JSON").stdout == asked
    planned = harness("plan", "table_b", "--scale", "paper", "--json").stdout
    assert harness("Plan", "TABLE_B", "--Scale", "Paper", "--json").stdout == planned
    assert harness("DATA", "Check", "--help").stdout == harness("data", "check", "--help").stdout


def test_an_error_shows_where_it_was_raised_if_asked():
    told = {words: harness(*words).stderr for words in [("why", "x"), ("--debug", "why", "x")]}
    plain, debugged = told.values()
    assert len(plain.splitlines()) == 1
    assert debugged.startswith("Traceback")
    assert debugged.endswith(plain)


def test_a_reader_that_goes_away_ends_no_command(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream, redirect_stdout(stream):
        with outlive_readers():
            for _ in range(3):
                print("line " * 10_000)
            (tmp_path / "after").touch()
        assert (tmp_path / "after").exists()
