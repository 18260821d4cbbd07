"""Checkpoints of networks of inception blocks."""
