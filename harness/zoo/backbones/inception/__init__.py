"""Networks of inception blocks: 2D, inflated, separated, and with relations between frames."""
