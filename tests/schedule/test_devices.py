"""Options of devices, judged together."""

import pytest
import torch
from click.testing import CliRunner

from harness import launch
from harness.cli.main import app
from harness.schedule import devices


@pytest.fixture
def gpus(monkeypatch):
    """Set the number of GPUs that this machine seems to have."""

    def have(count):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return have


def choose(**options):
    given = {"device": None, "gpus": None, "ranks": None, "on_ray": True, "is_remote": False}
    chosen = devices.choose(**given | options)
    return chosen.device, chosen.gpus, chosen.ranks


@pytest.mark.parametrize(
    ("present", "options", "expected"),
    [
        (0, {}, ("cpu", 0, 1)),
        (0, {"ranks": 2}, ("cpu", 0, 2)),
        (2, {}, ("cuda", 1, 1)),
        (2, {"ranks": 2}, ("cuda", 2, 2)),
        (2, {"gpus": 0.5}, ("cuda", 0.5, 1)),
        (2, {"gpus": 2}, ("cuda", 2, 2)),
        (2, {"gpus": 0}, ("cpu", 0, 1)),
        (2, {"device": "cpu"}, ("cpu", 0, 1)),
        (2, {"device": "cpu", "gpus": 0, "ranks": 3}, ("cpu", 0, 3)),
        (2, {"device": "cuda"}, ("cuda", 1, 1)),
        (2, {"device": "cuda", "gpus": 2}, ("cuda", 2, 2)),
        (2, {"device": "cuda:1", "on_ray": False}, ("cuda:1", 1, 1)),
        (2, {"device": "cuda", "gpus": 0, "on_ray": False}, ("cuda", 1, 1)),
        # The driver of a cluster may have no GPU, and its own say nothing of the nodes.
        (0, {"device": "cuda", "gpus": 8, "is_remote": True}, ("cuda", 8, 8)),
        (0, {"gpus": 8, "is_remote": True}, ("cuda", 8, 8)),
        (2, {"is_remote": True}, ("cpu", 0, 1)),
    ],
)
def test_options_that_are_not_given_follow_from_the_others(gpus, present, options, expected):
    gpus(present)
    assert choose(**options) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda", "gpus": 0}, "one trial per processor core, all of them on the same"),
        ({"device": "cpu", "gpus": 8}, "reserves GPUs, and --device cpu leaves them idle"),
        ({"device": "cpu", "gpus": 0.5}, "leaves them idle"),
        ({"gpus": 1.5}, "1.5 is neither a whole number nor less than 1"),
        ({"device": "cuda:1"}, "Ray numbers the GPUs of a trial from 0"),
        ({"device": "gpu"}, "--device gpu is none of cpu, cuda, cuda:<index>"),
        ({"device": "cuda:x"}, "is none of"),
        ({"gpus": 0.5, "ranks": 2}, "each rank needs one whole GPU; pass --gpus-per-trial 2"),
        ({"gpus": 1, "ranks": 2}, "each rank needs one whole GPU"),
        ({"gpus": 4, "ranks": 2}, "each rank needs one whole GPU"),
        ({"device": "cuda:1", "ranks": 2, "on_ray": False}, "is one GPU, and 2 ranks need one"),
        ({"device": "cuda", "gpus": 8}, "this machine has 2 GPUs"),
        ({"device": "cuda:2", "on_ray": False}, "this machine has 2 GPUs"),
    ],
)
def test_options_that_contradict_each_other_are_refused(gpus, options, message):
    gpus(2)
    with pytest.raises(ValueError, match=message):
        choose(**options)


def test_a_gpu_that_this_machine_lacks_is_refused_before_ray_starts(gpus):
    gpus(0)
    with pytest.raises(ValueError, match="device cuda: this machine has 0 GPUs"):
        choose(device="cuda")


class _StartedError(Exception):
    """Stands for the start of a run."""


@pytest.fixture
def started(monkeypatch):
    """Keep what a run would have started with."""
    kept = {}

    def run(requests, *, resources, **_):
        kept.update(runtime=requests[0].runtime, resources=resources)
        raise _StartedError

    monkeypatch.setattr(launch, "run", run)
    return kept


def command(folder, *words):
    return CliRunner().invoke(app, ["run", "table_b", "--results", str(folder), *words])


def test_a_run_on_a_machine_with_gpus_uses_them_and_says_so(gpus, started, tmp_path):
    gpus(2)
    done = command(tmp_path)
    assert isinstance(done.exception, _StartedError)
    assert "this machine has 2 GPUs: trials run with --device cuda" in done.output
    assert (started["runtime"].device, started["resources"].gpus) == ("cuda", 1)


def test_a_run_hands_on_how_it_outlasts_storage(gpus, started, tmp_path):
    gpus(0)
    command(tmp_path, "--io-retries", "2", "--io-wait", "7.5")
    assert started["runtime"].device == "cpu"
    assert (started["runtime"].io_retries, started["runtime"].io_wait_s) == (2, 7.5)


def test_a_run_refuses_gpus_that_it_would_not_use(gpus, started, tmp_path):
    gpus(8)
    done = command(tmp_path, "--device", "cpu", "--gpus-per-trial", "8")
    assert done.exit_code != 0
    assert started == {}
