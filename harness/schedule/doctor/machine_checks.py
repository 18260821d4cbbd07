"""Checks of the machine of every node: GPUs, shared memory, open files, locks, loader."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.cost import cache
from harness.plan import throughput
from harness.schedule.doctor.checks import CheckResult, check_each, ok, problem, unknown
from harness.schedule.ray.nodes import Survey
from harness.specs import Trial

_BATCHES = 4  # that loaders of a trial hold in shared memory at once
_OPEN_FILES = 1024
_OPEN_FILES_WITH_GPUS = 4096
_SECOND_NS = 1_000_000_000
_FREE_SHARE = 0.9  # of a GPU that nobody else uses


def check_machines(survey: Survey, trials: Sequence[Trial]) -> Iterator[CheckResult]:
    """Check shared memory, open files, locks and time stamps of all nodes."""
    machines = _by_name(survey, survey.machines)
    silent = {name: str(facts["error"]) for name, facts in machines.items() if "error" in facts}
    known = {name: facts for name, facts in machines.items() if name not in silent}
    yield from (unknown("machine", f"{name}: {error}") for name, error in silent.items())
    needed = _BATCHES * max((_batch_bytes(trial) for trial in trials), default=0)
    yield from _check(
        "shared memory",
        {name: _shm_problem(facts["shm_bytes"], needed) for name, facts in known.items()},
        good=f"every node has room for {_BATCHES} batches in /dev/shm",
        remedy="give the container more (--shm-size, or a volume of medium Memory at /dev/shm)",
    )
    yield from _check(
        "open files",
        {name: _files_problem(facts) for name, facts in known.items()},
        good="every node allows enough of them (ulimit -n)",
        remedy=f"run `ulimit -n {16 * _OPEN_FILES_WITH_GPUS}` before Ray, or the driver, starts",
    )
    yield from _check(
        "locks",
        {name: str(facts["locks"]) for name, facts in known.items()},
        good="every node sees the locks of this one in the results folder",
        remedy="mount the results with flock (Lustre: -o flock); until then run one driver at a "
        "time, and after the loss of its machine delete the file that the next one names",
    )
    yield from _check(
        "time stamps",
        {name: _stamp_problem(int(facts["stamp_ns"])) for name, facts in known.items()},
        good="the file system of the results keeps them as they are set",
        remedy="videos copied to such a file system look changed, and are read whole once more",
    )


def check_gpus(survey: Survey, trials: Sequence[Trial]) -> Iterator[CheckResult]:
    """Check driver, memory, bf16 and NCCL of the GPUs of all nodes; one line if there are none."""
    machines = _by_name(survey, survey.machines)
    asked = {name: facts["gpus"] for name, facts in machines.items() if "gpus" in facts}
    counted = {node.name: node.gpus for node in survey.nodes}
    drivers = {name: _driver_problem(gpus, counted[name]) for name, gpus in asked.items()}
    with_gpus = {name: gpus["gpus"] for name, gpus in asked.items() if gpus.get("gpus")}
    if not with_gpus and not any(drivers.values()):
        in_name = sum(counted[name] for name in asked)
        doubt = f"; the {in_name:g} that Ray counts have no driver" if in_name else ""
        yield from [ok("gpus", f"no GPU on any node{doubt}")] if asked else []
        return
    yield from _check(
        "gpu driver",
        drivers,
        good="it supports the CUDA version of PyTorch on every node with GPUs",
        remedy="update the driver, or install a PyTorch for an older CUDA on all nodes",
    )
    if not with_gpus:
        return
    yield from _check(
        "gpu memory",
        {name: _memory_problem(gpus) for name, gpus in with_gpus.items()},
        good="; ".join(f"{name}: {_names(gpus)}" for name, gpus in with_gpus.items()),
        remedy="end what else runs on it; see nvidia-smi",
    )
    if any(trial.train.precision == "bfloat16" for trial in trials):
        yield from _check(
            "gpu bf16",
            {name: _bf16_problem(gpus) for name, gpus in with_gpus.items()},
            good="every GPU computes in bfloat16",
            remedy="use GPUs of compute capability 8.0 or newer",
        )
    yield from _check(
        "gpu all-reduce",
        {name: str(machines[name]["all_reduce"].get("error", "")) for name in with_gpus},
        good="NCCL adds over all GPUs of every node",
        remedy="run it with NCCL_DEBUG=INFO; in a container look at /dev/shm and at its devices",
    )


def check_loaders(survey: Survey, trials: Sequence[Trial]) -> Iterator[CheckResult]:
    """Compare the videos that a loader process reads with those that a GPU trains on."""
    trial_of = {trial.data.name: trial for trial in trials}
    nodes = {node.name: node for node in survey.nodes}
    for name, rates in _by_name(survey, survey.loaders).items():
        if "error" in rates:
            yield unknown("loader", f"{name}: {rates['error']}")
            continue
        machine = survey.machines.get(nodes[name].id, {})
        gpus = machine.get("gpus", {}).get("gpus") or []
        cores = nodes[name].cpus / max(len(gpus), 1)
        for data_set, rate in rates.items():
            yield _loader_result(name, trial_of[data_set], rate, gpus, cores)


def _loader_result(
    node: str, trial: Trial, rate: float, gpus: Sequence[Mapping[str, Any]], cores: float
) -> CheckResult:
    what = f"loader {trial.data.name}"
    finding = f"{node}: a process reads {rate:.1f} videos/s"
    if not gpus:
        return ok(what, f"{finding}; no GPU waits for it")
    needed = _trained_per_second(trial, str(gpus[0]["name"]))
    if needed is None:
        return unknown(what, f"{finding}; the need of {gpus[0]['name']} is not known")
    workers = -(-needed // rate)
    finding += f", and a GPU trains on about {needed:.0f}: --workers {workers:.0f}"
    if workers <= cores:
        return ok(what, finding)
    return problem(
        what,
        f"{finding}, but a GPU has {cores:.0f} cores",
        "make smaller training copies with `harness data copy`, or take more cores for each GPU",
    )


def _trained_per_second(trial: Trial, gpu: str) -> float | None:
    """Return the videos that a GPU trains on in a second, as assumed; None if it is not known."""
    known = [rate for name, rate in throughput.GPUS.items() if name in gpu.lower()]
    macs = throughput.FORWARD_AND_BACKWARD * cache.in_training(trial).macs
    return known[0].macs_per_second / macs if known else None


def _check(
    what: str, reasons: Mapping[str, str], *, good: str, remedy: str
) -> Iterator[CheckResult]:
    """Check as `check_each`; nothing if no node answered."""
    return check_each(what, reasons, good=good, remedy=remedy) if reasons else iter(())


def _by_name(survey: Survey, facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {node.name: facts[node.id] for node in survey.nodes if node.id in facts}


def _batch_bytes(trial: Trial) -> int:
    spec = trial.data
    frames = trial.train.batch_videos * spec.num_snippets * spec.num_frames
    return frames * 3 * spec.crop_px**2


def _shm_problem(free: int | None, needed: int) -> str:
    if free is None or free >= needed:
        return ""
    return f"{free / 1e6:,.0f} MB free, and {needed / 1e6:,.0f} MB for {_BATCHES} batches"


def _files_problem(facts: Mapping[str, Any]) -> str:
    limit, has_gpus = int(facts["open_files"]), bool(facts["gpus"].get("gpus"))
    least = _OPEN_FILES_WITH_GPUS if has_gpus else _OPEN_FILES
    return f"{limit} at most, and ranks with loaders take {least}" if 0 <= limit < least else ""


def _stamp_problem(error_ns: int) -> str:
    return "" if error_ns == 0 else f"changes them by {error_ns / _SECOND_NS:.9f} s"


def _driver_problem(gpus: Mapping[str, Any], counted: float) -> str:
    """Return what is wrong between the driver, PyTorch and Ray; nothing on a node without GPUs."""
    if "error" in gpus:
        return f"GPUs did not answer: {gpus['error']}"
    supports, built_for = str(gpus["supports"]), str(gpus["built_for"])
    if supports and built_for and _major(supports) < _major(built_for):
        driver = gpus["driver"] or "of this node"
        return f"driver {driver} supports CUDA {supports}, and PyTorch was built for {built_for}"
    if gpus.get("problem") or not supports:
        return str(gpus.get("problem", ""))
    found = len(gpus["gpus"])
    return f"Ray counts {counted:g} GPUs, and PyTorch sees {found}" if counted > found else ""


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _memory_problem(gpus: Sequence[Mapping[str, Any]]) -> str:
    used = [
        f"GPU {index} has {gpu['free_bytes'] / 1e9:.0f} of {gpu['total_bytes'] / 1e9:.0f} GB free"
        for index, gpu in enumerate(gpus)
        if gpu["free_bytes"] < _FREE_SHARE * gpu["total_bytes"]
    ]
    return ", ".join(used)


def _bf16_problem(gpus: Sequence[Mapping[str, Any]]) -> str:
    lacking = [f"GPU {n} ({gpu['name']})" for n, gpu in enumerate(gpus) if not gpu["has_bf16"]]
    return f"{', '.join(lacking)} cannot" if lacking else ""


def _names(gpus: Sequence[Mapping[str, Any]]) -> str:
    sizes = [f"{gpu['name']}, {gpu['total_bytes'] / 1e9:.0f} GB" for gpu in gpus]
    return ", ".join(f"{sizes.count(size)} × {size}" for size in dict.fromkeys(sizes))
