"""Figure of what of the answers is right: a panel per aspect of a class, a line per row."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.report.figures.style import COLOURS, FAINT, PAPER, foot, row_labels, save, title

Shares = Mapping[str, float]
READING = (
    "Each panel counts the answers that are right in the one before; the product is the top-1. "
    "Dot: mean, ticks: seeds, dotted: chance, dashed: the highest share of these networks."
)


def aspects(
    rows: Mapping[str, Sequence[Shares]],
    *,
    chances: Shares,
    ceilings: Mapping[str, tuple[float, str]],
    results: Path,
    name: str,
) -> list[Path]:
    """Draw the percentage of answers that are right in each aspect: `figures/<name>.png`, `.svg`.

    Args:
        rows: Label of a row to the shares of each of its seeds.
        chances: Of a class drawn at random.
        ceilings: Highest possible share of an aspect, and of which networks.
        results: Folder of the figures.
        name: Name of the files.
    """
    with mpl.rc_context(PAPER):
        figure = Figure(figsize=(6.4, 1.5 + 0.26 * len(rows)), layout="constrained")
        panels = figure.subplots(1, len(chances), sharey=True)
        for axes, aspect in zip(panels, chances, strict=True):
            _panel(axes, {label: [seed[aspect] for seed in rows[label]] for label in rows})
            axes.axvline(chances[aspect], color=FAINT, linestyle=":", linewidth=1, zorder=1)
            title(axes, aspect, _ceiling(axes, *ceilings[aspect]) if aspect in ceilings else "")
        row_labels(panels[0], [*rows], fontsize=8)
        foot(figure, READING)
        return save(figure, results, name)


def _panel(axes: Axes, rows: Mapping[str, Sequence[float]]) -> None:
    """Draw the seeds of each row as ticks, and their mean as a dot."""
    for place, values in enumerate(reversed([*rows.values()])):
        axes.plot(values, [place] * len(values), "|", ms=8, color=COLOURS["row"], alpha=0.55)
        axes.plot(sum(values) / len(values), place, "o", ms=4, color=COLOURS["row"])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, 103)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(axis="x", color=COLOURS["grid"])
    axes.set_axisbelow(True)
    axes.set_xlabel("percent", fontsize=8)


def _ceiling(axes: Axes, share: float, networks: str) -> str:
    """Draw the line of a ceiling and return its name."""
    axes.axvline(share, color=COLOURS["ceiling"], linestyle=(0, (4, 3)), linewidth=1, zorder=1)
    return f"dashed: {networks}"
