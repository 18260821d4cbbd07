"""Results folders made by hand: records with real scores, without any training."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

import experiments
from experiments.scales import SCALES
from harness import record, video_scores
from harness.cost import cache
from harness.cost.cache import Count
from harness.data.video import Video
from harness.provenance.code import hashes
from harness.record import Record
from harness.specs import Scale, Trial, as_dict
from harness.training import metrics
from harness.training.loop import Epoch

NUM_CLASSES = 12
PASSPORT = "p" * 64
PROVENANCE = {
    "campaign": "first",
    "commit": "abc",
    "dirty": False,
    "python": "3.11",
    "libraries": {"torch": "2"},
    "processor": "EPYC",
    "cores": 2,
    "device": "cpu",
    "ranks": 1,
    "float32": "float32",
}
EPOCH = Epoch(
    epoch=1,
    loss=1.0,
    train_top1=50.0,
    val_top1=None,
    lr=0.05,
    seconds=1.0,
    waited_s=0.0,
    finished_ms=0,
)


def row_trial(place: str = "table_b/DSA at II", *, scale: Scale = "desk") -> Trial:
    """Return the trial of TABLE/ROW at a named scale."""
    table, _, label = place.partition("/")
    (row,) = (row for row in experiments.load(table).rows if row.label == label)
    return SCALES[scale](row.trial)


def logits(right: Sequence[bool], num_classes: int = NUM_CLASSES) -> tuple[np.ndarray, list[Video]]:
    """Return scores of videos that are classified correctly, or not, as asked."""
    labels = np.arange(len(right)) % min(NUM_CLASSES, num_classes)
    scores = np.zeros((len(right), num_classes), np.float32)
    scores[np.arange(len(right)), np.where(right, labels, (labels + 1) % num_classes)] = 1
    videos = [Video(id=f"test/{n}", path=Path(), labels=(int(k),)) for n, k in enumerate(labels)]
    return scores, videos


def add_record(
    results: Path,
    trial: Trial | None = None,
    *,
    seed: int = 0,
    right: Sequence[bool] = (True, False) * 6,
    passport: str = PASSPORT,
    code: dict[str, str] | None = None,
    provenance: dict[str, object] | None = None,
    finished_ms: int = 1_700_000_000_000,
    **changes: object,
) -> Record:
    """Write the record of a trial, and its scores."""
    trial = replace(trial or row_trial(), seed=seed)
    num_classes = trial.data.num_classes
    scores, videos = logits(right, num_classes)
    targets = metrics.multi_hot([video.labels for video in videos], num_classes=num_classes)
    content = video_scores.pack(scores, videos)
    counted = Count(params=1000, params_per_class=1, macs=1, plain_macs=1)
    if code is None:  # of this version, whose costs are compared
        counted = cache.kept(trial) or counted
    made = Record(
        key=record.trial_key(trial, passport),
        trial=as_dict(trial),
        passport=passport,
        code=dict(hashes(trial)) if code is None else code,
        metrics=metrics.summary(scores, targets),
        params=counted.params,
        gmacs=counted.macs / 1e9,
        counting_rule="mac+2bn",
        history=[
            asdict(replace(EPOCH, epoch=epoch, finished_ms=finished_ms))
            for epoch in range(1, trial.train.epochs + 1)
        ],
        scores_sha256=hashlib.sha256(content).hexdigest(),
        provenance=PROVENANCE | (provenance or {}),
        seconds=3.0,
        resumed_epochs=[],
        data={"listed": {"test": len(right)}},
    )
    made = replace(made, **changes)
    record.write(results, made, content)
    return made
