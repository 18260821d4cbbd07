"""Figures from records and counts alone; equal numbers give equal bytes.

The only package that imports matplotlib.
"""

from harness.report.figures.aspects import aspects
from harness.report.figures.curves import curves
from harness.report.figures.examples import examples
from harness.report.figures.style import FILE_KINDS
from harness.report.figures.tables import table
from harness.report.figures.tradeoff import comparison, measured_tradeoff

__all__ = [
    "FILE_KINDS",
    "aspects",
    "comparison",
    "curves",
    "examples",
    "measured_tradeoff",
    "table",
]
