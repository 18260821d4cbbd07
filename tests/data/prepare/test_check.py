"""Many videos: processes that die, checks that are stopped, and what is read again."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from harness.data.prepare import check, probe_pool
from harness.data.prepare.probe_pool import ProbeSettings
from harness.data.prepare.video_facts import Limits
from harness.data.video import Video
from tests.helpers import bad_videos

QUICK = ProbeSettings(processes=2, seconds=5, memory_mb=300)


def quiet(done, total, facts):
    pass


def listed(*paths, **more):
    return {"test": [Video(id=path.stem, path=path, labels=(0,), **more) for path in paths]}


def journal(out):
    return [json.loads(line) for line in (out / check.JOURNAL).read_bytes().splitlines() if line]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return bad_videos.write(tmp_path_factory.mktemp("source") / "a.mp4", n=10)


@pytest.fixture
def root(tmp_path, source):
    """A folder of six sound videos."""
    root = tmp_path / "root"
    root.mkdir()
    for number in range(6):
        (root / f"{number}.mp4").write_bytes(source.read_bytes())
    return root


def read_anew(root, out, paths, settings=QUICK):
    """Check, and return which videos were read, in the order of their names."""
    before = len(journal(out)) if (out / check.JOURNAL).exists() else 0
    check.check_videos(listed(*paths), root, out, settings, progress=quiet)
    return sorted(row["path"] for row in journal(out)[before:])


@pytest.mark.slow
def test_a_second_check_reads_what_changed_and_no_more(root, tmp_path):
    paths = sorted(root.iterdir())
    out = tmp_path / "out"
    assert read_anew(root, out, paths) == [path.name for path in paths]
    assert read_anew(root, out, paths) == []
    os.utime(paths[1], ns=(1, 1))
    paths[2].write_bytes(paths[2].read_bytes() + b"\0")
    assert read_anew(root, out, paths) == ["1.mp4", "2.mp4"]
    strict = replace(QUICK, limits=Limits(min_frames=11))
    assert len(read_anew(root, out, paths, strict)) == 6
    assert read_anew(root, out, [*paths, root / "new.mp4"]) == ["new.mp4"]


@pytest.mark.slow
def test_what_a_check_says_does_not_depend_on_where_it_was_stopped(root, tmp_path):
    paths = sorted(root.iterdir())
    whole = check.check_videos(listed(*paths), root, tmp_path / "whole", QUICK, progress=quiet)
    content = (tmp_path / "whole" / check.JOURNAL).read_bytes()
    for cut in (0, 1, len(content) // 2, len(content) - 700, len(content) - 1):
        out = tmp_path / f"cut{cut}"
        out.mkdir()
        (out / check.JOURNAL).write_bytes(content[:cut])
        assert check.check_videos(listed(*paths), root, out, QUICK, progress=quiet) == whole
        known = content[:cut].count(b"\n") + (cut == len(content) - 1)
        new = (out / check.JOURNAL).read_bytes()[cut:].splitlines()
        assert sum(line.startswith(b'{"path"') for line in new) == 6 - known


@pytest.mark.slow
def test_damage_is_decided_by_a_second_try_alone(root, tmp_path):
    (root / "3.mp4").write_bytes(b"<html>")
    check.check_videos(listed(*sorted(root.iterdir())), root, tmp_path, QUICK, progress=quiet)
    rows = [row for row in journal(tmp_path) if row["path"] == "3.mp4"]
    assert [(row["tries"], row["facts"]["verdict"]) for row in rows] == [
        (1, "damaged"),
        (2, "damaged"),
    ]
    assert check.check_videos(listed(root / "3.mp4"), root, tmp_path, QUICK, progress=quiet)
    assert len([row for row in journal(tmp_path) if row["path"] == "3.mp4"]) == 2


@pytest.mark.slow
def test_a_sound_video_that_memory_pressure_made_look_damaged_is_found_sound(tmp_path):
    path = bad_videos.write(tmp_path / "a.mp4", n=10)
    (checked,) = check.check_videos(listed(path), tmp_path, tmp_path / "out", QUICK, progress=quiet)
    assert checked.facts.verdict == "ok"
    row = journal(tmp_path / "out")[0]
    row["facts"] |= {"verdict": "damaged", "reason": "it cannot be decoded: no frame!"}
    (tmp_path / "out" / check.JOURNAL).write_text(json.dumps(row))
    (checked,) = check.check_videos(listed(path), tmp_path, tmp_path / "out", QUICK, progress=quiet)
    assert checked.facts.verdict == "ok"
    first = "first try, in parallel: damaged, it cannot be decoded: no frame!"
    assert checked.facts.reason == first


@pytest.mark.slow
def test_a_video_that_takes_too_much_memory_is_named(tmp_path):
    path = bad_videos.write(
        tmp_path / "a.mp4", n=4, w=4096, h=4096, flat=True, enc={"preset": "ultrafast"}
    )
    settings = ProbeSettings(memory_mb=30, limits=Limits(max_pixels=10**8, min_frames=1))
    (checked,) = check.check_videos(
        listed(path), tmp_path, tmp_path / "out", settings, progress=quiet
    )
    assert checked.facts.verdict == "out of memory"
    assert "more than 30 MB" in checked.facts.reason


@pytest.mark.slow
def test_what_was_ended_is_tried_again_with_more_time_or_memory(root, tmp_path):
    paths = sorted(root.iterdir())[:1]
    row = read_anew(root, tmp_path, paths) and journal(tmp_path)[0]
    row["facts"] = {"verdict": "hung", "reason": "it was not read within 5 s"}
    row["tries"] = 2
    (tmp_path / check.JOURNAL).write_text(json.dumps(row) + "\n")
    assert read_anew(root, tmp_path, paths) == []
    assert read_anew(root, tmp_path, paths, replace(QUICK, seconds=6)) == ["0.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "change",
    [
        {"facts": {"verdict": "fine"}},
        {"facts": {"verdict": "ok", "frames": -1}},
        {"facts": {"verdict": "ok", "frames": 10**30}},
        {"facts": {"verdict": "ok", "stamps": "x"}},
        {"facts": {"verdict": "ok", "unknown": 1}},
        {"facts": None},
        {"stamp": [1]},
        {"given": []},
        {"tries": "2"},
        {"path": 7},
    ],
    ids=repr,
)
def test_a_row_of_the_journal_that_no_check_wrote_is_read_again_and_said(
    root, tmp_path, change, caplog
):
    paths = sorted(root.iterdir())[:1]
    row = read_anew(root, tmp_path, paths) and journal(tmp_path)[0]
    (tmp_path / check.JOURNAL).write_text(json.dumps(row | change) + "\n")
    assert read_anew(root, tmp_path, paths) == ["0.mp4"]
    assert "1 damaged line is skipped" in caplog.text


@pytest.mark.slow
def test_content_that_the_list_does_not_mean_is_called_changed(root, tmp_path):
    path = root / "0.mp4"
    known = check.check_videos(listed(path), root, tmp_path, QUICK, progress=quiet)[0].facts.sha256
    for sha256, verdict in {known: "ok", "0" * 64: "changed"}.items():
        (checked,) = check.check_videos(
            listed(path, sha256=sha256), root, tmp_path, QUICK, progress=quiet
        )
        assert checked.facts.verdict == verdict


READER = """
import json, os, signal, sys
from pathlib import Path
print("ready", flush=True)
for line in sys.stdin:
    job = json.loads(line)
    path = Path(job["path"])
    if path.suffix == ".pipe":
        path.read_bytes()
    if path.suffix == ".hog":
        kept = [bytes(1_000_000) + os.urandom(1) for _ in range(3000)]
    if path.suffix == ".crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    print(json.dumps({"verdict": "ok"}), flush=True)
