"""Scores of given weights as text and as JSON."""

from dataclasses import asdict
from typing import Any

from harness.record import Record
from harness.stats.verdict import Verdict
from harness.weights.given_file import GIVEN, named_by
from harness.weights.scoring import GivenRequest, listed_videos, top1_interval

_METRICS = ("top1", "top5", "map")


def text(request: GivenRequest, scored: Record, verdict: Verdict, *, path: str) -> str:
    """Return a few lines: the file, the views, the accuracies and the verdict."""
    file, views, name = named_by(scored), request.trial.evaluation, request.trial.data.name
    videos, listed = round(scored.metrics["videos"]), listed_videos(scored)
    tensors = f"{file.num_tensors} tensors by the names of {file.family}"
    lines = {
        "weights": f"{file.name}, {tensors}",
        "SHA-256": file.sha256,
        "row": f"{request.experiment.name}/{request.row.label}",
        "videos": f"{videos:,} of {listed:,} listed, {name}",
        "views": f"{views.num_passes} × {views.num_crops} a video",
        **{metric: _accuracy(request, scored, metric) for metric in _METRICS},
        "verdict": f"{verdict.word}: {verdict.sentence}",
        "record": path,
    }
    return "\n".join([GIVEN, *(f"{name:<9}{value}" for name, value in lines.items())])


def _accuracy(request: GivenRequest, scored: Record, metric: str) -> str:
    """Return an accuracy, beside the printed one where that is of the same videos and views."""
    measured = f"{scored.metrics[metric]:6.2f}"
    printed = request.row.published.get(metric)
    if printed is None or request.trial.scale != "paper":
        return measured
    return f"{measured}  printed {printed:g}"


def as_json(request: GivenRequest, scored: Record, verdict: Verdict) -> dict[str, Any]:
    """Return all of it as JSON holds it."""
    interval = top1_interval(request, scored)
    return {
        "weights": GIVEN,
        "file": asdict(named_by(scored)),
        "table": request.experiment.name,
        "row": request.row.label,
        "scale": request.trial.scale,
        "data": request.trial.data.name,
        "key": scored.key,
        "metrics": dict(scored.metrics),
        "printed": dict(request.row.published) if request.trial.scale == "paper" else {},
        "listed": listed_videos(scored),
        "verdict": verdict.word,
        "sentence": verdict.sentence,
        "top1_interval": interval.outer,
    }
