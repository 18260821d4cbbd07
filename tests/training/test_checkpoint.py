import hashlib
import io
import os
import subprocess
import sys

import pytest
import torch

from harness.training import checkpoint
from harness.utils import distributed
from harness.utils.transient import TransientError


def state(value):
    return {"net": {"w": torch.full((50,), float(value))}, "history": [{"epoch": value}]}


def test_the_newest_comes_back(tmp_path):
    for epoch in (1, 2, 3):
        checkpoint.save(tmp_path, state(epoch), epoch=epoch)
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 3}]
    assert len(list(tmp_path.iterdir())) == checkpoint.KEPT


def test_an_empty_or_missing_folder_has_none(tmp_path):
    assert checkpoint.load_newest(tmp_path) is None
    assert checkpoint.load_newest(tmp_path / "missing") is None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_file_is_passed_over(tmp_path, damage):
    checkpoint.save(tmp_path, state(1), epoch=1)
    newest = checkpoint.save(tmp_path, state(2), epoch=2)
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes({"flip": content, "cut": content[:100], "empty": b""}[damage])
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 1}]


KILLED = """
import os, signal, sys
from pathlib import Path
from harness.training import checkpoint
from harness.utils import distributed
from harness.utils.transient import TransientError
from harness.utils import atomic
point, folder = sys.argv[1], Path(sys.argv[2])
calls = {"fsync": os.fsync, "replace": Path.replace}
def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)
import torch
checkpoint.save(folder, {"history": [{"epoch": 1}]}, epoch=1)
if point == "fsync":
    os.fsync = die
else:
    Path.replace = die
checkpoint.save(folder, {"history": [{"epoch": 2}]}, epoch=2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("point", ["fsync", "replace"])
def test_a_kill_while_saving_leaves_the_one_before(tmp_path, point):
    done = subprocess.run([sys.executable, "-c", KILLED, point, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 1}]


def test_a_disk_that_is_full_leaves_the_one_before(tmp_path, monkeypatch):
    checkpoint.save(tmp_path, state(1), epoch=1)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(tmp_path, state(2), epoch=2)
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 1}]


def test_code_in_a_checkpoint_is_not_run(tmp_path, caplog):
    class Hostile:
        def __reduce__(self):
            return (os.system, ("touch " + str(tmp_path / "ran"),))

    checkpoint.save(tmp_path, {"history": Hostile()}, epoch=1)
    assert checkpoint.load_newest(tmp_path) is None
    assert "holds no weights" in caplog.text
    assert not (tmp_path / "ran").exists()


OWNER = {"trial": "t", "data": "d", "code": "c"}


@pytest.mark.parametrize("field", list(OWNER))
def test_a_checkpoint_of_another_trial_data_or_code_is_passed_over(tmp_path, field, caplog):
    checkpoint.save(tmp_path, state(1) | {"owner": OWNER}, epoch=1)
    checkpoint.save(tmp_path, state(2) | {"owner": OWNER | {field: "other"}}, epoch=2)
    assert checkpoint.load_newest(tmp_path, OWNER)["history"] == [{"epoch": 1}]
    assert caplog.text.count("passed over") == 1
    assert f"it belongs to other {field}; " in caplog.text
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 2}]


def test_a_checkpoint_that_does_not_say_whose_it_is_starts_its_trial_again(tmp_path, caplog):
    """As the versions before wrote them, with a hash in the name alone."""
    buffer = io.BytesIO()
    torch.save(state(1), buffer)
    name = f"epoch-0001-{hashlib.sha256(buffer.getvalue()).hexdigest()[:16]}.pt"
    (tmp_path / name).write_bytes(buffer.getvalue())
    assert checkpoint.load_newest(tmp_path, OWNER) is None
    assert "does not say which trial, data and code it belongs to" in caplog.text
    assert "its trial starts again" in caplog.text
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 1}]


@pytest.mark.parametrize(
    "junk",
    [b"", b"no zip", 7, [1], {"net": {}}, {"history": "x"}, {"history": {}}],
    ids=repr,
)
def test_junk_with_a_right_hash_is_passed_over_in_one_sentence(tmp_path, junk, caplog):
    if not isinstance(junk, bytes):
        buffer = io.BytesIO()
        torch.save(junk, buffer)
        junk = buffer.getvalue()
    checkpoint.save(tmp_path, state(1), epoch=1)
    name = f"epoch-0009-{hashlib.sha256(junk).hexdigest()[:16]}.pt"
    (tmp_path / name).write_bytes(junk)
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 1}]
    assert len(caplog.records) == 1
    assert name in caplog.text


def test_a_folder_or_a_dead_link_in_place_of_a_checkpoint_is_passed_over(tmp_path):
    checkpoint.save(tmp_path, state(1), epoch=1)
    (tmp_path / "epoch-0008-0123456789abcdef.pt").mkdir()
    (tmp_path / "epoch-0009-0123456789abcdef.pt").symlink_to(tmp_path / "gone")
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 1}]


@pytest.fixture
def rank_one(monkeypatch):
    """Make this process rank 1, and return a function that sets the choice of rank 0."""
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    monkeypatch.setattr(checkpoint, "_SEEN_S", 0.02)
    monkeypatch.setattr(checkpoint, "_POLL_S", 0.01)

    def choose(name):
        monkeypatch.setattr(distributed, "choose_by_first", lambda _: name)

    return choose


def test_a_rank_resumes_from_the_file_that_rank_0_chose_and_not_from_its_own_newest(
    tmp_path, rank_one
):
    first, _ = (checkpoint.save(tmp_path, state(epoch), epoch=epoch) for epoch in (1, 2))
    rank_one(first.name)
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 1}]


def test_a_rank_starts_anew_if_rank_0_does(tmp_path, rank_one):
    checkpoint.save(tmp_path, state(1), epoch=1)
    rank_one("")
    assert checkpoint.load_newest(tmp_path) is None


@pytest.mark.parametrize("change", ["missing", "other weights"])
def test_ranks_with_different_checkpoints_are_refused(tmp_path, rank_one, change):
    """The same epoch of another attempt has another hash in its name."""
    chosen = checkpoint.save(tmp_path / "of rank 0", state(2), epoch=2)
    checkpoint.save(tmp_path / "of rank 1", state(1), epoch=1)
    if change == "other weights":
        other = checkpoint.save(tmp_path / "of rank 1", state(7), epoch=2)
        other.rename(other.with_name(chosen.name))
    rank_one(chosen.name)
    with pytest.raises(TransientError, match=f"rank 0 resumes from {chosen.name}, and rank 1 does"):
        checkpoint.load_newest(tmp_path / "of rank 1")


def test_a_rank_waits_until_its_node_sees_the_file(tmp_path, rank_one, monkeypatch):
    chosen = checkpoint.save(tmp_path / "of rank 0", state(2), epoch=2)
    (tmp_path / "of rank 1").mkdir()
    monkeypatch.setattr(checkpoint, "_SEEN_S", 60)
    monkeypatch.setattr(
        checkpoint.time, "sleep", lambda _: chosen.rename(tmp_path / "of rank 1" / chosen.name)
    )
    rank_one(chosen.name)
    assert checkpoint.load_newest(tmp_path / "of rank 1")["history"] == [{"epoch": 2}]


def test_rank_0_passes_over_a_file_that_its_old_listing_still_shows(tmp_path, monkeypatch):
    kept = checkpoint.save(tmp_path, state(1), epoch=1)
    gone = tmp_path / "epoch-0002-0123456789abcdef.pt"
    monkeypatch.setattr(checkpoint, "_newest_first", lambda _: [gone, kept])
    assert checkpoint.load_newest(tmp_path)["history"] == [{"epoch": 1}]
