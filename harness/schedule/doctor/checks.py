"""Checks of a survey of nodes against a grid, and of free disk."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.plan import budget
from harness.schedule.ray import capacity
from harness.schedule.ray.node_probe import NodeFacts
from harness.schedule.ray.nodes import Node, Survey
from harness.specs import Trial
from harness.utils.escape import counted
from harness.utils.redaction import redact

_PEAK = 1.5  # a third checkpoint is written beside the two that a trial keeps
Level = Literal["ok", "problem", "unknown"]


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The result of one check.

    Attributes:
        level: `problem` would harm a run; `unknown` could not be checked.
        what: Subject of the check.
        finding: What it showed.
        remedy: What to do about a problem.
    """

    level: Level
    what: str
    finding: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.level:<7}  {self.what}: {self.finding}{remedy}"


def ok(what: str, finding: str) -> CheckResult:
    """Return the result of a check that passed."""
    return CheckResult(level="ok", what=what, finding=redact(finding))


def problem(what: str, finding: str, remedy: str) -> CheckResult:
    """Return the result of a check that failed."""
    return CheckResult(level="problem", what=what, finding=redact(finding), remedy=redact(remedy))


def unknown(what: str, finding: str) -> CheckResult:
    """Return the result of a check that was not possible."""
    return CheckResult(level="unknown", what=what, finding=redact(finding))


def check_nodes(survey: Survey) -> Iterator[CheckResult]:
    """List the nodes, and check that each runs this code."""
    nodes = [f"{node.name}: {node.cpus:g} CPUs, {node.gpus:g} GPUs" for node in survey.nodes]
    yield ok("nodes", ", ".join(nodes))
    yield from check_each(
        "answers",
        {node.name: str(survey.facts[node.id].get("error", "")) for node in survey.nodes},
        good="every node runs this code",
        remedy="check that the node is alive, not overloaded, and has this environment",
    )


def check_results(survey: Survey, results: Path) -> Iterator[CheckResult]:
    """Check that all nodes write into the same results folder."""
    yield from check_each(
        "results",
        survey.unshared,
        good=f"files from every node arrive in {results}",
        remedy="put --results on a file system that every node mounts",
    )


def check_data(
    survey: Survey, data: Path, local_names: Sequence[str] | None
) -> Iterator[CheckResult]:
    """Check that all nodes see the same names in the data folder as this process."""
    names_by_node = {name: facts["data"] for name, facts in _facts_by_name(survey).items()}
    local = _describe_names(local_names)
    yield from check_each(
        "data folder",
        {
            name: f"sees {_describe_names(names)}"
            for name, names in names_by_node.items()
            if names != local_names
        },
        good=f"every node sees {local} in {data}",
        remedy=f"this process sees {local}; put --data on a file system that every node mounts",
    )


def _describe_names(names: Sequence[str] | None) -> str:
    return "no folder" if names is None else f"{len(names)} entries"


def check_versions(survey: Survey, local_versions: Mapping[str, str]) -> Iterator[CheckResult]:
    """Check that all nodes run the versions of this process."""
    yield from check_each(
        "versions",
        {
            name: _differences(facts["versions"], local_versions)
            for name, facts in _facts_by_name(survey).items()
        },
        good=", ".join(f"{name} {version}" for name, version in local_versions.items()),
        remedy="use one environment on a shared file system, or one image",
    )


def _facts_by_name(survey: Survey) -> dict[str, NodeFacts]:
    """Return the facts about the nodes that answered, by their names."""
    facts_by_name = {node.name: survey.facts[node.id] for node in survey.nodes}
    return {name: facts for name, facts in facts_by_name.items() if "error" not in facts}


def _differences(versions: Mapping[str, str], local_versions: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} is {versions[name]}, here {local}"
        for name, local in local_versions.items()
        if versions[name] != local
    )


def check_decoders(survey: Survey) -> Iterator[CheckResult]:
    """Check that all nodes decode a video that they made."""
    yield from check_each(
        "decoder",
        {node.name: str(survey.decoders[node.id].get("error", "")) for node in survey.nodes},
        good="every node decodes a tiny mp4",
        remedy="install the locked version of av there",
    )


def check_each(
    what: str, reasons: Mapping[str, str], *, good: str, remedy: str
) -> Iterator[CheckResult]:
    """Return a problem for every node with a reason, or one good result.

    Args:
        what: Subject of the check.
        reasons: Name of a node to what is wrong there; nothing if all is well.
        good: Finding if all is well everywhere.
        remedy: What to do about a problem.
    """
    problems = [
        problem(what, f"{name}: {reason}", remedy) for name, reason in reasons.items() if reason
    ]
    yield from problems or [ok(what, good)]


def check_capacity(
    nodes: Sequence[Node], *, cpus: float, gpus: float, ranks: int = 1
) -> tuple[CheckResult, int | None]:
    """Check that a trial fits, and return how many fit at once; None if not even one does."""
    try:
        room = capacity.find_capacity(nodes, cpus=cpus, gpus=gpus, ranks=ranks)
    except ValueError as error:
        remedy = "lower --gpus-per-trial or --cpus-per-trial, or start more or larger nodes"
        return problem("request", str(error), remedy), None
    spans = f", each across nodes in {ranks} ranks" if room.spans_nodes else ""
    request = f"{cpus:g} CPUs and {gpus:g} GPUs a trial"
    return ok("request", f"{request}: {room.num_trials} at once{spans}"), room.num_trials


def check_disk(
    results: Path, trials: Sequence[Trial], data: Path | None = None, *, max_concurrent: int | None
) -> CheckResult:
    """Compare the free disk of the results folder with the need of trials."""
    folder = next(folder for folder in (results, *results.parents) if folder.exists())
    free_mb = shutil.disk_usage(folder).free / 1e6
    if max_concurrent is None:
        reason = "the number of trials at once is unknown"
        return unknown("disk", f"{free_mb:,.0f} MB free, but {reason}")
    try:
        needed_mb = required_mb(trials, data, max_concurrent=max_concurrent)
    except ValueError as error:
        return unknown("disk", f"{free_mb:,.0f} MB free; {error}")
    finding = f"{needed_mb:,.0f} MB for {counted(len(trials), 'trial')}, {free_mb:,.0f} MB free"
    if needed_mb > free_mb:
        return problem("disk", finding, f"free some space in {folder}, or put --results elsewhere")
    return ok("disk", finding)


def required_mb(trials: Sequence[Trial], data: Path | None = None, *, max_concurrent: int) -> float:
    """Return the megabytes of all records and of the checkpoints of running trials.

    Args:
        trials: Those to run.
        data: Folder of the data sets, for the sizes of those of the user.
        max_concurrent: Trials at once, with two checkpoints each (weights and momentum) and
            briefly a third.

    Raises:
        ValueError: If the number of videos of a data set is unknown.
    """
    works = [budget.estimate_workload(trial, data) for trial in trials]
    checkpoints = sorted((work.checkpoint_bytes for work in works), reverse=True)
    records = sum(work.record_bytes + work.score_bytes for work in works)
    return (records + _PEAK * sum(checkpoints[:max_concurrent])) / 1e6
