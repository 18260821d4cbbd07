"""One trial from start to record, in one process. Knows neither Ray nor MLflow."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from harness import data, record
from harness.cost import count
from harness.data import loader, sampling
from harness.data.loader import Loader
from harness.data.video import Video
from harness.data.workers import Workers
from harness.provenance import code, machine
from harness.record import Record
from harness.runtime import Runtime, check_device
from harness.scores import pack
from harness.specs import DataSpec, EvalSpec, Trial, as_dict
from harness.training import checkpoint, evaluate, loop, metrics
from harness.training.loop import Epoch, State
from harness.utils import distributed
from harness.zoo.build import build

Report = Callable[[list[Epoch]], None]


def run(trial: Trial, runtime: Runtime, report: Report) -> Record:
    """Train and score a trial, and write its record.

    Goes on from the trial's newest whole checkpoint; the checkpoints go when the record is there.

    Args:
        trial: What to run.
        runtime: Where and how.
        report: Called with the history so far: at the start, then after every epoch; by rank 0.

    Raises:
        ValueError: If the trial asks for something that does not exist, or a file is damaged.
        NonFiniteLossError: If training diverges.
    """
    start = time.monotonic()
    _check(trial, runtime)
    torch.set_num_threads(runtime.threads)
    known = data.load_passport(trial.data, runtime.data)
    key = record.key(trial, known.digest)

    size = trial.train.batch_videos
    workers = loader.start(trial.data, batch_videos=size, seed=trial.seed, runtime=runtime)
    batches = Loader(known.splits["train"], workers, batch_videos=size)
    torch.manual_seed(trial.seed)
    net = build(trial.model, trial.data, weights_root=runtime.weights).to(runtime.device)
    test = _Test(net, known.splits["test"], trial, workers)
    with workers.explained():
        history, resumed = _train(net, batches, test, runtime.work(key), report)
        scores = test.scores(trial.evaluation)
    packed = pack(scores, known.splits["test"])
    counted = count.count_net(net, test.one_clip(), num_classes=trial.data.num_classes)
    done = Record(
        key=key,
        trial=as_dict(trial),
        passport=known.digest,
        data=known.coverage | {"short": short(known.splits, trial.data)},
        code=code.hashes(trial),
        metrics=test.metrics(scores),
        params=counted.params,
        gmacs=counted.macs / 1e9,
        counting_rule=counted.counting_rule,
        history=[asdict(epoch) for epoch in history],
        scores_sha256=sha256(packed).hexdigest(),
        provenance=machine.describe(runtime),
        seconds=time.monotonic() - start,
        resumed_epochs=resumed,
    )
    if distributed.rank() == 0:
        record.write(runtime.results, done, packed)
        if not runtime.keep_checkpoints:
            shutil.rmtree(runtime.work(key), ignore_errors=True)
    return done


def _check(trial: Trial, runtime: Runtime) -> None:
    """Refuse what would otherwise be left out in silence."""
    check_device(runtime.device)
    distributed.check_batch(
        trial.train.batch_videos, trial.train.norm_videos, ranks=distributed.world_size()
    )
    if trial.model.weights is not None and runtime.weights is None:
        raise ValueError(
            f"a trial starts from {trial.model.weights}; say where it is, by --weights"
        )


def _train(
    net: nn.Module, batches: Loader, test: "_Test", work: Path, report: Report
) -> tuple[list[Epoch], list[int]]:
    """Train from the newest checkpoint; return the history and the epochs of resumption."""
    state = checkpoint.newest(work)
    resumed = [*state["resumed"], len(state["history"])] if state else []
    if distributed.rank() == 0:
        report([Epoch(**row) for row in state["history"]] if state else [])

    def after_epoch(history: list[Epoch], state: State) -> None:
        if distributed.rank() == 0:
            checkpoint.save(work, state | {"resumed": resumed}, epoch=len(history))
            report(history)

    history = loop.fit(
        net,
        batches.epoch,
        test.trial.train,
        steps=len(batches),
        seed=test.trial.seed,
        resume=state,
        validate=test.validate,
        report=after_epoch,
    )
    return history, resumed


class _Test:
    """The test videos of a trial, and the network that is scored on them."""

    def __init__(self, net: nn.Module, videos: list[Video], trial: Trial, workers: Workers) -> None:
        self.net = net
        self.trial = trial
        labels = [video.labels for video in videos]
        self.targets = metrics.targets(labels, num_classes=trial.data.num_classes)
        sections = trial.data.num_sections or trial.data.num_snippets
        self.quick = EvalSpec(
            num_passes=max(sections // trial.data.num_snippets, 1),
            crop_px=trial.evaluation.crop_px,
            short_side_px=trial.evaluation.short_side_px,
            average=trial.evaluation.average,
        )
        self.loader = Loader(
            videos, workers, views=trial.evaluation, batch_videos=trial.train.batch_videos
        )

    def scores(self, views: EvalSpec) -> np.ndarray:
        """Return the averaged scores of every video under some views."""
        return evaluate.score(
            self.net,
            self.loader.epoch(0, views),
            num_videos=len(self.targets),
            precision=self.trial.train.precision,
            average=views.average,
        )

    def validate(self, epoch: int) -> float | None:
        """Return the top-1 of one centred view after the epochs that the trial asks for."""
        every = self.trial.evaluation.every_epochs
        if not every or epoch % every:
            return None
        return metrics.top_k(self.scores(self.quick), self.targets, k=1)

    def metrics(self, scores: np.ndarray) -> dict[str, float]:
        """Return what a record says of the scores."""
        return {
            "top1": metrics.top_k(scores, self.targets, k=1),
            "top5": metrics.top_k(scores, self.targets, k=5),
            "map": metrics.mean_average_precision(scores, self.targets),
            "videos": len(self.targets),
        }

    def one_clip(self) -> Tensor:
        """Return one view of one video, to count with."""
        return self.loader.first(self.quick).clips[:, 0]


def short(splits: Mapping[str, list[Video]], spec: DataSpec) -> dict[str, int]:
    """Count the videos of each split that can be shorter than a clip: their last frame repeats."""
    return {
        split: sum(
            sampling.is_short(sampling.timeline_frames(video, spec.fps), spec) for video in videos
        )
        for split, videos in splits.items()
    }
