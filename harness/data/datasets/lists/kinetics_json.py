"""Annotations of Kinetics in JSON: `{id: {annotations: {label, segment}, subset, url}}`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.data.datasets import official_files
from harness.data.datasets.lists.text_rows import RowErrors

_SHAPE = "{id: {annotations: {label, segment}, subset}}"
_TIMES = ("time_start", "time_end")


def is_json(file: Path) -> bool:
    """Return whether a list is JSON, by its suffix."""
    return file.suffix.lower() == ".json"


def read(file: Path, handle: Callable[[dict[str, str]], object], errors: RowErrors) -> None:
    """Pass every clip to `handle`, with the columns of annotations in CSV, and collect errors.

    Raises:
        ValueError: If the file cannot be read, or is no JSON of this form.
    """
    content = official_files.read_json(file)
    entries = content if isinstance(content, dict) else {}
    if not entries or not all(isinstance(entry, dict) for entry in entries.values()):
        raise ValueError(f"{file} is no list of videos as Kinetics writes them in JSON: {_SHAPE}")
    for source, entry in entries.items():
        try:
            handle(_row(source, entry))
        except ValueError as error:
            errors.add(f"{file.name}, {source!r}", error)


def _row(source: str, entry: dict[str, Any]) -> dict[str, str]:
    annotations = entry.get("annotations")
    label, times = (
        (annotations.get("label"), annotations.get("segment"))
        if isinstance(annotations, dict)
        else (None, None)
    )
    if not isinstance(label, str) or not label:
        raise ValueError("it has no `label` under `annotations`")
    if not isinstance(times, list) or len(times) != len(_TIMES):
        raise ValueError(f"its `segment` {times!r} is not a start and an end, in seconds")
    seconds = dict(zip(_TIMES, map(str, times), strict=True))
    return {"youtube_id": source, "label": label, "split": str(entry.get("subset", "")), **seconds}
