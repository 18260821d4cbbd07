"""Figures, drawn from records and counts alone; equal numbers give equal bytes.

The only package that imports matplotlib.
"""

from harness.figures.curves import curves
from harness.figures.scenes import scenes
from harness.figures.tables import table
from harness.figures.tradeoff import comparison, measured

__all__ = ["comparison", "curves", "measured", "scenes", "table"]
