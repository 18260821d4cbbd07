"""The checks of `harness doctor`; slow tests use a real Ray cluster of two nodes."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.table_b import EXPERIMENT
from harness import data
from harness.cost import cache
from harness.data import passport
from harness.data.reading import packet_file
from harness.data.video import Video
from harness.plan import grid
from harness.provenance import code
from harness.schedule import doctor
from harness.schedule.doctor import checks
from harness.schedule.ray import nodes, session, tune
from harness.schedule.ray.nodes import Node, Survey
from harness.schedule.ray.session import ENVIRONMENT
from harness.schedule.ray.tune import Resources
from tests.helpers.tiny_trials import shrunk
from tests.test_command import harness

ONE = Node(id="1", name="one", cpus=8, gpus=4)
TWO = Node(id="2", name="two", cpus=16, gpus=8)
HERE = {"python": "3.11.7", "torch": "2.15.0"}
GOOD = {"versions": HERE, "data": ["a", "b"]}
NO_INDEX = "no current packet index, so each process opens every container before a first read"
SHA256 = hashlib.sha256(b"").hexdigest()


# One core and no GPU; two cores and a GPU in name only.
CLUSTER = """
from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
from ray.cluster_utils import Cluster
ensure_token_if_auth_enabled()
made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
made.add_node(num_cpus=2, num_gpus=1)
print("address", made.address, flush=True)
input()
made.shutdown()
"""


def survey(**changes):
    facts = {"facts": {"1": GOOD, "2": GOOD}, "decoders": {"1": {}, "2": {}}, "unshared": {}}
    return Survey(nodes=[ONE, TWO], **facts | changes)


def levels_and_findings(results):
    return [(each.level, each.finding) for each in results]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give an environment without a token."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_cluster_without_token_mode_is_a_problem(home, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    found = doctor.check_token("10.0.0.1:6379")
    assert (found.level, found.remedy) == (
        "problem",
        "export RAY_AUTH_MODE=token on every node",
    )


def test_a_cluster_needs_a_token_that_is_here_and_a_local_ray_makes_one(home):
    assert doctor.check_token("10.0.0.1:6379").level == "problem"
    assert doctor.check_token(None).level == "ok"


def test_a_token_that_others_can_reach_is_a_problem(home, monkeypatch):
    path = home / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("abc")
    path.chmod(0o644)
    for folder in (path.parent, home):
        folder.chmod(0o755)
    closed = not all(folder.stat().st_mode & 0o011 for folder in home.resolve().parents)
    assert doctor.check_token(None).level == ("ok" if closed else "problem")
    assert "chmod 600" in doctor.check_token(None).remedy or closed
    path.chmod(0o600)
    assert doctor.check_token(None).level == "ok"


def test_a_node_that_writes_elsewhere_is_named(tmp_path):
    found = checks.check_results(survey(unshared={"two": "FileNotFoundError"}), tmp_path)
    assert levels_and_findings(found) == [("problem", "two: FileNotFoundError")]
    assert [each.level for each in checks.check_results(survey(), tmp_path)] == ["ok"]


def test_a_node_with_other_versions_or_other_data_is_named(tmp_path):
    other = {"versions": HERE | {"torch": "2.1.0"}, "data": None}
    found = survey(facts={"1": GOOD, "2": other})
    assert levels_and_findings(checks.check_versions(found, HERE)) == [
        ("problem", "two: torch is 2.1.0, here 2.15.0")
    ]
    assert levels_and_findings(checks.check_data(found, tmp_path, ["a", "b"])) == [
        ("problem", "two: sees no folder")
    ]


def test_a_silent_node_is_said_once():
    found = survey(facts={"1": GOOD, "2": {"error": "no answer within 30 s"}})
    assert levels_and_findings(checks.check_nodes(found))[1:] == [
        ("problem", "two: no answer within 30 s")
    ]
    assert levels_and_findings(checks.check_versions(found, HERE)) == [
        ("ok", "python 3.11.7, torch 2.15.0")
    ]


def test_a_decoder_that_fails_is_named():
    found = survey(decoders={"1": {"error": "no H.264"}, "2": {}})
    assert levels_and_findings(checks.check_decoders(found)) == [("problem", "one: no H.264")]


@pytest.mark.parametrize(
    ("cpus", "gpus", "fitting"), [(1, 0, 24), (1, 1, 12), (1, 8, 1), (2, 0.5, 12), (9, 4, 1)]
)
def test_trials_fit_within_nodes(cpus, gpus, fitting):
    found, number = checks.check_capacity([ONE, TWO], cpus=cpus, gpus=gpus)
    assert (found.level, number) == ("ok", fitting)


def test_what_fits_on_no_node_is_a_problem():
    found, number = checks.check_capacity([ONE, TWO], cpus=1, gpus=9)
    assert (found.level, number) == ("problem", None)
    assert found.finding.endswith("the largest node has 16 and 8")


def test_ranks_across_nodes_are_said_with_how_many_trials_fit():
    found, number = checks.check_capacity([ONE, TWO], cpus=12, gpus=12, ranks=12)
    assert (found.level, number) == ("ok", 1)
    assert found.finding == "12 CPUs and 12 GPUs a trial: 1 at once, each across nodes in 12 ranks"


def test_each_running_trial_needs_room_for_its_checkpoints():
    paper = EXPERIMENT.rows[3].trial
    one, two = (checks.required_mb([paper] * 4, max_concurrent=n) for n in (1, 2))
    # Two checkpoints and a third being written, of a float32 weight and its momentum.
    assert two - one == pytest.approx(3 * 8 * cache.in_training(paper).params / 1e6)
    assert checks.required_mb([paper] * 8, max_concurrent=2) > two


def test_a_full_disk_is_a_problem():
    assert Path("/proc").is_dir()
    trials = [EXPERIMENT.rows[3].trial]
    found = checks.check_disk(Path("/proc/results"), trials, max_concurrent=1)
    assert (found.level, found.remedy.split(",")[0]) == ("problem", "free some space in /proc")


def test_data_without_a_passport_are_a_problem_with_the_command_that_makes_it(tmp_path):
    paper = [EXPERIMENT.rows[3].trial]
    (found,) = doctor.check_passports(paper, tmp_path)
    assert found.level == "problem"
    assert "`harness data check mini_kinetics200 --root FOLDER --data" in found.remedy
    path = data.passport_path("mini_kinetics200", tmp_path)
    path.parent.mkdir()
    path.write_text("{")
    assert [each.level for each in doctor.check_passports(paper, tmp_path)] == ["problem"]
    video = Video(id="a", path=path.parent / "a.mp4", labels=(0,), frames=9, sha256="0")
    passport.write(path, passport.complete_passport({"train": [video], "test": []}))
    assert levels_and_findings(doctor.check_passports(paper, tmp_path)) == [
        ("ok", "1 train, 0 test videos in its passport"),
        ("ok", NO_INDEX),
    ]


def write_index(path, digest):
    packet_file.write(path, digest, {SHA256: packet_file.Entry(96, 64, None).pack()})


def stale_index(path, digest):
    write_index(path, "another")


def damaged_index(path, digest):
    write_index(path, digest)
    index = packet_file.index_path(path)
    index.write_bytes(index.read_bytes()[:-1] + b"!")


def no_index(path, digest):
    pass


@pytest.mark.parametrize("index", [no_index, stale_index, damaged_index, write_index])
@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("files", "`harness data check mini_kinetics200 --root FOLDER --data"),
        ("copies", "repeat `harness data copy`"),
        ("shards", "repeat `harness data pack`"),
        ("pictures", None),
    ],
)
def test_a_data_set_without_a_current_packet_index_is_told_in_one_line(
    tmp_path, index, kind, remedy
):
    path = data.passport_path("mini_kinetics200", tmp_path)
    path.parent.mkdir()
    video = Video(id="a", path=path.parent / "a", labels=(0,), frames=9, sha256=SHA256)
    if kind == "pictures":
        video.path.mkdir()
    else:
        video.path.touch()
    if kind == "shards":
        video = replace(video, span=(0, 0))
    made = passport.complete_passport({"train": [], "test": [video]})
    made = replace(made, changed="smaller" if kind == "copies" else "")
    passport.write(path, made)
    index(path, passport.read(path).digest)
    _, *more = doctor.check_passports([EXPERIMENT.rows[3].trial], tmp_path)
    if remedy is None or index is write_index:
        assert more == []
        return
    (found,) = more
    assert (found.level, found.what) == ("ok", "packets mini_kinetics200")
    assert found.finding == NO_INDEX
    assert found.remedy.startswith(remedy)
    assert "\n" not in str(found)


def test_initial_weights_that_are_missing_or_wrong_are_a_problem(tmp_path):
    (trial,) = EXPERIMENT.rows[3].trials
    (missing,) = doctor.check_weights([trial, replace(trial, seed=1)], None)
    assert (missing.level, missing.what) == ("problem", "weights resnet50-0676ba61.pth")
    assert "no folder of weights is named" in missing.finding
    assert "https://download.pytorch.org/models/resnet50-0676ba61.pth" in missing.remedy
    assert "HARNESS_WEIGHTS" in missing.remedy
    (tmp_path / trial.model.weights).write_bytes(b"other")
    (wrong,) = doctor.check_weights([trial], tmp_path)
    assert wrong.level == "problem"
    assert "SHA-256" in wrong.finding
    assert list(doctor.check_weights([shrunk(trial)], None)) == []


def test_a_dead_server_is_a_problem_and_its_password_is_not_told(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{free_port()}")
    found = doctor.check_store(tmp_path)
    assert found.level == "problem"
    assert "secret" not in str(found)


def test_a_folder_that_cannot_be_written_ends_the_survey():
    asked = doctor.CheckRequest(results=Path("/proc/results"), data=Path("/proc"))
    *_, found, disk = doctor.run_checks(asked)
    assert (found.what, found.level) == ("results", "problem")
    assert (disk.what, disk.level) == ("disk", "unknown")


@pytest.mark.slow
def test_an_address_where_nothing_is_ends_the_survey(tmp_path):
    port = free_port()
    done = harness(
        *("doctor", "table_b", "--address", f"127.0.0.1:{port}", "--json"),
        *("--results", tmp_path, "--data", tmp_path),
    )
    assert (done.returncode, done.stderr) == (1, "")
    found = {each["what"]: each for each in json.loads(done.stdout)}
    assert f"127.0.0.1:{port} did not answer within" in found["cluster"]["finding"]


@pytest.mark.slow
def test_this_machine_alone_is_fit_for_a_desk_table(tmp_path):
    done = harness("doctor", "table_b", "--results", tmp_path, "--data", tmp_path)
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    whats = [line.split(maxsplit=1)[1].partition(":")[0] for line in lines]
    assert {"token", "data desk", "tracking", "decoder", "request", "disk"} <= set(whats)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def address():
    """Start two nodes on this machine, in a process of their own, since Ray reads its mode once."""
    process = subprocess.Popen(
        [sys.executable, "-c", CLUSTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **ENVIRONMENT},
    )
    lines = iter(process.stdout.readline, "")
    yield next(line.split()[1] for line in lines if line.startswith("address "))
    process.communicate("\n")


def one_trial(runtime):
    return grid.trials(
        replace(EXPERIMENT, rows=(EXPERIMENT.rows[3],), claims=()),
        rescale=shrunk,
        seeds=1,
        passport=lambda each: data.load_passport(each.data, runtime.data).digest,
        code=code.hashes,
        results=runtime.results,
    )


@pytest.mark.slow
def test_a_run_is_refused_that_fits_on_no_node_of_a_cluster_and_one_that_fits_runs(
    address, runtime
):
    listed, events = one_trial(runtime), []
    wide = Resources(address=address, cpus=3)
    with pytest.raises(ValueError, match="needs 3 CPUs and 0 GPUs on one node; the largest"):
        tune.run_on_ray(listed, runtime, events.append, wide)
    assert events == []
    fits = Resources(address=address, cpus=2, gpus=1)
    tune.run_on_ray(listed, runtime, events.append, fits)
    assert events[-1].record.key == listed[0].key
    assert list(runtime.results.glob(".shared-*")) == []


@pytest.mark.slow
def test_the_doctor_asks_every_node_of_a_cluster(address, tmp_path):
    done = harness(
        *("doctor", "table_b", "--address", address, "--gpus-per-trial", 1),
        *("--results", tmp_path / "results", "--data", tmp_path),
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("ok ")] == []
    (found,) = [line for line in lines if " nodes: " in line]
    assert found.count("CPUs") == 2
    assert any("1 CPUs and 1 GPUs a trial: 1 at once" in line for line in lines)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_node_that_stays_silent_or_fails_gives_a_reason(address):
    with session.connect(address) as found:
        silent = nodes.call_on_nodes(lambda: time.sleep(600), found, timeout_s=2)
        failed = nodes.call_on_nodes(lambda: {}["no such key"], found)
    assert len(found) == 2
    assert [silent[node.id]["error"] for node in found] == ["no answer within 2 s"] * 2
    assert [failed[node.id]["error"] for node in found] == ["KeyError: 'no such key'"] * 2


@pytest.mark.slow
def test_a_wrong_token_is_a_finding(address, tmp_path):
    env = {**os.environ, "RAY_AUTH_TOKEN": "0" * 64}
    words = ["doctor", "table_b", "--address", address, "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words, "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=env,
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("problem")]
    assert f"Ray at {address} cannot be joined" in line
    assert "InvalidAuthToken" in line
    assert (done.returncode, done.stderr) == (1, "")
