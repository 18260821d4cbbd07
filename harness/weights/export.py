"""Trained weights written for others: safetensors with a model card, and programs of torch.export.

Axes: N videos, U snippets, T frames, H x W pixels.
"""

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from harness.data.loader import Loader, start_workers
from harness.data.passport import file_sha256
from harness.record import Record
from harness.report.kernels import TOLERANCE, load_test_videos
from harness.runtime import Runtime
from harness.specs import DataSpec, Trial, from_dict
from harness.training import evaluate
from harness.utils import files
from harness.utils.atomic import write_atomic
from harness.utils.redaction import redact_for_others
from harness.video_scores import read as read_scores
from harness.weights import given_file, model_card

Format = Literal["safetensors", "torch-export", "onnx"]
WEIGHTS, PROGRAM, ONNX, CARD = "model.safetensors", "model.pt2", "model.onnx", "README.md"
_NUM_CHECKED = 4  # test videos
_ONNX_PACKAGES = ("onnx", "onnxscript")
_BATCH = "n"


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """A record whose weights are to be written.

    Attributes:
        finished: The record.
        net: Its network with the trained weights, in evaluation mode.
        rows: Rows of tables that the record belongs to, as TABLE/ROW.
        use: Row and terms that give its network, as words of `harness evaluate`.
        classes: Class names by label; empty if unknown.
        form: `safetensors` alone, or with a program of the network too.
        out: Folder of the files.
        runtime: Folders of records and videos.
    """

    finished: Record
    net: nn.Module
    rows: tuple[str, ...]
    use: Sequence[str] = ("TABLE/ROW", "--on", "NAME")
    classes: tuple[str, ...]
    form: Format
    out: Path
    runtime: Runtime


def export(request: ExportRequest) -> list[Path]:
    """Write weights and model card, and a program of the network if wanted; return the files.

    Raises:
        ValueError: If the weights do not give the recorded scores, or the network cannot be
            written in this form.
    """
    finished, out = request.finished, request.out
    trial = from_dict(finished.trial)
    checked = check_scores(request.net, finished, request.runtime)
    files.make_folder(out)
    programs = [write_program(request.net, trial.data, out, request.form)]
    state = {name: tensor.contiguous() for name, tensor in request.net.state_dict().items()}
    description = given_file.describe(trial.model, str(finished.data.get("classes", "")))
    write_atomic(out / WEIGHTS, save(state, metadata={"format": "pt", **description}))
    card = model_card.text(
        finished,
        rows=request.rows,
        use=request.use,
        classes=request.classes,
        checked=checked,
        files=[WEIGHTS, *(path.name for path in programs if path)],
        sha256=file_sha256(out / WEIGHTS),
    )
    write_atomic(out / CARD, card.encode())
    return [out / WEIGHTS, out / CARD, *filter(None, programs)]


def check_scores(net: nn.Module, finished: Record, runtime: Runtime) -> str:
    """Compare scores of a few test videos with the recorded ones; say what was compared.

    Raises:
        ValueError: If they differ.
    """
    trial = from_dict(finished.trial)
    try:
        videos = load_test_videos(finished, runtime)[:_NUM_CHECKED]
    except ValueError as error:
        reason = redact_for_others(str(error), runtime.data, runtime.results)
        return f"not compared with the recorded scores, since the videos are not here ({reason})"
    workers = start_workers(trial.data, batch_videos=1, seed=0, runtime=runtime)
    actual = evaluate.score(
        net.to(runtime.device),
        Loader(videos, workers, views=trial.evaluation, batch_videos=1).epoch(0),
        num_videos=len(videos),
        precision=trial.train.precision,
        average=trial.evaluation.average,
    )
    expected = read_scores(runtime.results, finished).scores[: len(videos)]
    if np.abs(actual - expected).max() > TOLERANCE * np.abs(expected).max():
        raise ValueError(f"the weights of {finished.key} do not give its recorded scores")
    return f"gave the recorded scores of {len(videos)} test videos when they were written"


def write_program(net: nn.Module, data: DataSpec, out: Path, form: Format) -> Path | None:
    """Write a program of the network that needs none of our code; None for safetensors alone.

    Raises:
        ValueError: If a package is missing, or PyTorch cannot trace the network.
    """
    if form == "safetensors":
        return None
    side = data.crop_px
    clip = torch.zeros(2, data.num_snippets, 3, data.num_frames, side, side)
    net = net.to("cpu").eval()
    if form == "onnx":
        missing = [name for name in _ONNX_PACKAGES if importlib.util.find_spec(name) is None]
        if missing:
            raise ValueError(
                f"ONNX needs {' and '.join(missing)}, not installed here; install them, or use "
                "--format torch-export, which needs PyTorch alone"
            )
    try:
        program = torch.export.export(net, (clip,), dynamic_shapes=({0: torch.export.Dim(_BATCH)},))
        path = out / (PROGRAM if form == "torch-export" else ONNX)
        _save(program, path, form)
    except (RuntimeError, TypeError, torch._dynamo.exc.Unsupported) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"PyTorch cannot write this network as {form} ({reason}); safetensors works for all"
        ) from error
    _check_program(program.module(), net, clip)
    return path


def _save(program: torch.export.ExportedProgram, path: Path, form: Format) -> None:
    if form == "torch-export":
        torch.export.save(program, path)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of versions of operators
        written = torch.onnx.export(program, dynamo=True)
    assert written is not None
    written.save(path)


@torch.inference_mode()
def _check_program(program: nn.Module, net: nn.Module, clip: Tensor) -> None:
    clip = torch.rand(clip.shape, generator=torch.Generator().manual_seed(0))
    expected = net(clip)
    if (program(clip) - expected).abs().max() > TOLERANCE * expected.abs().max():
        raise ValueError("the exported program gives other scores than the network")


def default_folder(trial: Trial, key: str, results: Path) -> Path:
    """Return the folder of exported files where none is named."""
    return results / "exports" / f"{trial.model.backbone}-{key}"
