"""Checks of a data set before training, and training copies."""
