"""The page of the zoo, as its command writes it."""

from pathlib import Path

import experiments
from harness.cost.zoo_page import LICENCES, page
from harness.zoo import BACKBONES, MODULES

PAGE = Path(__file__).parents[2] / "docs" / "zoo.md"
TABLES = [experiments.load(name) for name in experiments.names()]


def test_the_page_is_what_the_command_writes():
    assert PAGE.read_text(encoding="utf-8") == page(TABLES), "run `harness zoo > docs/zoo.md`"


def test_every_row_of_a_comparison_is_on_the_page_and_one_alone_is_not_built():
    rows = [row for table in TABLES if table.is_comparison for row in table.rows]
    text = PAGE.read_text(encoding="utf-8")
    assert [row.label for row in rows if f"| {row.label} " not in text] == []
    assert [line.split(" | ")[0] for line in text.splitlines() if "not built" in line] == [
        f"| {row.label}" for row in rows if row.trial is None
    ]


def test_every_file_of_the_zoo_has_a_licence():
    paths = {*BACKBONES.values(), *MODULES.values()}
    assert {path.partition(":")[0].rpartition(".")[2] for path in paths} == set(LICENCES)
