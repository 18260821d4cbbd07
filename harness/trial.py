"""One trial from start to record, in one process, without Ray or MLflow."""

import contextlib
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from harness import data, record
from harness.cost import cache
from harness.cost.cache import Count
from harness.data import loader, sampling
from harness.data.loader import Loader
from harness.data.passport import Passport
from harness.data.reading.frame_store import FrameStore
from harness.data.video import Video
from harness.data.workers import Workers
from harness.provenance import code, machine
from harness.record import Record
from harness.runtime import Runtime, check_device
from harness.specs import DataSpec, EvalSpec, Trial, as_dict
from harness.training import evaluate, loop, metrics
from harness.training.activation_checkpointing import recompute_blocks
from harness.training.checkpoint.writer import CheckpointWriter
from harness.training.data_wait import waited_share
from harness.training.loop import Epoch, StepSaves
from harness.training.trainer import State
from harness.training.view_limit import MAX_ELEMENTS, ViewLimit, limit_views
from harness.utils import distributed
from harness.video_scores import pack
from harness.zoo import initial_weights
from harness.zoo.build import build

Report = Callable[[list[Epoch]], None]


def run(trial: Trial, runtime: Runtime, report: Report) -> Record:
    """Train and score a trial, and write its record.

    Training resumes from the trial's newest whole checkpoint; the checkpoints are deleted once
    the record is written.

    Args:
        trial: Data, model, training and evaluation.
        runtime: Devices, workers and paths.
        report: Called by rank 0 with the history so far: at the start, then after every epoch.

    Raises:
        ValueError: If the trial names something that does not exist, or a file is damaged.
        NonFiniteLossError: If training diverges.
    """
    start = time.monotonic()
    _check(trial, runtime)
    torch.set_num_threads(runtime.threads)
    passport = data.load_passport(trial.data, runtime.data, campaign=runtime.campaign)
    key, reached = record.trial_key(trial, passport.digest), code.hashes(trial)
    owner = {"trial": key, "data": passport.digest, "code": record.hash_code(reached)}
    writer = CheckpointWriter(runtime.work(key), owner)
    outcome = _train_and_score(trial, runtime, passport, writer, report)
    scores_file = pack(outcome.scores, passport.splits["test"])
    # Rank 0 alone writes the record, and the others need not wait for the count.
    short = count_short(passport.splits, trial.data) if distributed.rank() == 0 else {}
    finished = Record(
        key=key,
        trial=as_dict(trial),
        passport=passport.digest,
        data=passport.coverage | {"short": short},
        code=reached,
        metrics=metrics.summary(outcome.scores, outcome.targets),
        params=outcome.cost.params,
        gmacs=outcome.cost.macs / 1e9,
        counting_rule=cache.RULES[0],
        history=[asdict(epoch) for epoch in outcome.history],
        scores_sha256=sha256(scores_file).hexdigest(),
        provenance=_provenance(trial, runtime, outcome),
        seconds=time.monotonic() - start,
        resumed_epochs=outcome.resumed,
    )
    if distributed.rank() == 0:
        record.write(runtime.results, finished, scores_file)
        if not runtime.keep_checkpoints:
            shutil.rmtree(runtime.work(key), ignore_errors=True)
    return finished


class _Outcome(NamedTuple):
    """Results of a trial, its epochs at each resumption, and its ranks at each attempt."""

    cost: Count
    history: list[Epoch]
    resumed: list[int]
    ranks: list[int]
    scores: np.ndarray
    targets: np.ndarray


def _train_and_score(
    trial: Trial,
    runtime: Runtime,
    passport: Passport,
    writer: CheckpointWriter,
    report: Report,
) -> _Outcome:
    """Train the network of a trial from its newest checkpoint, and score the test videos."""
    size, splits = trial.train.batch_videos, passport.splits
    workers = loader.start_workers(
        trial.data,
        batch_videos=size,
        seed=trial.seed,
        runtime=runtime,
        store=FrameStore(runtime.frames, splits, runtime.cache_mb),
        index=data.find_packet_index(trial.data.name, runtime.data, passport.digest),
    )
    batches = Loader(splits["train"], workers, batch_videos=size)
    # Before training: nothing that can fail stands between the scores and the record.
    cost = cache.in_training(trial)
    limit = view_limit(trial, runtime)
    torch.manual_seed(trial.seed)
    net = build(trial.model, trial.data, weights_root=runtime.weights).to(runtime.device)
    if runtime.activation_checkpointing:
        recompute_blocks(net)
    evaluator = _Evaluator(net, splits["test"], trial, workers, limit)
    with workers.translate_errors(), writer, contextlib.closing(workers.dataset.cache):
        evaluator.try_batch()
        history, resumed, ranks = _train(net, batches, evaluator, runtime, writer, report)
        scores = evaluator.scores(trial.evaluation)
    return _Outcome(cost, history, resumed, ranks, scores, evaluator.targets)


def _provenance(trial: Trial, runtime: Runtime, outcome: _Outcome) -> dict[str, object]:
    """Return what made a record, and how much of the training was waiting for data."""
    has_changed = len(set(outcome.ranks)) > 1
    return {
        **machine.describe(runtime),
        **({"ranks_of_attempts": outcome.ranks} if has_changed else {}),
        **initial_weights.describe(trial.model, runtime.weights),
        "waited_share": round(waited_share(outcome.history), 4),
    }


