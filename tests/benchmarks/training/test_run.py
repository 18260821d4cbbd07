"""The benchmark of training at sizes that take seconds."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from benchmarks.training import measurements, networks, steps
from benchmarks.training import run as training_run
from benchmarks.training.networks import NETWORKS, Variant
from benchmarks.training.setting import TINY_SIZES, Setting
from benchmarks.training.text import full_size, verdict
from harness.training import out_of_memory

CPU = torch.device("cpu")
EAGER = Variant(precision="float32", memory_format="as_built", compiled=False)
TINY = Setting(
    **TINY_SIZES
    | {
        "networks": ("tsn", "dsa"),
        "precisions": ("float32",),
        "memory_formats": ("as_built",),
        "largest_batch": 1,
    }
)
WORDS = ("--tiny", "--networks", "tsn", "dsa", "--precision", "float32", "--memory-format")
WORDS += ("as_built", "--largest", "1")


def silent(_):
    pass


def small(name, variant=EAGER):
    trial = networks.shaped(
        name, num_frames=1, crop_px=32, stem_width=8, precision=variant.precision
    )
    return networks.build(name, trial, variant, CPU)


def filled(path, setting=TINY):
    said = []
    measured = training_run.begin(setting, path)
    training_run.fill(measured, setting, path=path, say=said.append)
    return measured, said


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Give a finished measurement and its file."""
    path = tmp_path_factory.mktemp("bench") / "made.json"
    return filled(path)[0], path


def test_every_way_and_every_batch_is_a_row(whole):
    measured, path = whole
    expected = ["peak", "float32, as_built, eager", "tsn, batch 1", "dsa, batch 1"]
    assert [*measured["rows"]] == expected
    assert json.loads(path.read_text())["rows"] == measured["rows"]
    row = measured["rows"]["float32, as_built, eager"]
    assert [*row["networks"]] == ["tsn", "dsa"]
    assert [*row["ratios"]] == ["dsa/tsn"]
    for found in row["networks"].values():
        assert found["peak_share"] > 0
        assert found["peak_mb"] > 1


def test_the_text_says_loudly_that_a_cpu_is_no_gpu(whole):
    text = training_run.text(whole[0])
    assert "THIS IS A CPU" in text
    assert "the aim is" not in text
    assert text.count("\n  DSA ") == 2


@pytest.mark.slow
def test_a_file_of_the_same_setting_goes_on_where_it_ends(whole, tmp_path):
    measured, path = whole
    cut = json.loads(path.read_text())
    del cut["rows"]["dsa, batch 1"]
    rest = tmp_path / "cut.json"
    rest.write_text(json.dumps(cut))
    again, said = filled(rest)
    assert [line for line in said if "round" in line or "first" in line] == []
    kept = {name: row for name, row in again["rows"].items() if name != "dsa, batch 1"}
    assert kept == cut["rows"]
    assert [*again["rows"]] == [*measured["rows"]]


@pytest.mark.slow
def test_what_was_measured_before_an_interruption_is_kept(tmp_path):
    path = tmp_path / "made.json"

    def interrupted(line):
        if "first steps of dsa" in line:
            raise KeyboardInterrupt

    measured = training_run.begin(TINY, path)
    with pytest.raises(KeyboardInterrupt):
        training_run.fill(measured, TINY, path=path, say=interrupted)
    assert [*json.loads(path.read_text())["rows"]] == ["peak"]


def test_a_file_of_another_setting_is_refused(whole):
    with pytest.raises(ValueError, match="another measurement: rounds was 2 and is now 3; give"):
        training_run.begin(replace(TINY, rounds=3), whole[1])


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": {}}'])
def test_a_file_that_holds_something_else_is_refused(content, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="is not an output of `benchmarks training`"):
        training_run.begin(TINY, path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": "cuda:99"}, "device cuda:99: this machine has"),
        ({"device": "tpu"}, "device tpu: give cpu, cuda or cuda:<index>"),
        ({"crop_px": 16}, "crop_px = 16; it must be at least 32"),
        ({"rounds": 1}, "rounds = 1; it must be at least 2"),
        ({"device": "cpu", "largest_batch": None}, "needs an end: give --largest"),
    ],
)
def test_what_cannot_be_measured_is_one_sentence(changes, message):
    with pytest.raises(ValueError, match=message):
        training_run.begin(replace(TINY, **changes), None)


def test_the_sizes_of_a_gpu_are_those_of_the_paper():
    setting, path = training_run.read(["--device", "cuda", "--networks", "tsn", "v4d"])
    assert path is None
    assert setting == Setting(device="cuda", networks=("tsn", "v4d"))
    assert full_size(json.loads(json.dumps(vars(setting))))
    small_net, _ = training_run.read(["--device", "cuda", "--width", "8"])
    assert not full_size(vars(small_net))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_grouped_convolution_gives_the_same_network(precision):
    nets = [small("dsa"), small("grouped")]
    mixes = [[type(x).__name__ for x in net.modules() if "Mix" in type(x).__name__] for net in nets]
    assert mixes == [["SnippetMix"] * 5, ["GroupedMix"] * 5]
    clips = torch.randn(2, 4, 3, 1, 32, 32)
    nets[1].load_state_dict(nets[0].state_dict())
    with torch.inference_mode(), torch.autocast("cpu", enabled=precision == "bfloat16"):
        ours, theirs = (net.eval()(clips).float() for net in nets)
    exact = precision == "float32"
    tolerance = 1e-5 if exact else 3e-2
    assert torch.allclose(ours, theirs, rtol=tolerance, atol=tolerance * float(ours.abs().max()))


