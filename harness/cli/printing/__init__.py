"""Printed text that fits the terminal: long lines are wrapped, and wide tables fold into cards."""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import fill
from typing import TextIO

import click

from harness.utils import escape

LEAST = 40  # columns; nothing is wrapped to less
_CELLS = re.compile(r"(?<!\\)\|")
_RULE = re.compile(r"[:-]+")
_COMMAND = re.compile(r"\s*harness [a-z]")  # to be copied as a whole


def echo(text: str, *, is_error: bool = False) -> None:
    """Print text of anybody, as wide as the terminal allows."""
    stream = sys.stderr if is_error else sys.stdout
    click.echo(fit(escape.terminal(text), columns(stream)), err=is_error)


def columns(stream: TextIO) -> int | None:
    """Return the width of the terminal that a stream writes to, or that of COLUMNS in its place.

    None stands for a file or another program, which get whole lines.
    """
    # COLUMNS alone says nothing: readline exports it to the children of any Python that loads it.
    width = shutil.get_terminal_size(fallback=(0, 0)).columns if stream.isatty() else 0
    return max(width, LEAST) if width else None


def fit(text: str, width: int | None) -> str:
    """Return text in lines of so many columns, or as it is for None.

    Words longer than a line stay whole, and so do commands, which somebody may copy.
    """
    if width is None or all(len(line) <= width for line in text.split("\n")):
        return text
    lines: list[str] = []
    for is_table, block in groupby(text.split("\n"), lambda line: line.startswith("|")):
        part = list(block)
        if is_table and max(map(len, part)) > width:
            part = list(_cards(part))
        lines += [_wrap(line, width) for line in part]
    return "\n".join(lines)


def _wrap(line: str, width: int) -> str:
    """Wrap a line; what follows the first piece is set in."""
    if len(line) <= width or _COMMAND.match(line):
        return line
    indent = len(line) - len(line.lstrip()) + 2
    return fill(
        line,
        width,
        subsequent_indent=" " * min(indent, width // 2),
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )


def _cards(table: Sequence[str]) -> Iterator[str]:
    """Yield the rows of a table of Markdown one below the other, each with the names of cells."""
    names, *rows = [_cells(line) for line in table]
    for row in rows:
        if all(_RULE.fullmatch(cell) for cell in row):
            continue
        yield row[0]
        yield from (
            f"  {name}: {cell}" for name, cell in zip(names[1:], row[1:], strict=False) if cell
        )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELLS.split(line.strip())[1:-1]]
