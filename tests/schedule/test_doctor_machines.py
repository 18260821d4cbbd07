"""What `harness doctor` asks of machines and their GPUs, with answers made up at the boundary."""

import fcntl
import json
import os
import sys
from dataclasses import replace

import pytest

from experiments.table_b import EXPERIMENT
from harness import data
from harness.schedule.doctor import machine_checks
from harness.schedule.ray import gpu_probe, machine_probe, node_probe
from harness.schedule.ray.nodes import Node, Survey
from harness.utils import lock
from tests.helpers.tiny_trials import shrunk

ONE = Node(id="1", name="one", cpus=96, gpus=8)
TWO = Node(id="2", name="two", cpus=16, gpus=0)
PAPER = EXPERIMENT.rows[3].trial
H200 = {"name": "NVIDIA H200", "free_bytes": 149e9, "total_bytes": 150e9, "has_bf16": True}
GPUS = {"driver": "590.1", "supports": "13.3", "built_for": "13.2", "gpus": [H200] * 8}
NONE = {"driver": "", "supports": "", "built_for": "", "gpus": []}
GOOD = {
    "shm_bytes": 64e9,
    "open_files": 65_536,
    "locks": "",
    "stamp_ns": 0,
    "gpus": GPUS,
    "all_reduce": {"gpus": 8, "seconds": 9.0},
}
WITHOUT = GOOD | {"gpus": NONE, "all_reduce": {}}


def survey(first=GOOD, second=WITHOUT, loaders=None):
    return Survey(
        nodes=[ONE, TWO],
        unshared={},
        facts={},
        decoders={},
        machines={"1": first, "2": second},
        loaders=loaders or {},
    )


def machines(trials=(PAPER,), **changes):
    return {
        each.what: each
        for each in machine_checks.check_machines(survey(GOOD | changes), list(trials))
    }


def gpus(trials=(PAPER,), all_reduce=None, **changes):
    facts = GOOD | {"gpus": GPUS | changes}
    facts |= {} if all_reduce is None else {"all_reduce": all_reduce}
    return {each.what: each for each in machine_checks.check_gpus(survey(facts), list(trials))}


def problems(results):
    return {what: each.finding for what, each in results.items() if each.level == "problem"}


def test_good_machines_are_fine():
    found = machines() | gpus()
    assert {each.level for each in found.values()} == {"ok"}
    assert list(found) == [
        *("shared memory", "open files", "locks", "time stamps"),
        *("gpu driver", "gpu memory", "gpu bf16", "gpu all-reduce"),
    ]
    assert found["gpu memory"].finding == "one: 8 × NVIDIA H200, 150 GB"


@pytest.mark.parametrize(
    ("what", "changes", "finding"),
    [
        ("shared memory", {"shm_bytes": 64e6}, "one: 64 MB free, and 925 MB for 4 batches"),
        ("open files", {"open_files": 1024}, "one: 1024 at most, and ranks with loaders take 4096"),
        ("locks", {"locks": "it refuses flock"}, "one: it refuses flock"),
        ("time stamps", {"stamp_ns": 123_456_789}, "one: changes them by 0.123456789 s"),
    ],
)
def test_a_machine_that_would_harm_a_run_is_named_with_a_remedy(what, changes, finding):
    found = machines(**changes)
    assert problems(found) == {what: finding}
    assert found[what].remedy


def test_an_unlimited_number_of_open_files_and_no_shared_memory_to_ask_are_fine():
    assert problems(machines(open_files=-1, shm_bytes=None)) == {}