def _check(trial: Trial, runtime: Runtime) -> None:
    """Refuse a trial whose device, ranks or initial weights are not available."""
    check_device(runtime.device)
    distributed.check_batch(
        trial.train.batch_videos, trial.train.norm_videos, ranks=distributed.world_size()
    )
    if trial.model.weights is not None:
        initial_weights.find(trial.model.weights, runtime.weights)


def view_limit(trial: Trial, runtime: Runtime) -> ViewLimit:
    """Return how many test views a device can score at a time; of a CPU, as many as there are."""
    if runtime.device == "cpu":
        return ViewLimit(views=MAX_ELEMENTS)
    return limit_views(*on_meta(trial, trial.evaluation.pass_snippets))


def on_meta(trial: Trial, num_snippets: int | None = None) -> tuple[nn.Module, Tensor]:
    """Return the network of a trial and one test view, on the device that computes nothing.

    Args:
        trial: The trial.
        num_snippets: Of the view; None for those of a training view.
    """
    spec, crop_px = trial.data, trial.evaluation.crop_px
    shape = (1, num_snippets or spec.num_snippets, 3, spec.num_frames, crop_px, crop_px)
    with torch.device("meta"):
        return build(trial.model, spec), torch.empty(shape)


def _train(
    net: nn.Module,
    batches: Loader,
    evaluator: "_Evaluator",
    runtime: Runtime,
    writer: CheckpointWriter,
    report: Report,
) -> tuple[list[Epoch], list[int], list[int]]:
    """Train from the newest checkpoint.

    Returns:
        The history, the epochs before each resumption, and the number of ranks of each attempt.
    """
    state = writer.load_newest()
    resumed = [*state["resumed"], len(state["history"])] if state else []
    ranks = [*(state.get("ranks", []) if state else []), distributed.world_size()]
    attempts = {"resumed": resumed, "ranks": ranks}
    if distributed.rank() == 0:
        report([Epoch(**row) for row in state["history"]] if state else [])

    def after_epoch(history: list[Epoch], state: State) -> None:
        if distributed.rank() == 0:
            writer.save(state | attempts, epoch=len(history))
            report(history)

    def within_epoch(state: State, epoch: int, step: int) -> None:
        if distributed.rank() == 0:
            writer.save_aside(state | attempts, epoch=epoch, step=step)

    every_s = runtime.checkpoint_every_s
    history = loop.train(
        net,
        lambda epoch, start=0: batches.epoch(epoch, start=start),
        evaluator.trial.train,
        steps=len(batches),
        seed=evaluator.trial.seed,
        resume=state,
        validate=evaluator.validate,
        report=after_epoch,
        step_saves=StepSaves(every_s=every_s, save=within_epoch) if every_s else None,
        is_compiled=runtime.compiled,
    )
    return history, resumed, ranks


class _Evaluator:
    """Scores and metrics of a network on the test videos of a trial.

    Args:
        net: The network, on its device.
        videos: The test split.
        trial: Gives the views.
        workers: Loader processes.
        limit: Views at a time; lowered where memory does not suffice.
    """

    def __init__(
        self,
        net: nn.Module,
        videos: Sequence[Video],
        trial: Trial,
        workers: Workers,
        limit: ViewLimit,
    ) -> None:
        self.net = net
        self.trial = trial
        self.limit = limit
        labels = [video.labels for video in videos]
        self.targets = metrics.multi_hot(labels, num_classes=trial.data.num_classes)
        sections = trial.data.num_sections or trial.data.num_snippets
        self.validation_views = EvalSpec(
            num_passes=max(sections // trial.data.num_snippets, 1),
            crop_px=trial.evaluation.crop_px,
            short_side_px=trial.evaluation.short_side_px,
            average=trial.evaluation.average,
        )
        self.loader = Loader(
            videos,
            workers,
            views=trial.evaluation,
            batch_videos=min(trial.train.batch_videos, limit.views),
        )

    def try_batch(self) -> None:
        """Score one batch of the final views, so that what fails there fails before training."""
        for batch in self.loader.epoch(0, stop=1):
            evaluate.score_views(self.net, batch, self.trial.train.precision, self.limit)

    def scores(self, views: EvalSpec) -> np.ndarray:
        """Return the scores of every video, averaged over views."""
        return evaluate.score(
            self.net,
            self.loader.epoch(0, views),
            num_videos=len(self.targets),
            precision=self.trial.train.precision,
            average=views.average,
            limit=self.limit,
        )

    def validate(self, epoch: int) -> float | None:
        """Return top-1 on one centred view at the epochs set in the trial, None at others."""
        interval = self.trial.evaluation.every_epochs
        if not interval or epoch % interval:
            return None
        return metrics.top_k(self.scores(self.validation_views), self.targets, k=1)


def count_short(splits: Mapping[str, Sequence[Video]], spec: DataSpec) -> dict[str, int]:
    """Count the videos of each split that can be shorter than a clip, so the last frame repeats."""
    is_short = lru_cache(lambda frames: sampling.is_short(frames, spec))
    return {
        split: sum(is_short(sampling.timeline_frames(video, spec.fps)) for video in videos)
        for split, videos in splits.items()
    }
