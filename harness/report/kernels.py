"""What DSA does with single videos: its kernels, its answer, and that of an average of snippets.

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

from harness import data, record, scores
from harness.data.dataset import all_views
from harness.data.datasets import desk
from harness.data.transforms import normalise
from harness.data.video import Video
from harness.record import Record
from harness.runtime import Runtime
from harness.scores import VideoScores
from harness.specs import ModelSpec, Trial, from_dict
from harness.training import checkpoint
from harness.training.optim import autocast
from harness.utils.lookup import check_name
from harness.zoo.build import build
from harness.zoo.modules.dsa import DSA

SHOWN = 3
TOLERANCE = 0.02  # of the largest score: other weights are much further off
Array = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """The kernels that one module made for one video.

    Attributes:
        module: Where it stands, as `res3[1]`.
        taps: A kernel per channel (C L), averaged over views.
    """

    module: str
    taps: Array


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A video, what it shows, what two networks take it for, and the kernels of the first.

    Attributes:
        video: Its id.
        frames: Of the first view (U T H W 3), as the network saw them.
        truth: Its class.
        dynamic: Class that DSA gives it.
        average: Class that an average of snippets gives it.
        kernels: One entry per module, in the order of the network.
    """

    video: str
    frames: npt.NDArray[np.uint8]
    truth: str
    dynamic: str
    average: str
    kernels: tuple[Kernels, ...]


def scenes(
    dynamic: Record, average: Record, *, videos: Sequence[str], command: str, runtime: Runtime
) -> list[Scene]:
    """Collect what there is to see of test videos.

    Args:
        dynamic: Of a network with DSA whose weights are there.
        average: Of a network on the same videos.
        videos: Ids; none for those that DSA alone gets right, or else the first.
        command: What trains the first network again.
        runtime: Where records, weights and videos are.

    Raises:
        ValueError: If the weights or the videos are not there, or are not those of the records.
    """
    trial = from_dict(dynamic.trial)
    known = {video.id: video for video in videos_of(trial, dynamic, runtime)}
    ours, theirs = (scores.read(runtime.results, made) for made in (dynamic, average))
    if ours.ids != theirs.ids:
        raise ValueError(f"{dynamic.key} and {average.key} were not scored on the same videos")
    net = trained(dynamic, command=command, runtime=runtime)
    chosen = [check_name(name, known, what="test video") for name in videos] or telling(
        ours, theirs
    )
    return [_scene(net, trial, known[name], ours, theirs) for name in chosen]


def average_of(dynamic: Record, results: Path) -> Record:
    """Find the record of the same trial without a module: an average of snippets (TSN).

    Raises:
        ValueError: If there is none.
    """
    trial = from_dict(dynamic.trial)
    model = trial.model
    plain = ModelSpec(
        backbone=model.backbone,
        backbone_options=model.backbone_options,
        dropout=model.dropout,
        weights=model.weights,
    )
    key = record.trial_key(replace(trial, model=plain), dynamic.passport)
    found = record.read(results, key)
    if found is None:
        raise ValueError(
            f"{results} has no record {key}, the average of snippets on the network of "
            f"{dynamic.key}; run its row, or name another record with --against"
        )
    return found


def videos_of(trial: Trial, made: Record, runtime: Runtime) -> list[Video]:
    """Return the test videos of a record.

    Raises:
        ValueError: If the data are others than those of the record.
    """
    known = data.load_passport(trial.data, runtime.data)
    if known.digest != made.passport:
        raise ValueError(f"{runtime.data} holds other videos than those of {made.key}")
    return known.splits["test"]


def telling(ours: VideoScores, theirs: VideoScores) -> list[str]:
    """Choose videos that the first gets right and the second wrong; the first ones if none."""
    places = np.flatnonzero(_right(ours) & ~_right(theirs))
    return [ours.ids[place] for place in (places if len(places) else range(SHOWN))[:SHOWN]]


def _right(scored: VideoScores) -> scores.CorrectVideos:
    return scores.correct_videos(scored, metric="top1")


def trained(made: Record, *, command: str, runtime: Runtime) -> nn.Module:
    """Build the network of a record with the weights that its trial left.

    Raises:
        ValueError: If the weights are gone, or the network has no DSA module.
    """
    trial, work = from_dict(made.trial), runtime.work(made.key)
    net = build(trial.model, trial.data)
    if not _modules(net):
        raise ValueError(f"{made.key} is no network with DSA: it makes no kernels")
    state = checkpoint.load_newest(work)
    if state is None or len(state["history"]) < trial.train.epochs:
        raise ValueError(
            f"{work} does not hold the weights of {made.key}; to get them, delete "
            f"{runtime.results / 'records' / made.key}.json and run: {command}"
        )
    net.load_state_dict(state["net"])
    return net.eval()


def _modules(net: nn.Module) -> dict[str, DSA]:
    return {_place(name): part for name, part in net.named_modules() if isinstance(part, DSA)}


def _place(name: str) -> str:
    """Turn `res3.1.slots.after_conv1` into `res3[1]`."""
    stage, block, *_ = name.split(".")
    return f"{stage}[{block}]"


def _scene(
    net: nn.Module, trial: Trial, video: Video, ours: VideoScores, theirs: VideoScores
) -> Scene:
    place = ours.ids.index(video.id)
    rows = (ours.targets[place], ours.scores[place], theirs.scores[place])
    truth, dynamic, average = (class_name(trial.data.name, int(row.argmax())) for row in rows)
    clips = all_views(video, trial.data, trial.evaluation)
    return Scene(
        video=video.id,
        frames=clips[0].numpy(),
        truth=truth,
        dynamic=dynamic,
        average=average,
        kernels=kernels_of(net, clips, ours.scores[place], precision=trial.train.precision),
    )


@torch.inference_mode()
def kernels_of(
    net: nn.Module, clips: Tensor, expected: Array, *, precision: str
) -> tuple[Kernels, ...]:
    """Run a network on every view of a video and catch the kernels that it generates.

    Args:
        net: A network with DSA, in evaluation mode.
        clips: All views, in bytes (V U T H W C).
        expected: Its recorded scores of this video.
        precision: Element type of autocast.

    Raises:
        ValueError: If the network gives other scores.
    """
    caught: dict[nn.Module, Tensor] = {}

    def keep(generator: nn.Module, _: object, taps: Tensor) -> None:
        caught[generator] = taps.float()

    modules = _modules(net)
    hooks = [part.generator.register_forward_hook(keep) for part in modules.values()]
    with autocast(precision, clips.device):
        found = net(normalise(clips)).float().mean(0).numpy()
    for hook in hooks:
        hook.remove()
    if np.abs(found - expected).max() > TOLERANCE * np.abs(expected).max():
        raise ValueError("the weights do not give the recorded scores; run the trial again")
    return tuple(
        Kernels(module=name, taps=_per_channel(caught[part.generator], part.num_mixed))
        for name, part in modules.items()
    )


def _per_channel(taps: Tensor, num_mixed: int) -> Array:
    return np.asarray(rearrange(taps, "(v c) l -> v c l", c=num_mixed).mean(0))


def class_name(data_set: str, label: int) -> str:
    """Say what a class shows, where its data set knows."""
    if data_set != "desk":
        return f"class {label}"
    return ", then ".join(f"{shape} {way}s" for way, shape in desk.CLASSES[label])
