"""Files are replaced whole; a full disk leaves nothing behind, and what a kill leaves is swept."""

import errno
import os
import re
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import harness
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


@pytest.mark.parametrize("how", ["written", "renamed"])
def test_what_is_renamed_into_place_was_synced_first_and_its_folder_after(
    tmp_path, monkeypatch, how
):
    calls = []
    fsync, replace = os.fsync, type(tmp_path).replace

    def sync(descriptor):
        calls.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def rename(path, target):
        calls.append("rename")
        return replace(path, target)

    (tmp_path / "part").write_bytes(b"x")
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(type(tmp_path), "replace", rename)
    if how == "written":
        atomic.write_atomic(tmp_path / "a", b"x")
    else:
        atomic.replace_synced(tmp_path / "part", tmp_path / "a")
    assert calls[1:] == ["rename", tmp_path.name]
    assert calls[0] in (f".a.{os.getpid()}", "part")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_a_file_system_that_cannot_sync_a_folder_is_no_fault(tmp_path, monkeypatch):
    fsync = os.fsync

    def refuse(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    atomic.write_atomic(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"


def test_nothing_is_renamed_into_place_without_a_sync():
    """A rename of a file that is not on the disk survives a power cut as an empty file."""
    allowed = {"utils/atomic.py", "schedule/results_folder.py"}  # the latter moves what is there
    root = Path(harness.__file__).parent
    renames = re.compile(
        r"\bos\.(rename|replace)\(|\b(part|aside|temporary|path)\.(replace|rename)\("
    )
    found = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if renames.search(path.read_text(encoding="utf-8"))
    }
    assert found <= allowed
