"""Trials side by side on a Ray cluster."""
