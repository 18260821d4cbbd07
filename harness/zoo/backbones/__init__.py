"""Backbones, one file per network."""
