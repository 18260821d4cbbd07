"""The output of one table: files, text and verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class TableOutput:
    """A table as files and as text, and what it says.

    Attributes:
        files: Tables and figures; an artifact keeps the name of its file's folder.
        markdown: The table, shown as the description of its run.
        verdicts: Label of a row to the word that its cell shows.
        claims: What the paper asserts and what became of it: `claim`, `word`, `sentence`,
            `estimate`, `low`, `high`, `p`, `late`.
        stale: Keys of the records that other code made.
    """

    files: tuple[Path, ...]
    markdown: str
    verdicts: Mapping[str, str] = field(default_factory=dict)
    claims: Rows = ()
    stale: frozenset[str] = frozenset()
