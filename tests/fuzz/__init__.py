"""Fuzz targets: readers of files that somebody else may have written."""
