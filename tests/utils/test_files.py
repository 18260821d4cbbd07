"""Private folders, and files that no link and no pipe replaces."""

import ast
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.utils import files, json_file
from harness.utils.atomic import write_atomic

ROOT = Path(__file__).parents[2]


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.fixture(params=[0o022, 0o000, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_a_folder_and_its_missing_parents_are_private(tmp_path, umask):
    files.make_folder(tmp_path / "a" / "b" / "c")
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c"]
    assert [mode(folder) for folder in made] == [0o700] * 3


def test_a_folder_that_is_there_keeps_its_rights(tmp_path, umask):
    tmp_path.chmod(0o750)
    files.make_folder(tmp_path)
    assert mode(tmp_path) == 0o750


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path):
    (tmp_path / "a").write_text("")
    with pytest.raises(OSError, match="exists"):
        files.make_folder(tmp_path / "a")


@pytest.mark.slow
def test_no_other_line_of_the_harness_makes_a_folder():
    makers = {"mkdir", "makedirs"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "harness").glob("**/*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in makers
    ]
    assert [place.partition(":")[0] for place in found] == ["harness/utils/files.py"]


@pytest.mark.parametrize("rights", [0o777, 0o702, 0o1777])
def test_a_folder_that_others_may_write_is_refused_with_the_command_that_closes_it(
    tmp_path, rights
):
    tmp_path.chmod(rights)
    with pytest.raises(ValueError, match=rf"other users can write to .*chmod go-w '{tmp_path}'"):
        files.check_private(tmp_path)


def test_a_group_may_write_that_holds_this_user_alone(tmp_path, monkeypatch):
    tmp_path.chmod(0o770)
    monkeypatch.setattr(files, "_is_group_of_one", lambda _: True)
    files.check_private(tmp_path)
    monkeypatch.setattr(files, "_is_group_of_one", lambda _: False)
    with pytest.raises(ValueError, match="other users can write to"):
        files.check_private(tmp_path)


@pytest.mark.parametrize(
    ("name", "group", "members", "is_private"),
    [
        ("ann", "ann", [], True),
        ("ann", "ann", ["bob"], False),
        ("ann", "staff", [], False),
    ],
)
def test_a_group_of_one_has_the_name_of_its_user_and_no_members(
    monkeypatch, name, group, members, is_private
):
    monkeypatch.setattr(files.pwd, "getpwuid", lambda _: SimpleNamespace(pw_name=name, pw_gid=5))
    monkeypatch.setattr(
        files.grp, "getgrgid", lambda _: SimpleNamespace(gr_name=group, gr_mem=members)
    )
    assert files._is_group_of_one(5) is is_private
    assert not files._is_group_of_one(6)


def test_what_is_written_may_be_written_by_nobody_else(tmp_path, umask):
    write_atomic(tmp_path / "a" / "file", b"x")
    files.open_to_append(tmp_path / "a" / "log").close()
    assert mode(tmp_path / "a" / "file") & 0o022 == 0
    assert mode(tmp_path / "a" / "log") & 0o022 == 0


def test_a_link_in_the_place_of_a_file_is_replaced_and_its_target_stays(tmp_path):
    target, path = tmp_path / "target", tmp_path / "file"
    target.write_text("precious")
    for link in (path, tmp_path / f".file.{os.getpid()}"):
        link.symlink_to(target)
    write_atomic(path, b"new")
    assert (target.read_text(), path.read_text()) == ("precious", "new")
    assert not path.is_symlink()


def plant_link(path):
    (path.parent / "target").write_text("{}")
    path.symlink_to(path.parent / "target")


@pytest.mark.parametrize("plant", [plant_link, os.mkfifo, Path.mkdir])
def test_a_link_a_pipe_or_a_folder_is_neither_read_nor_appended_to(tmp_path, plant):
    plant(tmp_path / "file")
    with pytest.raises(ValueError, match="remove it"):
        json_file.read_bytes(tmp_path / "file", max_bytes=100)
    with pytest.raises(ValueError, match="remove it"):
        files.open_to_append(tmp_path / "file")


def test_a_log_whose_folder_leads_elsewhere_is_not_written(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "results").mkdir(mode=0o700)
    (tmp_path / "results" / "logs").symlink_to(tmp_path / "home")
    with pytest.raises(ValueError, match="leads to"):
        files.open_to_append(tmp_path / "results" / "logs" / "a", below=tmp_path / "results")
    assert not list((tmp_path / "home").iterdir())


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"[" * 9_000, "nested"), (b"1" * 10_001, "larger"), (b"{", "not JSON"), (b"\xff", "UTF-8")],
)
def test_json_that_cannot_be_read_is_a_sentence(tmp_path, content, why):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=why):
        json_file.read(tmp_path / "file", "stop", max_bytes=10_000)