@pytest.mark.parametrize(
    ("what", "changes", "finding"),
    [
        (
            "gpu driver",
            {"driver": "550.54", "supports": "12.4"},
            "one: driver 550.54 supports CUDA 12.4, and PyTorch was built for 13.2",
        ),
        (
            "gpu driver",
            {"gpus": [], "problem": "CUDA unknown error"},
            "one: CUDA unknown error",
        ),
        (
            "gpu driver",
            {"gpus": [H200] * 7},
            "one: Ray counts 8 GPUs, and PyTorch sees 7",
        ),
        (
            "gpu memory",
            {"gpus": [H200] * 7 + [H200 | {"free_bytes": 30e9}]},
            "one: GPU 7 has 30 of 150 GB free",
        ),
        (
            "gpu all-reduce",
            {"all_reduce": {"error": "no answer within 120 s"}},
            "one: no answer within 120 s",
        ),
    ],
)
def test_gpus_that_would_harm_a_run_are_named_with_a_remedy(what, changes, finding):
    found = gpus(**changes)
    assert problems(found) == {what: finding}
    assert found[what].remedy


def test_a_minor_version_of_cuda_that_is_newer_than_the_driver_is_fine():
    assert problems(gpus(supports="13.0")) == {}


def test_bf16_is_asked_for_only_if_a_trial_uses_it():
    old = [H200 | {"name": "Tesla V100", "has_bf16": False}] * 8
    float32 = replace(PAPER, train=replace(PAPER.train, precision="float32"))
    assert "gpu bf16" not in gpus([float32], gpus=old)
    (finding,) = problems(gpus(gpus=old)).values()
    assert finding.startswith("one: GPU 0 (Tesla V100), GPU 1 (Tesla V100)")
    assert finding.endswith("cannot")


def test_machines_without_a_gpu_say_so_in_one_line():
    (found,) = machine_checks.check_gpus(survey(WITHOUT, WITHOUT), [PAPER])
    assert (found.level, found.what) == ("ok", "gpus")
    assert found.finding == "no GPU on any node; the 8 that Ray counts have no driver"


def test_a_driver_that_does_not_answer_is_a_problem():
    silent = GOOD | {"gpus": {"error": "no answer within 120 s"}, "all_reduce": {}}
    (found,) = machine_checks.check_gpus(survey(silent), [PAPER])
    assert (found.level, found.what) == ("problem", "gpu driver")
    assert found.finding == "one: GPUs did not answer: no answer within 120 s"


def test_a_node_that_did_not_answer_is_unknown():
    found = list(machine_checks.check_machines(survey({"error": "no answer within 9 s"}), [PAPER]))
    assert (found[0].level, found[0].finding) == ("unknown", "one: no answer within 9 s")
    assert {each.level for each in found[1:]} == {"ok"}
    (found,) = machine_checks.check_gpus(survey({"error": "no answer within 9 s"}), [PAPER])
    assert found.finding == "no GPU on any node"


def loaders(rate, **changes):
    known = {"1": {PAPER.data.name: rate}, "2": {PAPER.data.name: rate}}
    machine = GOOD | {"gpus": GPUS | changes}
    return list(machine_checks.check_loaders(survey(machine, loaders=known), [PAPER]))


def test_a_loader_that_starves_a_gpu_is_a_problem():
    fast, without = loaders(200.0)
    assert (fast.level, without.level) == ("ok", "ok")
    assert "one: a process reads 200.0 videos/s, and a GPU trains on about" in fast.finding
    assert without.finding == "two: a process reads 200.0 videos/s; no GPU waits for it"
    slow, _ = loaders(3.0)
    assert slow.level == "problem"
    assert slow.finding.endswith("but a GPU has 12 cores")
    assert "harness data copy" in slow.remedy
    strange, _ = loaders(3.0, gpus=[H200 | {"name": "Some GPU"}] * 8)
    assert strange.level == "unknown"


def test_a_loader_that_fails_is_unknown():
    found = machine_checks.check_loaders(survey(loaders={"1": {"error": "x"}}), [PAPER])
    assert [(each.level, each.finding) for each in found] == [("unknown", "one: x")]


def test_generated_and_unchecked_data_are_not_read(tmp_path):
    assert node_probe.loaded_trials([PAPER, shrunk(PAPER)], tmp_path) == []
    path = data.passport_path(PAPER.data.name, tmp_path)
    path.parent.mkdir()
    path.touch()
    assert node_probe.loaded_trials([PAPER, PAPER, shrunk(PAPER)], tmp_path) == [PAPER]


