"""Copies of data sets: training copies, and shards."""
