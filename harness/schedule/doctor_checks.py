"""What the answers of nodes mean for a grid: pure functions, and free disk."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.plan import budget
from harness.schedule.ray import capacity
from harness.schedule.ray.node_probe import Answer
from harness.schedule.ray.nodes import Node, Survey
from harness.specs import Trial

_BEING_WRITTEN = 1.5  # two checkpoints of a trial, and for a moment a third
Level = Literal["ok", "problem", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found out about one thing, and what to do about it."""

    level: Level
    what: str
    finding: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.level:<7}  {self.what}: {self.finding}{remedy}"


def ok(what: str, finding: str) -> Finding:
    """Return a finding that needs no remedy."""
    return Finding(level="ok", what=what, finding=finding)


def problem(what: str, finding: str, remedy: str) -> Finding:
    """Return a finding that would harm a run."""
    return Finding(level="problem", what=what, finding=finding, remedy=remedy)


def unknown(what: str, finding: str) -> Finding:
    """Return a finding of something that could not be looked at."""
    return Finding(level="unknown", what=what, finding=finding)


def of_nodes(found: Survey) -> Iterator[Finding]:
    """Say which nodes there are, and which of them do not answer."""
    yield ok("nodes", ", ".join(f"{n.name}: {n.cpus:g} CPUs, {n.gpus:g} GPUs" for n in found.nodes))
    yield from _each(
        "answers",
        {node.name: str(found.facts[node.id].get("error", "")) for node in found.nodes},
        good="every node runs this code",
        remedy="is this environment on that node, and is the node dead or too busy?",
    )


def of_results(found: Survey, results: Path) -> Iterator[Finding]:
    """Say whether all nodes write into the same results folder."""
    yield from _each(
        "results",
        found.unshared,
        good=f"what each node writes arrives in {results}",
        remedy="put --results on a file system that every node mounts",
    )


def of_data(found: Survey, data: Path, here: Sequence[str] | None) -> Iterator[Finding]:
    """Say whether all nodes see the data folder that this process sees, by the names in it."""
    seen = {name: facts["data"] for name, facts in _known(found).items()}
    yield from _each(
        "data folder",
        {name: f"sees {_listed(names)}" for name, names in seen.items() if names != here},
        good=f"every node sees {_listed(here)} in {data}",
        remedy=f"here it is {_listed(here)}; put --data on a file system that every node mounts",
    )


def _listed(names: Sequence[str] | None) -> str:
    return "no folder" if names is None else f"{len(names)} entries"


def of_versions(found: Survey, here: Mapping[str, str]) -> Iterator[Finding]:
    """Say whether all nodes run what this process runs."""
    yield from _each(
        "versions",
        {name: _differences(facts["versions"], here) for name, facts in _known(found).items()},
        good=", ".join(f"{name} {version}" for name, version in here.items()),
        remedy="use one environment on a shared file system, or one image",
    )


def _known(found: Survey) -> dict[str, Answer]:
    """Return what is known of the nodes that answered, by their names."""
    facts = {node.name: found.facts[node.id] for node in found.nodes}
    return {name: each for name, each in facts.items() if "error" not in each}


def _differences(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    different = [name for name in here if there[name] != here[name]]
    return ", ".join(f"{name} is {there[name]}, here {here[name]}" for name in different)


def of_decoders(found: Survey) -> Iterator[Finding]:
    """Say whether all nodes decode a video that they made."""
    yield from _each(
        "decoder",
        {node.name: str(found.decoders[node.id].get("error", "")) for node in found.nodes},
        good="every node decodes a tiny mp4",
        remedy="install the locked version of av there",
    )


def _each(what: str, bad: Mapping[str, str], *, good: str, remedy: str) -> Iterator[Finding]:
    """Return a problem for every node that has one, or that all is well."""
    found = [problem(what, f"{name}: {why}", remedy) for name, why in bad.items() if why]
    yield from found or [ok(what, good)]


def of_request(
    found: Sequence[Node], *, cpus: float, gpus: float, ranks: int = 1
) -> tuple[Finding, int | None]:
    """Say how many trials fit, and return the number; None if not even one does."""
    wish = f"{cpus:g} CPUs and {gpus:g} GPUs a trial"
    try:
        place = capacity.find(found, cpus=cpus, gpus=gpus, ranks=ranks)
    except ValueError as error:
        remedy = "lower --gpus-per-trial or --cpus-per-trial, or start more or larger nodes"
        return problem("request", str(error), remedy), None
    how = f", each across nodes in {ranks} ranks" if place.spans else ""
    return ok("request", f"{wish}: {place.at_once} at once{how}"), place.at_once


def of_disk(results: Path, trials: Sequence[Trial], *, side_by_side: int | None) -> Finding:
    """Compare the free disk of the results folder with what trials need."""
    there = next(folder for folder in (results, *results.parents) if folder.exists())
    free = shutil.disk_usage(there).free / 1e6
    if side_by_side is None:
        return unknown("disk", f"{free:,.0f} MB free, and how many trials run at once is not known")
    try:
        needed = needs_mb(trials, side_by_side=side_by_side)
    except ValueError as error:
        return unknown("disk", f"{free:,.0f} MB free; {error}")
    grid = f"{needed:,.0f} MB for {len(trials)} trials, {free:,.0f} MB free"
    if needed > free:
        return problem("disk", grid, f"make room, or put --results elsewhere than {there}")
    return ok("disk", grid)


def needs_mb(trials: Sequence[Trial], *, side_by_side: int) -> float:
    """Return the megabytes that trials leave, and that running ones need, as far as counted.

    Args:
        trials: Those to run.
        side_by_side: How many of them run at once, with two checkpoints each (weights and
            momentum) and for a moment a third.

    Raises:
        ValueError: If nobody said how many videos a data set has.
    """
    works = [budget.estimate_workload(trial) for trial in trials]
    running = sorted((each.checkpoint_bytes for each in works), reverse=True)[:side_by_side]
    left = sum(each.record_bytes + each.score_bytes for each in works)
    return (left + _BEING_WRITTEN * sum(running)) / 1e6