def test_the_loader_is_timed_on_videos_of_the_training_split(runtime, monkeypatch):
    trial = shrunk(PAPER)
    passport = data.load_passport(trial.data, runtime.data)
    monkeypatch.setattr(data, "read_checked_passport", lambda name, root: passport)
    (rate,) = node_probe.loader_rates([trial], runtime.data).values()
    assert rate > 0


def test_a_lock_of_the_driver_is_seen_and_the_folder_goes(tmp_path):
    with machine_probe.locked_folder(tmp_path) as folder:
        assert machine_probe.lock_problem(folder) == ""
        assert machine_probe.stamp_error_ns(folder) == 0
    assert list(tmp_path.iterdir()) == []


def test_locks_that_do_not_reach_another_machine_are_told(tmp_path):
    assert "can be taken here" in machine_probe.lock_problem(tmp_path)


def test_a_file_system_without_locks_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(95, "flock is refused")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with machine_probe.locked_folder(tmp_path) as folder:
        assert "refuses flock" in machine_probe.lock_problem(folder)
        assert (folder / lock.MARK).exists()


def test_whole_seconds_are_told(tmp_path, monkeypatch):
    utime = os.utime

    def truncate(path, times=None, *, ns=None):
        utime(path, times) if ns is None else utime(path, ns=tuple(n // 10**9 * 10**9 for n in ns))

    monkeypatch.setattr(os, "utime", truncate)
    assert machine_probe.stamp_error_ns(tmp_path) == 123_456_789


def fake_child(monkeypatch, program):
    monkeypatch.setattr(machine_probe, "_PROGRAM", program)


@pytest.mark.parametrize(
    ("program", "answer"),
    [
        ("print('noise'); print('{\"gpus\": []}')", {"gpus": []}),
        ("import time; time.sleep(60)", {"error": "no answer within 1 s"}),
        ("raise SystemExit('driver is broken')", {"error": "driver is broken"}),
        ("import os; os._exit(7)", {"error": "exit code 7"}),
        ("import os; os.kill(os.getpid(), 11)", {"error": "exit code -11"}),
    ],
)
def test_whatever_a_driver_does_the_question_has_an_answer(program, answer, monkeypatch):
    fake_child(monkeypatch, program)
    assert machine_probe.ask_gpus("describe", limit_s=1 if "sleep" in program else 60) == answer


def test_a_machine_without_a_driver_is_asked_no_more(monkeypatch, capsys):
    monkeypatch.setattr(gpu_probe, "_supported_cuda", lambda: "")
    assert gpu_probe.describe()["gpus"] == []
    monkeypatch.setattr(sys, "argv", ["-c", "describe"])
    gpu_probe.main()
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["supports"] == ""
    asked = []
    monkeypatch.setattr(machine_probe, "ask_gpus", lambda what: asked.append(what) or NONE)
    monkeypatch.setattr(machine_probe, "lock_problem", lambda folder: "")
    monkeypatch.setattr(machine_probe, "stamp_error_ns", lambda folder: 0)
    assert machine_probe.describe_machine(None)["all_reduce"] == {}
    assert asked == ["describe"]


def test_gpus_are_described_by_what_torch_says_of_them(monkeypatch):
    import torch

    monkeypatch.setattr(gpu_probe, "_supported_cuda", lambda: "13.3")
    monkeypatch.setattr(torch.version, "cuda", "13.2")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(gpu_probe, "_gpu", lambda index: H200)
    assert gpu_probe.describe()["gpus"] == [H200]

    def fail():
        raise RuntimeError("The NVIDIA driver on your system is too old\nmore")

    monkeypatch.setattr(torch.cuda, "init", fail)
    found = gpu_probe.describe()
    assert (found["gpus"], found["problem"]) == ([], "The NVIDIA driver on your system is too old")
    monkeypatch.setattr(torch.version, "cuda", None)
    assert gpu_probe.describe()["problem"] == "this PyTorch was built without CUDA"


def test_no_gpu_has_nothing_to_add(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert gpu_probe.all_reduce() == {"gpus": 0}
