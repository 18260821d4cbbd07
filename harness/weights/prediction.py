"""Predictions of a network for single videos, with the frames that it saw.

Axes: N videos, V views, U snippets of a pass, T frames, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from harness import data
from harness.data import loader, sampling
from harness.data.dataset import snippet_frames
from harness.data.datasets import class_names as class_tables
from harness.data.gate import Limits
from harness.data.loader import Loader
from harness.data.prepare.check import CheckedVideo
from harness.data.prepare.probe_pool import ProbeSettings, probe_all
from harness.data.prepare.summary import good_videos
from harness.data.video import Video
from harness.report.kernels import class_name
from harness.runtime import Runtime, check_device
from harness.specs import EvalSpec, Trial
from harness.training import evaluate

TOP = 5
CROPS = {1: ("centre",), 3: ("left or top", "centre", "right or bottom")}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A class and its probability in percent."""

    label: int
    name: str
    percent: float


@dataclass(frozen=True, kw_only=True)
class SeenView:
    """A network pass over a video.

    Attributes:
        crops: Crop of each snippet.
        frames: Numbers of the frames of each snippet, from 0.
        seconds: Their times from the first frame on; empty if the file has none.
    """

    crops: tuple[str, ...]
    frames: tuple[tuple[int, ...], ...]
    seconds: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The most probable classes of a video, best first, and the views they are averaged over."""

    path: str
    num_frames: int
    answers: tuple[Answer, ...]
    views: tuple[SeenView, ...]


def predict(
    net: nn.Module,
    trial: Trial,
    paths: Sequence[Path],
    *,
    classes: Sequence[str],
    runtime: Runtime,
    fps: Fraction | None = None,
) -> list[Prediction]:
    """Predict the classes of videos by the test views of a trial.

    Args:
        net: From clips to video-level logits.
        trial: Sampling of frames, and views.
        paths: Files, or folders with a picture for each frame.
        classes: Names by label; empty if unknown.
        runtime: Device and loader processes.
        fps: Rate at which folders of pictures were taken; they do not say.

    Raises:
        ValueError: If a video is missing or damaged, or has no times where a rate is set.
    """
    check_device(runtime.device)
    torch.set_num_threads(runtime.threads)
    videos = [_checked_video(path, fps) for path in paths]
    size = trial.train.batch_videos
    workers = loader.start_workers(trial.data, batch_videos=size, seed=0, runtime=runtime)
    batches = Loader(videos, workers, views=trial.evaluation, batch_videos=size)
    with workers.translate_errors():
        scores = evaluate.score(
            net.to(runtime.device),
            batches.epoch(0),
            num_videos=len(videos),
            precision=trial.train.precision,
            average=trial.evaluation.average,
        )
    if trial.evaluation.average == "logits":
        scores = torch.from_numpy(scores).softmax(1).numpy()
    return [
        Prediction(
            path=str(video.path),
            num_frames=video.frames,
            answers=_answers(row, classes),
            views=_seen(video, trial),
        )
        for video, row in zip(videos, scores, strict=True)
    ]


def class_names(trial: Trial, root: Path) -> tuple[str, ...]:
    """Return the class names of a trial's data: of the local copy, else official; else none."""
    name = trial.data.name
    if name in data.GENERATED:
        return tuple(class_name(name, label) for label in range(trial.data.num_classes))
    if data.passport_path(name, root).is_file():
        return data.read_checked_passport(name, root).classes
    return class_tables.official_names(name) if class_tables.has_official_names(name) else ()


def _checked_video(path: Path, fps: Fraction | None) -> Video:
    """Read a video to its end, as a check of a data set does.

    Raises:
        ValueError: If it cannot be used.
    """
    video = Video(id=path.name, path=path, labels=(0,))
    settings = ProbeSettings(limits=Limits(min_frames=1))
    ((_, facts),) = probe_all([path], path.parent, settings)
    known = good_videos([CheckedVideo(split="test", video=video, facts=facts)], fps)["test"]
    if not known:
        raise ValueError(f"{path} is {facts.verdict}: {facts.reason or 'no reason known'}")
    return known[0]


def _answers(row: Float[np.ndarray, " K"], classes: Sequence[str]) -> tuple[Answer, ...]:
    best = np.argsort(-row, kind="stable")[:TOP].tolist()
    return tuple(
        Answer(
            label=label,
            name=classes[label] if label < len(classes) else f"class {label}",
            percent=100 * float(row[label]),
        )
        for label in best
    )


def _seen(video: Video, trial: Trial) -> tuple[SeenView, ...]:
    """Return the crops, frames and times of each view."""
    views: EvalSpec = trial.evaluation
    snippets = snippet_frames(video, trial.data, views)
    table = sampling.view_table(views, len(snippets) // views.num_passes)
    names = CROPS[views.num_crops]
    return tuple(
        SeenView(
            crops=tuple(names[crop] for crop, _ in view),
            frames=tuple(tuple(snippets[snippet].tolist()) for _, snippet in view),
            seconds=tuple(_seconds(video, snippets[snippet].tolist()) for _, snippet in view)
            if video.timing
            else (),
        )
        for view in table.tolist()
    )


def _seconds(video: Video, frames: Sequence[int]) -> tuple[float, ...]:
    """Return the times of frames, from the first frame of the video on."""
    timing = video.timing
    assert timing is not None
    step = Fraction(timing.step) if timing.step else None
    units = [frame * step if step else Fraction(timing.stamps[frame]) for frame in frames]
    return tuple(round(float(unit * Fraction(timing.unit)), 3) for unit in units)


def text(prediction: Prediction) -> str:
    """Return the answers and the frames seen, views of the same frames on one line."""
    lines = [f"{prediction.path}, {prediction.num_frames} frames"]
    lines += [f"  {answer.percent:5.1f} %  {answer.name}" for answer in prediction.answers]
    unit = "seconds" if prediction.views[0].seconds else "frame numbers; the file has no times"
    lines.append(f"  seen ({unit}), snippet by snippet:")
    groups: dict[str, list[int]] = {}
    for number, view in enumerate(prediction.views, start=1):
        groups.setdefault(_spans(view), []).append(number)
    lines += [
        f"  view{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}: {spans}"
        for spans, numbers in groups.items()
    ]
    return "\n".join(lines)


def _spans(view: SeenView) -> str:
    """Return the first and last moment of each snippet."""
    if view.seconds:
        return "  ".join(f"{times[0]:.2f}-{times[-1]:.2f}" for times in view.seconds)
    return "  ".join(f"{frames[0]}-{frames[-1]}" for frames in view.frames)
