"""One trial from start to record, in one process. Knows neither Ray nor MLflow."""

import io
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Any

import numpy as np
import torch

from harness import checkpoint, cost, data, evaluate, metrics, record, train, zoo
from harness.data.passport import digest
from harness.data.videos import Video
from harness.names import place
from harness.record import Record
from harness.runtime import Runtime, check_device, code_hash, provenance
from harness.specs import EvalSpec, Trial, as_dict
from harness.train import Epoch

Report = Callable[[list[Epoch]], None]


def run(trial: Trial, runtime: Runtime, report: Report) -> Record:
    """Train and score a trial, and write its record.

    Goes on from the trial's newest whole checkpoint; the checkpoints go when the record is there.

    Args:
        trial: What to run.
        runtime: Where and how.
        report: Called with the history so far: at the start, then after every epoch.

    Raises:
        ValueError: If the trial asks for something that does not exist, or a file is damaged.
        NonFiniteLossError: If training diverges.
    """
    start = time.monotonic()
    check_device(runtime.device)
    torch.set_num_threads(runtime.threads)
    splits = data.videos(trial.data, runtime)
    passport = digest(splits)
    key = record.key(trial, passport)
    work = runtime.work(key)
    state = checkpoint.newest(work)
    resumed: list[int] = [*state["resumed"], len(state["history"])] if state else []
    report([Epoch(**row) for row in state["history"]] if state else [])

    torch.manual_seed(trial.seed)
    net = zoo.build(trial.model, trial.data, weights_root=runtime.weights).to(runtime.device)
    loader = _loader(splits["train"], trial, runtime)
    quick = _loader(splits["test"], trial, runtime, views=_one_view(trial.evaluation))
    labels = np.array([video.label for video in splits["test"]])

    def scores_of(test: data.Loader) -> np.ndarray:
        precision = trial.train.precision
        return evaluate.score(net, test.epoch(0), num_videos=len(labels), precision=precision)

    def validate(epoch: int) -> float | None:
        every = trial.evaluation.every_epochs
        if not every or epoch % every:
            return None
        return metrics.top_k(scores_of(quick), labels, k=1)

    def after_epoch(history: list[Epoch], state: dict[str, Any]) -> None:
        checkpoint.save(work, state | {"resumed": resumed}, epoch=len(history))
        report(history)

    history = train.fit(
        net,
        loader.epoch,
        trial.train,
        steps=len(loader),
        seed=trial.seed,
        resume=state,
        validate=validate,
        report=after_epoch,
    )
    scores = scores_of(_loader(splits["test"], trial, runtime, views=trial.evaluation))
    one_clip = next(quick.epoch(0)).clips[:1, 0]
    counted = cost.count_net(net, one_clip, num_classes=trial.data.num_classes)
    packed = _pack(scores, splits["test"])
    done = Record(
        key=key,
        trial=as_dict(trial),
        passport=passport,
        code=code(trial),
        metrics={
            "top1": metrics.top_k(scores, labels, k=1),
            "top5": metrics.top_k(scores, labels, k=5),
            "map": metrics.mean_average_precision(scores, np.eye(trial.data.num_classes)[labels]),
            "videos": len(labels),
        },
        params=counted.params,
        gmacs=counted.macs / 1e9,
        counting_rule=counted.counting_rule,
        history=[asdict(epoch) for epoch in history],
        scores_sha256=sha256(packed).hexdigest(),
        provenance=provenance(runtime),
        seconds=time.monotonic() - start,
        resumed_epochs=resumed,
    )
    record.write(runtime.results, done, packed)
    if not runtime.keep_checkpoints:
        shutil.rmtree(work, ignore_errors=True)
    return done


def code(trial: Trial) -> str:
    """Hash the source that this trial runs: this module and what the trial names.

    Raises:
        ValueError: If the trial names what does not exist.
    """
    named = [
        place(data.DATASETS, trial.data.name, what="data set"),
        place(zoo.BACKBONES, trial.model.backbone, what="backbone"),
    ]
    if trial.model.module is not None:
        named.append(place(zoo.MODULES, trial.model.module, what="module"))
    return code_hash("harness.trial", registered=named)


def _loader(
    videos: list[Video], trial: Trial, runtime: Runtime, *, views: EvalSpec | None = None
) -> data.Loader:
    """Load one split; a test batch holds about as many clips as a training batch."""
    per_video = views.num_passes * views.num_crops if views else 1
    return data.Loader(
        videos,
        trial.data,
        views=views,
        batch_videos=max(trial.train.batch_videos // per_video, 1),
        seed=trial.seed,
        runtime=runtime,
    )


def _one_view(spec: EvalSpec) -> EvalSpec:
    return replace(spec, num_passes=1, num_crops=1)


def _pack(scores: np.ndarray, videos: list[Video]) -> bytes:
    """Pack scores with the ids and labels of their videos."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        scores=scores.astype(np.float32),
        labels=[video.label for video in videos],
        ids=[video.id for video in videos],
    )
    return buffer.getvalue()
