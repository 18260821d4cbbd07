"""What a record says of the code that ran."""

import subprocess

from harness.provenance import machine


def test_without_git_nothing_is_said_of_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_ROOT", tmp_path)
    assert machine.commit() == {"commit": None, "dirty": None}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.commit() == {"commit": None, "dirty": None}


def test_a_clean_checkout_and_a_changed_one_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "_ROOT", tmp_path)
    (tmp_path / "harness").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert machine.commit()["dirty"] is False
    (tmp_path / "harness" / "new.py").touch()
    assert machine.commit()["dirty"] is True


def test_the_commit_of_a_repository_around_an_installed_harness_is_not_its_own(
    tmp_path, monkeypatch
):
    installed = tmp_path / "venv" / "site-packages"
    (installed / "harness").mkdir(parents=True)
    monkeypatch.setattr(machine, "_ROOT", installed)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    assert machine.commit() == {"commit": None, "dirty": None}
