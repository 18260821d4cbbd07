"""Runs of idle trials, and the cost of logging them."""
