"""Style of all figures: colours, sizes in inches, layout, and saving.

Colours are of the Okabe-Ito palette, which is safe for colour-blind readers.
"""

import io
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.data.datasets import desk_recipe
from harness.utils.atomic import write_atomic

COLOURS = {"reference": "#7f8c9b", "row": "#1f5fa8", "ceiling": "#b3462f", "grid": "#e3e6ea"}
KINDS = {"dsa": "#d55e00", "v4d": "#0072b2", "other": "#7f8c9b"}
INK, FAINT = "#20262e", "#5b6673"
ONE_COLUMN, BOTH_COLUMNS = 3.33, 7.0
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "svg.hashsalt": "harness",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a label is text
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
}
PAPER: Any = STYLE | {
    "font.size": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.width": 0.6,
    "text.color": INK,
    "figure.constrained_layout.w_pad": 0.02,
    "figure.constrained_layout.h_pad": 0.02,
}
_LABEL = 30  # characters in a line of a row's label
_UNDATED = {"png": {"Software": None}, "svg": {"Date": None}}
FILE_KINDS = tuple(_UNDATED)


def prefer_bundled_font() -> None:
    """Draw with the font in Matplotlib: one of the machine may have the name, not the shapes."""
    folder, manager = Path(matplotlib.get_data_path(), "fonts", "ttf"), font_manager.fontManager
    known, manager.ttflist = manager.ttflist, []
    for style in ("", "-Bold", "-Oblique", "-BoldOblique"):
        manager.addfont(folder / f"DejaVuSans{style}.ttf")
    manager.ttflist += known


prefer_bundled_font()


def save(figure: Figure, results: Path, name: str, *, dpi: int = 200) -> list[Path]:
    """Write `figures/<name>.png` and `.svg`."""
    freeze(figure)
    paths = []
    for kind, metadata in _UNDATED.items():
        paths.append(results / "figures" / f"{name}.{kind}")
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
        write_atomic(paths[-1], buffer.getvalue())
    return paths


def freeze(figure: Figure) -> None:
    """Fix the layout; rounded, since the last bits of its solver differ from run to run."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        x, y, width, height = axes.get_position(original=True).bounds
        axes.set_position((round(x, 4), round(y, 4), round(width, 4), round(height, 4)))
    for text in figure.texts:
        text.set_position((round(text.get_position()[0], 4), round(text.get_position()[1], 4)))


def title(axes: Axes, heading: str, subtitle: str) -> None:
    """Write a heading and a fainter subtitle at the top left of a panel."""
    axes.set_title(heading, loc="left", fontsize=8, fontweight="bold", pad=14)
    axes.annotate(
        subtitle,
        (0, 1),
        xytext=(0, 5),
        xycoords="axes fraction",
        textcoords="offset points",
        color=FAINT,
    )


def row_height(labels: Iterable[str]) -> float:
    """Return the height of a row in inches: more where a label takes several lines."""
    lines = max(wrapped(label).count("\n") + 1 for label in labels)
    return max(0.36, 0.21 * lines)


def wrapped(label: str) -> str:
    """Break the label of a row into lines, to leave room for data."""
    return textwrap.fill(label, width=_LABEL, break_long_words=False)


def row_labels(axes: Axes, labels: Sequence[str], **font: Any) -> None:
    """Write the labels of rows from top to bottom."""
    axes.set_yticks(range(len(labels)), [wrapped(label) for label in reversed(labels)], **font)
    axes.tick_params(axis="y", length=0)


def foot(figure: Figure, text: str) -> None:
    """Write text below the panels, wrapped to the width of the figure."""
    lines = textwrap.fill(text, width=int(19 * figure.get_figwidth()))
    figure.supxlabel(lines, x=0.01, ha="left", fontsize=6, color=FAINT)


def ceiling_text(reason: str, top1: float) -> str:
    """Return the label of a ceiling: a proven maximum, or an expectation."""
    is_proven = reason in desk_recipe.PROVEN_CEILINGS
    return f"at most {top1:g} %" if is_proven else f"{top1:g} % expected"
