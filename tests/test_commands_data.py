"""`harness data check` as a user meets it, and what a trial must not reach."""

import click
import pytest

from harness.__main__ import app
from harness.runtime import closure
from tests.data import bad_videos


def harness(*words):
    app.main(["data", "check", *map(str, words)], standalone_mode=False)


def test_no_trial_reaches_the_check():
    new = {"check", "folder", "lists", "pool", "probe", "rows", "summary", "tree"}
    reached = closure(["harness.trial", "harness.data.desk"])
    assert not reached & {f"harness.data.{name}" for name in new}
    assert not reached & {"harness.facts", "harness.coverage", "harness.commands_data"}


@pytest.fixture
def root(tmp_path):
    """A sound video and an empty one."""
    root = tmp_path / "root"
    root.mkdir()
    bad_videos.write(root / "a b.mp4", n=10)
    (root / "empty.mp4").touch()
    return root


def test_a_list_is_checked_and_what_is_bad_sets_the_exit_code(root, tmp_path, capsys):
    rows = tmp_path / "rows.txt"
    rows.write_text("a b.mp4 0\nempty.mp4 1\na b.mp4 0\n")
    words = ["--list", f"test={rows}", "--root", root, "--out", tmp_path / "out"]
    with pytest.raises(SystemExit) as ended:
        harness(*words)
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert "1 rows say what another row says already" in said.err
    assert "[2/2" in said.err
    assert "test: 1 of 2 videos are good (50.00 %)" in said.out
    assert "it is empty" in (tmp_path / "out" / "bad.csv").read_text()
    rows.write_text("a b.mp4 0\n")
    harness(*words)
    assert "test: 1 of 1 videos are good" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name one data set, or give --list with --root, or --folder"),
        (["desk", "--folder", "{}"], "name one data set, or give --list"),
        (["--list", "none.txt"], "--list needs --root"),
        (["dsk"], "unknown data set 'dsk'; did you mean 'desk'?"),
        (["desk", "--data", "{}"], "has no passport of 'desk'"),
        (["--list", "none.txt", "--root", "{}"], "--list none.txt: there is no such file"),
        (["--folder", "{}"], "holds no <class>/<video>.mp4"),
    ],
)
def test_a_mistake_gets_one_sentence(root, words, message):
    with pytest.raises((click.UsageError, ValueError)) as caught:
        harness(*(word.format(root) for word in words))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
