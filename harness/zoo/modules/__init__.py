"""Modules that stand inside a backbone, one file each."""
