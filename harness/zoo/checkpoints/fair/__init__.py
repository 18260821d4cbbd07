"""Checkpoints of PySlowFast and PyTorchVideo, the two libraries of FAIR, and of their networks."""
