"""The rooms of the package stay small enough to be read at a glance."""

from collections import Counter
from pathlib import Path

import harness

PACKAGE = Path(harness.__file__).parent
MOST = {PACKAGE: 10}
MOST_ELSEWHERE = 15
LONG_LINES, MOST_LONG = 250, 5


def test_a_room_has_few_files():
    rooms = Counter(path.parent for path in PACKAGE.rglob("*.py"))
    crowded = {
        str(room): files for room, files in rooms.items() if files > MOST.get(room, MOST_ELSEWHERE)
    }
    assert crowded == {}


def test_few_files_are_long():
    lines = {path: path.read_text().count("\n") for path in PACKAGE.rglob("*.py")}
    assert sum(count > LONG_LINES for count in lines.values()) <= MOST_LONG
