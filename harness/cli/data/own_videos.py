"""Checks of videos of one's own, as part of a command that uses them."""

import os
from pathlib import Path

import click

from harness.cli.data import check_keeps_splits, check_source


def check_own_videos(folder: Path, data: Path, *, on: str | None, is_error: bool) -> str:
    """Check videos of one's own, and return the name that they have from then on.

    Args:
        folder: Has a folder for each class.
        data: Folder of the data sets.
        on: The name; None for that of the folder.
        is_error: Print on standard error.
    """
    from harness.data.prepare import sources

    return _check_folder(on or sources.name_from_folder(folder), folder, data, is_error=is_error)


def check_videos_to_score(folder: Path, data: Path, *, on: str | None, is_error: bool) -> str:
    """Check videos of one's own to score without training, and return their name.

    Args:
        folder: Has a folder for each class, or splits; see `harness.data.prepare.sources`.
        data: Folder of the data sets.
        on: The name; None for that of the folder, with `_test`.
        is_error: Print on standard error.
    """
    from harness.data.prepare import sources

    name = on or f"{sources.name_from_folder(folder)}_test"
    check_keeps_splits(name, data / name, "test")
    return _check_folder(name, folder, data, is_error=is_error, only="test")


def _check_folder(
    name: str, folder: Path, data: Path, *, is_error: bool, only: str | None = None
) -> str:
    from harness.data.prepare import sources
    from harness.data.prepare.probe_pool import ProbeSettings

    found = sources.read_source(name, folder, data, only=only)
    settings = ProbeSettings(processes=os.cpu_count() or 1)
    if not check_source(found, data / name, settings, is_error=is_error).clean:
        bad = data / name / "bad.csv"
        click.echo(f"harness: {bad} names what is not good; the others are used", err=True)
    return name
