"""Data sets, one file each, and the readers they share."""
