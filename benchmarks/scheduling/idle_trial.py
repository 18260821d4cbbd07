"""Trials that train nothing and leave a whole record, to measure what is not a trial."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import data, record
from harness.data.passport import Passport
from harness.plan import grid
from harness.provenance import code, machine
from harness.record import Record
from harness.runtime import Runtime
from harness.specs import Trial, as_dict
from harness.training import metrics
from harness.training.loop import Epoch
from harness.trial import Report
from harness.video_scores import pack

TABLE = grid.select_rows(EXPERIMENT, ("DSA at I", "DSA at II", "DSA at III", "DSA at IV"))
_VIDEOS = {"train_videos": 24, "test_videos": 12, "size_px": 16}


def shrunk(trial: Trial) -> Trial:
    """Return a trial at desk scale on few videos, of one epoch."""
    small = desk(trial)
    return replace(
        small,
        data=replace(small.data, options=_VIDEOS),
        train=replace(small.train, epochs=1, milestones=(), warmup_epochs=0),
    )


def trials(seeds: int) -> Iterator[Trial]:
    """List the trials of the table, seed by seed as a plan does."""
    for seed in range(seeds):
        for row in TABLE.rows:
            assert row.trial is not None
            yield replace(shrunk(row.trial), seed=seed)


@cache
def videos(root: Path) -> Passport:
    """Return what is known of the videos, once in each process; they are made if need be."""
    return data.load_passport(next(trials(1)).data, root)


def run(trial: Trial, runtime: Runtime, report: Report) -> Record:
    """Report one epoch and leave a record, which says how long the report took."""
    history = epochs(1)
    start = time.perf_counter()
    report(history)
    return leave(trial, runtime, history, report_s=time.perf_counter() - start)


def leave(
    trial: Trial, runtime: Runtime, history: Sequence[Epoch], *, report_s: float = 0.0
) -> Record:
    """Write a record with drawn scores."""
    known = videos(runtime.data)
    test = known.splits["test"]
    targets = metrics.multi_hot(
        [video.labels for video in test], num_classes=trial.data.num_classes
    )
    scores = np.random.default_rng(trial.seed).standard_normal(targets.shape)
    packed = pack(scores, test)
    done = Record(
        key=record.trial_key(trial, known.digest),
        trial=as_dict(trial),
        passport=known.digest,
        code=code.hashes(trial),
        metrics=_metrics(scores, targets),
        params=1,
        gmacs=1.0,
        counting_rule="mac",
        history=[asdict(epoch) for epoch in history],
        scores_sha256=sha256(packed).hexdigest(),
        provenance=machine.describe(runtime) | {"report_s": report_s},
        seconds=report_s,
        resumed_epochs=[],
    )
    record.write(runtime.results, done, packed)
    return done


def _metrics(scores: metrics.Scores, targets: metrics.Targets) -> dict[str, float]:
    return {
        "top1": metrics.top_k(scores, targets, k=1),
        "top5": metrics.top_k(scores, targets, k=5),
        "map": metrics.mean_average_precision(scores, targets),
        "videos": len(targets),
    }


def epochs(count: int) -> list[Epoch]:
    """Return a curve that ends now."""
    now_ms = time.time_ns() // 1_000_000
    return [
        Epoch(
            epoch=number,
            loss=2.0 / number,
            train_top1=10.0,
            val_top1=10.0,
            lr=0.1,
            seconds=0.001,
            waited_s=0.0,
            finished_ms=now_ms - count + number,
        )
        for number in range(1, count + 1)
    ]
