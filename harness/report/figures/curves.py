"""Training curves of a row, one line per seed."""

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from harness.record import Record
from harness.report.figures.style import BOTH_COLUMNS, COLOURS, PAPER

NAMES = {"train_top1": "top-1 in training, percent", "val_top1": "top-1 at test, one view, percent"}


def curves(records: Sequence[Record]) -> bytes:
    """Draw accuracy by epoch of the trials of a row, as SVG; equal records give equal bytes."""
    # The page has many of them: outlines of the letters would be half of each.
    with mpl.rc_context(PAPER | {"svg.fonttype": "none"}):
        figure = Figure(figsize=(BOTH_COLUMNS, 1.7), layout="constrained")
        panels = figure.subplots(1, len(NAMES), sharex=True, sharey=True)
        for axes, (metric, name) in zip(panels, NAMES.items(), strict=True):
            for record in records:
                _line(axes, record, metric)
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_title(name, loc="left", fontsize=7)
            axes.set_ylim(0, 100)
            axes.grid(axis="y", color=COLOURS["grid"])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def _line(axes: Axes, record: Record, metric: str) -> None:
    points = [
        (epoch["epoch"], epoch[metric]) for epoch in record.history if epoch[metric] is not None
    ]
    if points:
        axes.plot(*zip(*points, strict=True), color=COLOURS["row"], linewidth=1, alpha=0.6)
