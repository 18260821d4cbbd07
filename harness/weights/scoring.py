"""Scores of given weights on a test split, without training: record and verdict."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from harness import data, record, video_scores
from harness.cost import count
from harness.data import loader, sizes
from harness.data.datasets.desk_recipe import GROUP_SIZES
from harness.data.loader import Batch, Loader
from harness.data.passport import Passport
from harness.experiment import Experiment, Row
from harness.provenance import code, machine
from harness.record import Record
from harness.report.results import Metric, metric_of
from harness.runtime import Runtime, check_device
from harness.specs import Trial, as_dict
from harness.stats.given_verdict import VideoInterval, given_verdict, video_interval
from harness.stats.verdict import Verdict
from harness.training import evaluate, metrics
from harness.trial import count_short, on_meta, view_limit
from harness.weights import given_file
from harness.weights.given_file import GIVEN, GivenFile

Progress = Callable[[int, int], None]
_NOT_SCORED: dict[str, Any] = {
    "metrics": {},
    "params": 0,
    "gmacs": 0.0,
    "counting_rule": "",
    "scores_sha256": "",
    "seconds": 0.0,
}


@dataclass(frozen=True, kw_only=True)
class GivenRequest:
    """Weights to score.

    Attributes:
        experiment: Table of the row, for its metric and margin.
        row: The row, at paper scale.
        trial: The row's trial with the data and views to score on.
        weights: The file.
        family: Code base of its names; None to find it.
        runtime: Folders, device and loader processes.
    """

    experiment: Experiment
    row: Row
    trial: Trial
    weights: Path
    family: str | None
    runtime: Runtime


def score_given(request: GivenRequest, progress: Progress = lambda _done, _total: None) -> Record:
    """Score given weights and write their record; return the one on disk if nothing changed.

    The record lies in `given/`, apart from those of trials, and its key depends on the file.

    Args:
        request: Weights, row and data.
        progress: Called with the number of videos scored, and of all.

    Raises:
        ValueError: If the file, the videos or the device are not as needed.
    """
    start, trial, runtime = time.monotonic(), request.trial, request.runtime
    check_device(runtime.device)
    torch.set_num_threads(runtime.threads)
    passport = data.load_passport(trial.data, runtime.data)
    if not passport.splits.get("test"):
        raise ValueError(f"{trial.data.name} has no test videos to score")
    net, file = given_file.load(
        request.weights, trial, family=request.family, classes=passport.classes
    )
    described = _describe(trial, file)
    draft = Record(
        key=record.key_of(described, passport.digest),
        trial=described,
        passport=passport.digest,
        data=passport.coverage | {"short": count_short(passport.splits, trial.data)},
        code=code.hashes_of_given(trial, file.family),
        provenance=machine.describe(runtime) | {"weights": GIVEN} | file.provenance(),
        history=[],
        resumed_epochs=[],
        **_NOT_SCORED,
    )
    folder = runtime.results / record.GIVEN_FOLDER
    known = record.read(folder, draft.key)
    if known is not None and known.is_made_by(draft.code):
        return known
    measured, packed = _score(net, passport, trial, runtime, progress)
    scored = replace(draft, **measured, seconds=time.monotonic() - start)
    record.write(folder, scored, packed)
    return scored


def _score(
    net: nn.Module, passport: Passport, trial: Trial, runtime: Runtime, progress: Progress
) -> tuple[dict[str, Any], bytes]:
    """Score a network; return the measured fields of its record, and its scores as a file."""
    limit, videos = view_limit(trial, runtime), passport.splits["test"]
    size = min(trial.train.batch_videos, limit.views)
    index = data.find_packet_index(trial.data.name, runtime.data, passport.digest)
    workers = loader.start_workers(
        trial.data, batch_videos=size, seed=0, runtime=runtime, index=index
    )
    batches = Loader(videos, workers, views=trial.evaluation, batch_videos=size)
    net.to(runtime.device)
    with workers.translate_errors():
        values = evaluate.score(
            net,
            _watched(batches.epoch(0), len(videos), progress),
            num_videos=len(videos),
            precision=trial.train.precision,
            average=trial.evaluation.average,
            limit=limit,
        )
    labels = [video.labels for video in videos]
    targets = metrics.multi_hot(labels, num_classes=trial.data.num_classes)
    cost = count.count_net(*on_meta(trial), num_classes=trial.data.num_classes)
    packed = video_scores.pack(values, videos)
    measured = {
        "metrics": metrics.summary(values, targets),
        "params": cost.params,
        "gmacs": cost.macs / 1e9,
        "counting_rule": cost.counting_rule,
        "scores_sha256": hashlib.sha256(packed).hexdigest(),
    }
    return measured, packed


def _describe(trial: Trial, file: GivenFile) -> dict[str, Any]:
    """Return what was scored: a trial without training and seed, but with the hash of the file.

    No trial is ever equal to it, so it is never taken for one.
    """
    plain = as_dict(replace(trial, model=replace(trial.model, weights=None)))
    training = plain.pop("train")
    del plain["seed"]
    return plain | {
        "precision": training["precision"],
        "given_weights": file.sha256,
        "family": file.family,
    }


def _watched(batches: Iterable[Batch], total: int, progress: Progress) -> Iterator[Batch]:
    done = 0
    for batch in batches:
        yield batch
        done += len(batch.indices)
        progress(done, total)


def judge_given(request: GivenRequest, scored: Record) -> Verdict:
    """Judge given weights beside the printed accuracy of a row; see docs/statistics.md."""
    metric: Metric = metric_of(request.experiment)
    interval = top1_interval(request, scored) if metric == "top1" else None
    verdict = given_verdict(
        scored.metrics[metric],
        interval,
        scale=request.trial.scale,
        printed=request.row.published.get(metric),
        margin=request.experiment.margin,
        scored=round(scored.metrics["videos"]),
        listed=listed_videos(scored),
    )
    changed = scored.data["changed"]  # such as training copies in place of the originals
    if not changed:
        return verdict
    return replace(verdict, sentence=f"{verdict.sentence}; read as {changed}")


def top1_interval(request: GivenRequest, scored: Record) -> VideoInterval:
    """Return the interval of top-1 over other videos; twins are drawn together."""
    values = video_scores.read(request.runtime.results / record.GIVEN_FOLDER, scored)
    correct = video_scores.correct_videos(values, metric="top1")
    size = GROUP_SIZES.get(request.trial.data.name)
    return video_interval(correct, clusters=np.arange(len(correct)) // size if size else None)


def listed_videos(scored: Record) -> int:
    """Return the length of the whole test list: of the local or the published, the longer."""
    published = sizes.PUBLISHED.get(scored.trial["data"]["name"])
    local: int = scored.data["listed"].get("test", 0)
    return max(round(scored.metrics["videos"]), local, published.test if published else 0)


def record_path(request: GivenRequest, scored: Record) -> Path:
    """Return the path of the record of given weights."""
    return request.runtime.results / record.GIVEN_FOLDER / "records" / f"{scored.key}.json"
