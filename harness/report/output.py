"""The output of one table: files, text and verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class TableOutput:
    """A table as files, as text and as verdicts.

    Attributes:
        files: Tables and figures; an MLflow artifact keeps the name of its folder.
        markdown: The table, shown as the description of its MLflow run.
        title: The table's heading, one line.
        verdicts: Label of a row to the verdict in its cell.
        claims: The claims with their verdicts: `claim`, `origin`, `word`, `sentence`,
            `estimate`, `low`, `high`, `p`, `late`.
        stale: Keys of the records made by other code.
        folder: Folder that `files` lie below; None for the results folder.
    """

    files: tuple[Path, ...]
    markdown: str
    title: str = ""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    claims: Rows = ()
    stale: frozenset[str] = frozenset()
    folder: Path | None = None
