import errno
import fcntl
import json
import signal
import socket
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest

from harness.utils import lock, process

HOLDER = """
import sys, time
from pathlib import Path
from harness.utils import lock
with lock.hold(Path(sys.argv[1]), what="running table_x"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.slow
def test_a_second_process_is_told_who_is_at_work(holder, tmp_path):
    message = rf"in use: running table_x since .* UTC by process {holder.pid} on "
    with pytest.raises(ValueError, match=message), lock.hold(tmp_path, what="more"):
        pass


def test_a_killed_holder_frees_the_lock(holder, tmp_path):
    holder.kill()
    holder.wait()
    with lock.hold(tmp_path, what="more"):
        pass


def test_the_lock_may_be_taken_again(tmp_path):
    for _ in range(2):
        with lock.hold(tmp_path, what="one"):
            pass


AT_ONCE = """
import sys
from pathlib import Path
from harness.utils import lock
print("ready", flush=True)
sys.stdin.readline()
try:
    with lock.hold(Path(sys.argv[1]), what="running table_x"):
        print("mine", flush=True)
        sys.stdin.readline()
except ValueError as error:
    print(error, flush=True)
"""


@pytest.mark.slow
def test_of_two_that_start_together_one_works_and_one_is_told(tmp_path):
    both = [
        subprocess.Popen(
            [sys.executable, "-c", AT_ONCE, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    assert {each.stdout.readline() for each in both} == {"ready\n"}
    for each in both:
        each.stdin.write("\n")
        each.stdin.flush()
    said = [each.stdout.readline() for each in both]  # whoever works, does so until then
    assert [each.communicate()[0] for each in both] == ["", ""]
    assert sorted(text == "mine\n" for text in said) == [False, True]
    assert any("is in use: running table_x since " in text for text in said)


def test_a_look_at_the_lock_disturbs_nobody(tmp_path):
    assert not lock.is_held(tmp_path)
    with lock.hold(tmp_path, what="one") as mine:
        assert lock.is_held(tmp_path)
        assert lock.read_holder(tmp_path) == mine
        assert mine.is_alive
    assert not lock.is_held(tmp_path)


@pytest.mark.slow
def test_the_holder_before_is_not_taken_for_the_one_who_has_just_started(holder, tmp_path):
    gone = json.loads((tmp_path / "lock.json").read_text()) | {"process": f"{holder.pid} 1"}
    (tmp_path / "lock.json").write_text(json.dumps(gone))
    with (
        pytest.raises(ValueError, match="another process has just started there"),
        lock.hold(tmp_path, what="more"),
    ):
        pass


ODD = [
    {"pid": "7"},
    {"pid": -1},
    {"pid": 0},
    {"pid": 1},
    {"pid": True},
    {"pid": 7.0},
    {"pid": 10**30},
    {"process": "x y"},
    {"process": "8 1.0"},
    {"process": None},
    {"host": ["x"]},
    {"what": "\x1b[2J"},
    {"what": "x" * 5_000},
    {"unknown": 1},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_lock_file_with_an_odd_field_names_nobody(tmp_path, odd):
    with lock.hold(tmp_path, what="one"):
        pass
    body = json.loads((tmp_path / "lock.json").read_text()) | {"pid": 7, "process": "7 1.0"}
    (tmp_path / "lock.json").write_text(json.dumps(body))
    assert lock.read_holder(tmp_path) is not None
    (tmp_path / "lock.json").write_text(json.dumps(body | odd))
    assert lock.read_holder(tmp_path) is None


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "7", "null", '{"pid": 7}', "{", ""])
def test_a_lock_file_that_is_no_lock_file_names_nobody(tmp_path, text):
    (tmp_path / "lock.json").write_text(text)
    assert lock.read_holder(tmp_path) is None


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "target").write_text("precious")
    (tmp_path / "lock").symlink_to(tmp_path / "target")
    with pytest.raises(ValueError, match=r"lock is a link; remove it"):
        lock.hold(tmp_path, what="one").__enter__()
    assert (tmp_path / "target").read_text() == "precious"
    assert not lock.is_held(tmp_path)


def test_a_folder_that_others_may_write_is_not_held(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(ValueError, match="chmod go-w"):
        lock.hold(tmp_path, what="one").__enter__()


def test_only_the_process_that_has_the_lock_open_is_its_holder(holder, tmp_path):
    named = lock.read_holder(tmp_path)
    assert lock.check_holder(tmp_path, named).pid == holder.pid
    copied = tmp_path / "copy"
    copied.mkdir()
    (copied / "lock.json").write_bytes((tmp_path / "lock.json").read_bytes())
    (copied / "lock").touch()
    with pytest.raises(ValueError, match="does not hold its lock; nothing was signalled"):
        lock.check_holder(copied, lock.read_holder(copied))
    with pytest.raises(ValueError, match="runs another command; nothing was signalled"):
        lock.check_holder(tmp_path, replace(named, command="another"))
    with pytest.raises(psutil.NoSuchProcess):
        lock.check_holder(tmp_path, replace(named, process=f"{named.pid} 1.0"))


LEFT = """
import errno, fcntl, os, signal, sys
from pathlib import Path
def refuse(*_):
    raise OSError(int(sys.argv[2]), "flock is refused")
fcntl.flock = refuse
from harness.utils import lock
with lock.hold(Path(sys.argv[1]), what="running table_x"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(params=[errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK], ids=errno.errorcode.get)
def killed(request, tmp_path, monkeypatch):
    """Leave the files of a killed holder, on a file system that refuses locks."""

    def refuse(*_):
        raise OSError(request.param, "flock is refused")

    program = [sys.executable, "-c", LEFT, str(tmp_path), str(request.param)]
    assert subprocess.run(program, check=False).returncode == -signal.SIGKILL
    monkeypatch.setattr(fcntl, "flock", refuse)
    return tmp_path


@pytest.mark.slow
def test_a_folder_without_locks_is_freed_by_the_death_of_its_holder_on_the_same_machine(killed):
    assert not lock.is_held(killed)
    with lock.hold(killed, what="more"):
        assert lock.is_held(killed)
        with pytest.raises(ValueError, match="in use: more since"), lock.hold(killed, what="third"):
            pass
    with lock.hold(killed, what="again"):
        pass


@pytest.mark.slow
def test_a_holder_without_locks_on_another_machine_is_named_with_the_remedy(killed, monkeypatch):
    monkeypatch.setattr(process, "machine_id", lambda: "another boot")
    monkeypatch.setattr(socket, "gethostname", lambda: "node7")
    message = (
        r"is in use: running table_x since .* UTC by process \d+ on .*; "
        rf"if that process is dead, delete {killed}/lock\.held: "
    )
    with pytest.raises(ValueError, match=message), lock.hold(killed, what="more"):
        pass
    (killed / "lock.held").unlink()
    with lock.hold(killed, what="more"):
        pass
