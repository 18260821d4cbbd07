"""Figures, drawn from records and counts alone; equal numbers give equal bytes.

The only package that imports matplotlib.
"""

from harness.report.figures.curves import curves
from harness.report.figures.scenes import scenes
from harness.report.figures.tables import table
from harness.report.figures.tradeoff import comparison, measured

__all__ = ["comparison", "curves", "measured", "scenes", "table"]
