"""Files are replaced whole; a full disk leaves nothing behind, and what a kill leaves is swept."""

import os
import resource
import signal
import subprocess
import sys

import pytest

from harness.utils import atomic

_DEAD = 2**22 + 1  # more than any process id


@pytest.fixture
def full_disk():
    """Let no file grow beyond 1,000 bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_keeps_the_old_file_and_leaves_nothing(tmp_path, full_disk):
    path = tmp_path / "a.json"
    atomic.write_atomic(path, b"old")
    for _ in range(2):
        with pytest.raises(OSError, match="too large"):
            atomic.write_atomic(path, bytes(5_000))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
    assert path.read_bytes() == b"old"


def test_a_target_that_is_a_folder_leaves_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        atomic.write_atomic(tmp_path / "a", b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path):
    left = [
        tmp_path / f".run.json.{_DEAD}",
        tmp_path / "records" / f".a.json.{_DEAD}",
        tmp_path / "work" / "key" / f".epoch-0001.pt.{_DEAD}",
    ]
    kept = [
        tmp_path / f".run.json.{os.getpid()}",
        tmp_path / "records" / "a.json",
        tmp_path / "records" / ".notes",
        tmp_path / "records" / f"a.json.{_DEAD}",
        tmp_path / "mlflow" / "deep" / f".a.{_DEAD}",
        tmp_path / ".4711",
    ]
    for path in (*left, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / f".link.{_DEAD}").symlink_to(kept[1])
    (tmp_path / f".folder.{_DEAD}").mkdir()
    assert set(atomic.sweep(tmp_path)) == set(left)
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in left)
    assert atomic.sweep(tmp_path) == []


def test_a_write_that_is_killed_leaves_a_piece_that_the_next_run_sweeps(tmp_path):
    program = (
        "import os, sys; from pathlib import Path; from harness.utils import atomic\n"
        "os.fsync = lambda _: os._exit(9)\n"
        "atomic.write_atomic(Path(sys.argv[1], 'a.json'), b'x')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    assert len(atomic.sweep(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == []
