"""Where the token of a local Ray lies, and how a driver leaves Ray."""

import gc
import os
import pwd
import sys
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.schedule import doctor
from harness.schedule.ray import session


@pytest.fixture(autouse=True)
def _no_token(monkeypatch):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")


def test_a_home_folder_gets_a_token_that_only_its_user_can_read(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    session._create_token_file()
    assert (tmp_path / ".ray" / "auth_token").stat().st_mode & 0o777 == 0o600
    assert not os.environ["RAY_AUTH_TOKEN"]


def no_home():
    raise RuntimeError("Could not determine home directory.")


def test_without_a_home_folder_the_token_is_in_the_environment(monkeypatch):
    monkeypatch.setattr(Path, "home", no_home)
    session._create_token_file()
    token = os.environ["RAY_AUTH_TOKEN"]
    assert len(token) == 64
    session._create_token_file()
    assert os.environ["RAY_AUTH_TOKEN"] == token


def test_ray_is_imported_for_a_user_without_a_home_folder(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    with pytest.raises(RuntimeError, match="home"):
        Path("~/ray_results").expanduser()
    monkeypatch.setattr(session, "_join", lambda _: None)
    monkeypatch.setattr(session, "alive_nodes", list)
    fake = SimpleNamespace(shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", fake)  # the real one reads its settings once
    with session.connect(None):
        assert Path("~/ray_results").expanduser().is_absolute()
        assert session.home_token_path() is None


def test_a_home_folder_that_cannot_be_written_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert session.home_token_path() is None


def test_a_token_of_the_user_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "mine"))
    session._create_token_file()
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_works_without_a_home_folder(monkeypatch):
    monkeypatch.setattr(Path, "home", no_home)
    assert doctor.check_token(None).level == "ok"
    assert "set RAY_AUTH_TOKEN" in doctor.check_token("10.0.0.1:6379").remedy


class Held:
    """What frames hold, as those of Tune hold references to objects of Ray."""


def look_up(held):
    """Hold an object in a frame whose error is the context of another."""
    ours = Held()
    held.append(weakref.ref(ours))
    return {}["missing"]


def interrupted(held):
    """Hold an object in a frame, and another in a cycle, and be interrupted."""
    ours, cycle = Held(), [Held()]
    cycle.append(cycle)
    held += [weakref.ref(ours), weakref.ref(cycle[0])]
    try:
        look_up(held)
    except KeyError:
        raise KeyboardInterrupt  # noqa: B904 - the context is meant


@pytest.mark.slow
def test_what_an_interrupted_run_held_is_freed_before_ray_ends(monkeypatch):
    """Freed while Ray shuts down, an object of Ray ends the process at once, with code 1."""
    held, left = [], []
    monkeypatch.setattr(session, "_join", lambda _: None)
    monkeypatch.setattr(session, "alive_nodes", list)
    fake = SimpleNamespace(shutdown=lambda: left.extend(one() for one in held))
    monkeypatch.setitem(sys.modules, "ray", fake)  # the real one reads its settings once
    gc.disable()
    try:
        with pytest.raises(KeyboardInterrupt), session.connect(None):
            interrupted(held)
    finally:
        gc.enable()
    assert left == [None, None, None]
