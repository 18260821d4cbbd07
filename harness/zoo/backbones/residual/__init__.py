"""Residual networks: the trunk of the paper, and 2D networks with temporal modules."""
