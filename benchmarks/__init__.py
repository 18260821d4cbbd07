"""Measurements of the harness beside other software."""