"""


@pytest.mark.slow
def test_a_reader_that_hangs_eats_memory_or_dies_is_ended_named_and_replaced(tmp_path):
    program = tmp_path / "reader.py"
    program.write_text(READER)
    os.mkfifo(tmp_path / "a.pipe")
    names = ["a.ok", "a.pipe", "b.ok", "a.hog", "c.ok", "a.crash", "d.ok"]
    settings = ProbeSettings(processes=2, seconds=1, memory_mb=100)
    paths = [tmp_path / name for name in names]
    facts = dict(probe_pool.probe_all(paths, tmp_path, settings, program=program))
    assert [facts[path].verdict for path in paths] == [
        *("ok", "hung", "ok", "out of memory", "ok", "crashed", "ok")
    ]
    assert facts[paths[1]].reason == "it was not read within 1 s"
    assert facts[paths[3]].reason == "it needs more than 100 MB"
    assert facts[paths[5]].reason == "its reader died: SIGSEGV"


@pytest.mark.slow
def test_leaving_early_leaves_no_child_behind(tmp_path, root):
    before = children()
    answers = probe_pool.probe_all(sorted(root.iterdir()), root, QUICK)
    next(answers)
    started = children() - before
    assert started
    answers.close()
    assert not started & children()


def children():
    listed = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True)
    return set(listed.stdout.split())


def command(root, out):
    return [
        *(sys.executable, "-m", "harness", "data", "check", "mine", "--root", str(root)),
        *("--out", str(out), "--min-frames", "1"),
    ]


@pytest.fixture
def many(tmp_path, source):
    """A folder of classes with enough videos to be stopped among them."""
    root = tmp_path / "many"
    (root / "class").mkdir(parents=True)
    for number in range(1500):
        # Equal files in both splits would be a leak: each has a free box of its own.
        box = b"\0\0\0\x0cfree" + number.to_bytes(4, "big")
        (root / "class" / f"{number}.mp4").write_bytes(source.read_bytes() + box)
    return root


@pytest.mark.slow
@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_check_that_is_stopped_goes_on_and_repeats_nothing(many, tmp_path, how, code):
    out = tmp_path / "out"
    child = subprocess.Popen(command(many, out), stderr=subprocess.PIPE, text=True)
    while not (out / check.JOURNAL).exists() or len(journal_lines(out)) < 50:
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(how)
    _, said = child.communicate(timeout=300)
    assert child.returncode == code
    assert how == signal.SIGKILL or "the same command resumes the run" in said
    assert 50 <= len(journal_lines(out)) < 1500
    done = subprocess.run(command(many, out), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1,214 of 1,214 videos are good" in done.stdout
    assert "286 of 286 videos are good" in done.stdout
    names = [row["path"] for row in journal(out)]
    assert len(names) == len(set(names)) == 1500


def journal_lines(out):
    return [line for line in (out / check.JOURNAL).read_bytes().split(b"\n")[:-1] if line]
