"""Figures do not depend on the fonts of a machine."""

from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.font_manager import FontEntry

from harness.report.figures import style


def test_a_font_of_the_machine_never_stands_in_for_that_of_matplotlib(monkeypatch):
    manager = font_manager.fontManager
    monkeypatch.setattr(
        manager, "ttflist", [FontEntry(fname="/machine/DejaVuSans.ttf", name="DejaVu Sans")]
    )
    style.prefer_bundled_font()
    with matplotlib.rc_context(style.STYLE):
        for weight in ("normal", "bold"):
            properties = font_manager.FontProperties(weight=weight)
            assert Path(manager.findfont(properties)).is_relative_to(matplotlib.get_data_path())
