"""Kernels and predictions of DSA for single videos, beside those of an average of snippets.

Axes: V views, U snippets, T frames, H x W pixels, C channels that are mixed, L taps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from einops import rearrange
from torch import Tensor, nn

from harness import data, record, video_scores
from harness.data.dataset import all_views
from harness.data.datasets import desk_recipe
from harness.data.transforms import normalise
from harness.data.video import Video
from harness.record import Record
from harness.runtime import Runtime
from harness.specs import ModelSpec, Trial, from_dict
from harness.training import checkpoint
from harness.training.optim import autocast
from harness.utils.lookup import check_name
from harness.video_scores import VideoScores
from harness.zoo.build import build
from harness.zoo.modules.dsa import DSA

NUM_EXAMPLES = 3
TOLERANCE = 0.02  # of the largest score; the error of other weights is much larger
Array = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """The kernels that one module generated for one video.

    Attributes:
        module: Stage and block, as `res3[1]`.
        taps: A kernel per channel (C L), averaged over views.
    """

    module: str
    taps: Array


@dataclass(frozen=True, kw_only=True)
class Example:
    """A test video with the predictions of two networks, and the kernels of the first.

    Attributes:
        video: Id of the video.
        frames: Of the first view (U T H W 3), as the network saw them.
        label: Class of the video.
        prediction: Class that DSA predicts.
        baseline: Class that an average of snippets predicts.
        kernels: One entry per module, in the order of the network.
    """

    video: str
    frames: npt.NDArray[np.uint8]
    label: str
    prediction: str
    baseline: str
    kernels: tuple[Kernels, ...]


def collect_examples(
    dsa: Record, baseline: Record, *, videos: Sequence[str], command: str, runtime: Runtime
) -> list[Example]:
    """Collect frames, predictions and kernels of test videos.

    Args:
        dsa: Record of a network with DSA whose weights were kept.
        baseline: Record of another network on the same videos.
        videos: Ids; if empty, videos that DSA alone classifies correctly, or else the first.
        command: Command that trains the first network again.
        runtime: Folders of records, weights and videos.

    Raises:
        ValueError: If the weights or the videos are missing, or are not those of the records.
    """
    trial = from_dict(dsa.trial)
    test_videos = {video.id: video for video in load_test_videos(dsa, runtime)}
    dsa_scores = video_scores.read(runtime.results, dsa)
    baseline_scores = video_scores.read(runtime.results, baseline)
    if dsa_scores.ids != baseline_scores.ids:
        raise ValueError(f"{dsa.key} and {baseline.key} were not scored on the same videos")
    net = load_network(dsa, command=command, runtime=runtime)
    names = [check_name(name, test_videos, what="test video") for name in videos]
    return [
        _example(net, trial, test_videos[name], dsa_scores, baseline_scores)
        for name in names or choose_videos(dsa_scores, baseline_scores)
    ]


def find_baseline(dsa: Record, results: Path) -> Record:
    """Return the record of the same trial without a module: an average of snippets (TSN).

    Raises:
        ValueError: If the results folder has no such record.
    """
    trial = from_dict(dsa.trial)
    model = trial.model
    plain = ModelSpec(
        backbone=model.backbone,
        backbone_options=model.backbone_options,
        dropout=model.dropout,
        weights=model.weights,
    )
    key = record.trial_key(replace(trial, model=plain), dsa.passport)
    baseline = record.read(results, key)
    if baseline is None:
        raise ValueError(
            f"{results} has no record {key}, the average of snippets on the network of "
            f"{dsa.key}; run its row, or name another record with --against"
        )
    return baseline


def load_test_videos(dsa: Record, runtime: Runtime) -> Sequence[Video]:
    """Return the test videos of a record.

    Raises:
        ValueError: If the data folder holds other videos.
    """
    passport = data.load_passport(from_dict(dsa.trial).data, runtime.data)
    if passport.digest != dsa.passport:
        raise ValueError(f"{runtime.data} holds other videos than those of {dsa.key}")
    return passport.splits["test"]


def choose_videos(dsa: VideoScores, baseline: VideoScores) -> list[str]:
    """Return some videos that DSA alone classifies correctly; the first ones if none."""
    indices = np.flatnonzero(_is_correct(dsa) & ~_is_correct(baseline))
    chosen = indices if len(indices) else range(NUM_EXAMPLES)
    return [dsa.ids[index] for index in chosen[:NUM_EXAMPLES]]


def _is_correct(scored: VideoScores) -> video_scores.CorrectVideos:
    return video_scores.correct_videos(scored, metric="top1")


def load_network(dsa: Record, *, command: str, runtime: Runtime) -> nn.Module:
    """Build the network of a record with DSA and load its trained weights.

    Raises:
        ValueError: If the weights were not kept, or the network has no DSA module.
    """
    trial = from_dict(dsa.trial)
    with torch.device("meta"):
        if not _modules(build(trial.model, trial.data)):
            raise ValueError(f"{dsa.key} has no DSA module, so it generates no kernels")
    return load_kept(dsa, command=command, runtime=runtime)


def load_kept(finished: Record, *, command: str, runtime: Runtime) -> nn.Module:
    """Build the network of a record with its trained weights, or say how they are kept."""
    trial, work = from_dict(finished.trial), runtime.work(finished.key)
    state = checkpoint.load_newest(work)
    if state is None or len(state["history"]) < trial.train.epochs:
        raise ValueError(
            f"{work} does not hold the weights of {finished.key}; to get them, delete "
            f"{runtime.results / 'records' / finished.key}.json and run: {command}"
        )
    net = build(trial.model, trial.data)
    net.load_state_dict(state["net"])
    return net.eval()


def _modules(net: nn.Module) -> dict[str, DSA]:
    return {
        _block_name(name): module for name, module in net.named_modules() if isinstance(module, DSA)
    }


def _block_name(name: str) -> str:
    """Shorten `res3.1.slots.after_conv1` into `res3[1]`."""
    stage, block, *_ = name.split(".")
    return f"{stage}[{block}]"


def _example(
    net: nn.Module,
    trial: Trial,
    video: Video,
    dsa_scores: VideoScores,
    baseline_scores: VideoScores,
) -> Example:
    index = dsa_scores.ids.index(video.id)
    expected = dsa_scores.scores[index]
    rows = (dsa_scores.targets[index], expected, baseline_scores.scores[index])
    label, prediction, baseline = (class_name(trial.data.name, int(row.argmax())) for row in rows)
    clips = all_views(video, trial.data, trial.evaluation)
    return Example(
        video=video.id,
        frames=clips[0].numpy(),
        label=label,
        prediction=prediction,
        baseline=baseline,
        kernels=capture_kernels(net, clips, expected, precision=trial.train.precision),
    )


@torch.inference_mode()
def capture_kernels(
    net: nn.Module, clips: Tensor, expected: Array, *, precision: str
) -> tuple[Kernels, ...]:
    """Run a network on every view of a video and capture the kernels that it generates.

    Args:
        net: A network with DSA, in evaluation mode.
        clips: All views, in bytes (V U T H W C).
        expected: Recorded scores of this video.
        precision: Element type of autocast.

    Raises:
        ValueError: If the network gives other scores.
    """
    captured: dict[nn.Module, Tensor] = {}

    def capture(generator: nn.Module, _: object, taps: Tensor) -> None:
        captured[generator] = taps.float()

    modules = _modules(net)
    hooks = [module.generator.register_forward_hook(capture) for module in modules.values()]
    with autocast(precision, clips.device):
        actual = net(normalise(clips)).float().mean(0).numpy()
    for hook in hooks:
        hook.remove()
    if np.abs(actual - expected).max() > TOLERANCE * np.abs(expected).max():
        raise ValueError("the weights do not give the recorded scores; run the trial again")
    return tuple(
        Kernels(module=name, taps=_per_channel(captured[module.generator], module.num_mixed))
        for name, module in modules.items()
    )


def _per_channel(taps: Tensor, num_mixed: int) -> Array:
    return np.asarray(rearrange(taps, "(v c) l -> v c l", c=num_mixed).mean(0))


def class_name(data_set: str, label: int) -> str:
    """Return the name of a class: of desk in words, otherwise its number."""
    if data_set not in desk_recipe.RECIPES:
        return f"class {label}"
    return ", then ".join(f"{shape} {motion}s" for motion, shape in desk_recipe.CLASSES[label])
