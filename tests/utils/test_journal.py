"""Journals: rows survive a crash, and a line that it cut costs no other row."""

import json
import subprocess
import sys

import pytest

from harness.utils.journal import MAX_LINE, Journal

ROWS = [{"id": "a", "size": 1}, {"id": "b"}, {"id": "é", "note": "two\nlines"}]


def append(path, rows):
    """Open a journal, append rows, and return those that were in it before."""
    with Journal(path) as journal:
        before = list(journal.rows())
        for row in rows:
            journal.append(row)
    return before


def test_rows_come_back_in_order(tmp_path):
    path = tmp_path / "new folder" / "rows.jsonl"
    assert append(path, ROWS) == []
    assert append(path, ROWS[:1]) == ROWS
    assert append(path, []) == [*ROWS, ROWS[0]]
    assert [json.loads(line) for line in path.read_text().splitlines()] == [*ROWS, ROWS[0]]


@pytest.mark.slow
def test_wherever_a_crash_cuts_the_file_only_the_last_row_is_lost(tmp_path):
    path = tmp_path / "rows.jsonl"
    append(path, ROWS)
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        kept = append(path, ROWS[2:])
        ends = [end for end, byte in enumerate(content) if byte == ord("\n")]
        assert kept == ROWS[: sum(end <= size for end in ends)]
        assert append(path, []) == [*kept, ROWS[2]]


@pytest.mark.parametrize(
    "line",
    [
        b"null",
        b"[1]",
        b'{"id": "\xff"}',
        b"\0\0\0",
        b'{"id": NaN}',
        b'{"id": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
def test_a_damaged_line_is_skipped_and_said(tmp_path, line, caplog):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": "a"}\n' + line + b'\n{"id": "b"}\n')
    assert append(path, []) == [{"id": "a"}, {"id": "b"}]
    assert caplog.messages == [
        f"{path}: 1 damaged line is skipped, and what it held is done again: line 2"
    ]


def test_many_damaged_lines_are_one_sentence(tmp_path, caplog):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"x\n" * 100 + b"\n" + b'{"id": "a"}\n')
    assert append(path, []) == [{"id": "a"}]
    (said,) = caplog.messages
    assert said.endswith(
        "100 damaged lines are skipped, and what they held is done again: lines 1, 2, 3, 4, 5, ..."
    )


def test_a_line_without_an_end_is_read_in_bounded_parts(tmp_path, caplog):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"id": "' + b"x" * (3 * MAX_LINE) + b'"}\n{"id": "a"}\n')
    assert append(path, []) == [{"id": "a"}]
    assert len(caplog.messages) == 1


def test_a_row_outlives_a_process_that_dies_at_once(tmp_path):
    path = tmp_path / "rows.jsonl"
    program = (
        "import os, sys; from pathlib import Path; from harness.utils.journal import Journal\n"
        "with Journal(Path(sys.argv[1])) as journal:\n"
        "    journal.append({'id': 'a'})\n"
        "    os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    assert done.returncode == 9
    assert append(path, []) == [{"id": "a"}]
    assert path.stat().st_size == len('{"id": "a"}\n')
