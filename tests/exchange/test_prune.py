"""What may be removed from a results folder."""

import json
import os
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner

from harness import record
from harness.cli.main import app
from harness.exchange import prune
from harness.exchange.places import Places, all_tables
from harness.utils import lock
from tests.helpers.results_folders import add_record

PLACES = Places(all_tables())
OTHER_CODE = {"run": "0"}


def found(results, **how):
    return {
        (item.kind, path.relative_to(results).as_posix())
        for item in prune.find(results, places=PLACES, **how)
        for path in item.paths
    }


def work(results, key, *, days=0.0):
    folder = results / "work" / key
    folder.mkdir(parents=True)
    (folder / "epoch.pt").write_bytes(b"x" * 1000)
    age(folder / "epoch.pt", days)
    age(folder, days)
    return folder


def age(path, days):
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def names(made):
    return {f"records/{made.key}.json", f"records/{record.scores_name(made)}"}


def test_only_stale_records_are_listed(tmp_path):
    add_record(tmp_path, seed=0)
    stale = add_record(tmp_path, seed=1, code=OTHER_CODE)
    assert found(tmp_path) == {("stale", name) for name in names(stale)}


def test_a_record_of_an_unknown_network_is_kept(tmp_path):
    made = add_record(tmp_path)
    model = made.trial["model"] | {"backbone": "of_another_package"}
    trial = made.trial | {"model": model}
    unknown = replace(made, trial=trial, key=record.key_of(trial, made.passport))
    json_path, scores = record.paths(tmp_path, made)
    record.write(tmp_path, unknown, scores.read_bytes())
    json_path.unlink()
    assert found(tmp_path) == set()


def test_checkpoints_of_finished_trials_and_old_work_are_listed(tmp_path):
    made = add_record(tmp_path)
    work(tmp_path, made.key)
    work(tmp_path, "a" * 20, days=15)
    work(tmp_path, "b" * 20, days=13)
    assert found(tmp_path) == {
        ("checkpoints", f"work/{made.key}"),
        ("work", f"work/{'a' * 20}"),
    }
    assert ("work", f"work/{'b' * 20}") in found(tmp_path, untouched_days=1)


def test_the_work_of_a_stale_record_that_runs_again_is_kept(tmp_path):
    stale = add_record(tmp_path, code=OTHER_CODE)
    work(tmp_path, stale.key)
    assert found(tmp_path) == {("stale", name) for name in names(stale)}


def test_leftovers_of_killed_processes_are_listed_once_they_are_old(tmp_path):
    made = add_record(tmp_path)
    (tmp_path / "records" / f"{made.key}.json").unlink()
    half = tmp_path / "records" / ".abc.json.123"
    half.write_bytes(b"{")
    assert found(tmp_path) == set()
    for path in (half, record.scores_path(tmp_path, made)):
        age(path, 15)
    assert found(tmp_path) == {
        ("leftovers", "records/.abc.json.123"),
        ("leftovers", f"records/{record.scores_name(made)}"),
    }


def test_decoded_frames_are_listed_and_removed_whole(tmp_path):
    add_record(tmp_path)
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "video.rgb").write_bytes(b"x" * 1000)
    assert found(tmp_path) == {("frames", "frames")}
    prune.remove(tmp_path, prune.find(tmp_path, places=PLACES))
    assert not (tmp_path / "frames").exists()


def test_kinds_can_be_chosen(tmp_path):
    stale = add_record(tmp_path, code=OTHER_CODE)
    work(tmp_path, "a" * 20, days=99)
    assert found(tmp_path, kinds=["work"]) == {("work", f"work/{'a' * 20}")}
    assert found(tmp_path, kinds=["stale"]) == {("stale", name) for name in names(stale)}


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path):
    kept = tmp_path / "elsewhere"
    kept.mkdir()
    (kept / "file").write_bytes(b"")
    results = tmp_path / "results"
    made = add_record(results)
    (results / "work").mkdir()
    (results / "work" / made.key).symlink_to(kept)
    prune.remove(results, prune.find(results, places=PLACES))
    assert not (results / "work" / made.key).is_symlink()
    assert (kept / "file").exists()


def command(results, *words, answer=""):
    return CliRunner().invoke(app, ["prune", "--results", str(results), *words], input=answer)


@pytest.mark.parametrize(
    ("words", "answer", "is_removed"),
    [
        ([], "", False),
        (["--dry-run", "--yes"], "", False),
        (["--remove"], "n\n", False),
        (["--remove"], "", False),
        (["--remove"], "y\n", True),
        (["--yes"], "", True),
    ],
)
def test_the_command_removes_only_when_it_may(tmp_path, words, answer, is_removed):
    kept = add_record(tmp_path)
    stale = add_record(tmp_path, seed=1, code=OTHER_CODE)
    folder = work(tmp_path, kept.key)
    done = command(tmp_path, *words, answer=answer)
    assert f"{stale.key}.json  seed 1 of table_b/DSA at II" in done.output
    assert "1.0 kB" in done.output
    assert folder.exists() != is_removed
    assert (tmp_path / "records" / f"{stale.key}.json").exists() != is_removed
    assert all((tmp_path / name).exists() for name in names(kept))


def test_the_list_is_json_on_request(tmp_path):
    stale = add_record(tmp_path, code=OTHER_CODE)
    (item,) = json.loads(command(tmp_path, "--json").stdout)
    assert (item["kind"], len(item["paths"])) == ("stale", 2)
    assert item["size"] == sum((tmp_path / name).stat().st_size for name in names(stale))


@pytest.mark.slow
def test_a_folder_in_use_or_of_something_else_is_refused(tmp_path):
    add_record(tmp_path, code=OTHER_CODE)
    with lock.hold(tmp_path, what="running table_b"):
        assert "is in use" in str(command(tmp_path, "--yes").exception)
    (tmp_path / "empty").mkdir()
    assert "not a results folder" in str(command(tmp_path / "empty").exception)