def test_weights_are_in_channels_last_memory_where_that_is_asked():
    format_ = torch.channels_last_3d
    wanted = replace(EAGER, memory_format="channels_last_3d")
    nets = small("tsn"), small("tsn", wanted)
    shares = []
    for net in nets:
        inner = [p for p in net.parameters() if p.dim() == 5 and p.shape[2] * p.shape[3] > 1]
        shares.append(sum(p.is_contiguous(memory_format=format_) for p in inner) / len(inner))
    assert shares == [0, 1]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_makes_a_step(name):
    trial = networks.shaped(name, num_frames=1, crop_px=32, stem_width=8, precision="bfloat16")
    net = small(name)
    before = [each.detach().clone() for each in net.parameters()]
    batch = measurements.measure_throughput.random_batch(trial.data, 1, CPU)
    assert steps.mean_step(net, batch, trial, steps=1) > 0
    assert any((a != b).any() for a, b in zip(before, net.parameters(), strict=True))
    assert all(each.grad is None for each in net.parameters())


def test_networks_take_their_turns_forth_and_back():
    calls = []

    def run(name):
        calls.append(name)
        return float(len(calls))

    runs = {name: lambda name=name: run(name) for name in "abc"}
    times = steps.laps(runs, rounds=3, progress=silent)
    assert "".join(calls) == "abccbaabc"
    assert times == {"a": [1, 6, 7], "b": [2, 5, 8], "c": [3, 4, 9]}


@pytest.mark.slow
@pytest.mark.parametrize("error", [torch.OutOfMemoryError, out_of_memory.DeviceMemoryError])
def test_batches_double_until_memory_does_not_suffice(error):
    tried = []

    def step(videos):
        tried.append(videos)
        if videos > 8:
            raise error("CUDA out of memory")
        return 10.0 * videos

    found = steps.doubling(lambda n: steps.fitting(lambda: step(n)), largest=None)
    assert found == {1: 10.0, 2: 20.0, 4: 40.0, 8: 80.0}
    assert tried == [1, 2, 4, 8, 16]


def test_batches_end_at_the_largest():
    assert [*steps.doubling(lambda videos: videos, largest=5)] == [1, 2, 4]


def test_an_error_other_than_memory_is_not_hidden():
    def broken():
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        steps.fitting(broken)


@pytest.mark.slow
def test_networks_that_do_not_fit_together_are_one_sentence():
    def full():
        raise torch.OutOfMemoryError("CUDA out of memory")

    message = "a batch of 1 videos does not fit into the memory beside all networks; give a smaller"
    with pytest.raises(ValueError, match=message):
        measurements.turns({"tsn": full}, TINY, silent)


def test_a_share_is_three_forward_passes_of_two_flop_over_the_peak():
    row = {"macs_per_video": 10**9, "videos_per_second": {"median": 100.0}}
    assert measurements.share(row, peak=6e12) == {
        "flop_per_second": pytest.approx(6e11),
        "peak_share": pytest.approx(0.1),
    }


def test_a_ratio_is_taken_round_by_round():
    times = {"tsn": [1.0, 2.0, 4.0], "dsa": [1.1, 2.2, 4.0]}
    found = measurements.ratios(times)
    assert [*found] == ["dsa/tsn"]
    assert found["dsa/tsn"]["median"] == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(1.0, 1.02, "met"), (1.021, 1.03, "missed"), (1.01, 1.03, "undecided")],
)
def test_the_aim_is_met_if_both_quartiles_say_so(low, high, said):
    assert verdict({"low": low, "median": 1.01, "high": high}) == said


@pytest.mark.slow
def test_peak_memory_holds_weights_batch_and_features():
    net = small("tsn")
    trial = networks.shaped("tsn", num_frames=1, crop_px=32, stem_width=8, precision="float32")
    few, many = (
        steps.peak_bytes(
            net, measurements.measure_throughput.random_batch(trial.data, n, CPU), trial
        )
        for n in (1, 4)
    )
    weights = 4 * sum(each.numel() for each in net.parameters())
    assert few > 3 * weights  # with gradients and momentum
    assert many > few


@pytest.mark.slow
def test_without_a_compiler_the_row_says_so():
    program = """
import torch
from torch import nn
from benchmarks.training import networks, steps
from harness.plan import measure_throughput
trial = networks.shaped("tsn", num_frames=1, crop_px=32, stem_width=8, precision="float32")
batch = measure_throughput.random_batch(trial.data, 1, torch.device("cpu"))
class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(200))
    def forward(self, clips):
        return (clips.mean() * self.scale).sin().expand(1, 200)
net = Small()
net.compile()
try:
    steps.first_step(net, batch, trial)
except steps.NotCompiledError as error:
    print(error)
"""
    env = os.environ | {"CXX": "/nowhere/g++", "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=env
    )
    assert len(done.stdout.splitlines()) == 1
    assert "C++" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("module", [("benchmarks.training.run",), ("benchmarks", "training")])
def test_both_commands_resume_a_file(module, whole):
    words = [sys.executable, "-m", *module, *WORDS, "--json", str(whole[1])]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == training_run.text(whole[0])
    wrong = subprocess.run([*words, "--rounds", "3"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 1


@pytest.mark.slow
def test_the_module_needs_few_libraries():
    heavy = "ray mlflow av matplotlib pandas click rich scipy torchvision fvcore PIL safetensors"
    program = "import sys\n"
    program += f"sys.modules |= dict.fromkeys({heavy.split()})\n"
    program += (
        f"from benchmarks.training import run as b; b.measure({[*WORDS, '--networks', 'tsn']})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "\n  TSN " in done.stdout
