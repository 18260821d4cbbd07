"""Figure of single videos: frames, predictions of two networks, and kernels of DSA."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec

from harness.report.figures.style import BOTH_COLUMNS, COLOURS, FAINT, INK, KINDS, PAPER, foot, save

if TYPE_CHECKING:  # it imports torch, which no other figure needs
    from harness.report.kernels import Example, Kernels

CORRECT, WRONG = "#009e73", KINDS["dsa"]
MAX_FRAMES = 4
ROW_IN = 1.1
FOOT = (
    "Bold: ground truth. Kernels: weight of the snippet before, of the snippet itself, and of the "
    "one after. Thin lines: channels, averaged over views; thick: their mean, bars: standard "
    "deviation."
)


def examples(videos: "Sequence[Example]", *, name: str, results: Path) -> list[Path]:
    """Draw a row per video: frames, predictions, and one small panel per DSA module.

    Args:
        videos: At least one.
        name: Name of the files.
        results: Folder that holds `figures/`.
    """
    with mpl.rc_context(PAPER):
        height = ROW_IN * len(videos) + 0.35
        figure = Figure(figsize=(BOTH_COLUMNS, height))
        figure.set_layout_engine("constrained", hspace=0.1)
        modules = len(videos[0].kernels)
        grid = figure.add_gridspec(len(videos), 1 + modules, width_ratios=[4.2, *[0.8] * modules])
        for row, example in enumerate(videos):
            _frames(figure, grid[row, 0], example)
            for column, kernels in enumerate(example.kernels, start=1):
                _kernels(figure.add_subplot(grid[row, column]), kernels, first=column == 1)
        foot(figure, FOOT)
        return save(figure, results, name, dpi=300)


def _frames(figure: Figure, place: SubplotSpec, example: "Example") -> None:
    """Show each snippet as a strip of frames, and the answers above them."""
    snippets = [_strip(snippet) for snippet in example.frames]
    cells = GridSpecFromSubplotSpec(2, len(snippets), place, height_ratios=[1, 1.1])
    words = figure.add_subplot(cells[0, :])
    words.axis("off")
    _predictions(words, example)
    for column, strip in enumerate(snippets):
        axes = figure.add_subplot(cells[1, column])
        axes.imshow(strip, interpolation="nearest")
        axes.set_xlabel(f"snippet {column + 1}", fontsize=6, labelpad=2)
        axes.set(xticks=[], yticks=[], anchor="N")
        axes.spines["bottom"].set_visible(False)


def _strip(snippet: np.ndarray) -> np.ndarray:
    """Put some frames of a snippet (T H W 3) side by side, a white line between them."""
    chosen = np.linspace(0, len(snippet) - 1, min(len(snippet), MAX_FRAMES)).round().astype(int)
    gap = max(snippet.shape[2] // 16, 1)
    framed = np.pad(snippet[chosen], ((0, 0), (0, 0), (0, gap), (0, 0)), constant_values=255)
    return np.concatenate(list(framed), axis=1)[:, :-gap]


def _predictions(axes: Axes, example: "Example") -> None:
    title = f"{example.video}: {example.label}"
    axes.text(0, 0.55, title, fontweight="bold", color=INK, transform=axes.transAxes)
    for x, network, prediction in (
        (0, "DSA", example.prediction),
        (0.5, "average", example.baseline),
    ):
        mark, colour = ("✓", CORRECT) if prediction == example.label else ("✗", WRONG)
        axes.text(
            x, -0.05, f"{mark} {network}: {prediction}", color=colour, transform=axes.transAxes
        )


def _kernels(axes: Axes, kernels: "Kernels", *, first: bool) -> None:
    """Draw the taps of every channel, their mean and their spread."""
    half = kernels.taps.shape[1] // 2
    offsets = np.arange(-half, half + 1)
    axes.plot(offsets, kernels.taps.T, color=COLOURS["reference"], linewidth=0.5, alpha=0.6)
    mean, spread = kernels.taps.mean(0), kernels.taps.std(0)
    axes.errorbar(
        offsets, mean, yerr=spread, fmt="o-", ms=2.5, capsize=2, lw=1.2, color=COLOURS["row"]
    )
    axes.set_title(f"{kernels.module}, {len(kernels.taps)} channels", fontsize=6, color=FAINT)
    axes.set_ylim(0, 1)
    axes.set_xlim(-half - 0.4, half + 0.4)
    axes.set_xticks(offsets, [f"{offset:+d}" if offset else "0" for offset in offsets])
    axes.set_yticks([0, 0.5, 1], ["0", "½", "1"] if first else [""] * 3)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=COLOURS["grid"], linewidth=0.6)
