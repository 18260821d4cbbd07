"""The published results: made from the published records, and showing what they should."""

from pathlib import Path
from statistics import mean

import pytest

import experiments
from experiments.scales import SCALES
from harness import plan, record
from harness.reproduce import Request, write
from harness.runtime import Runtime

PUBLISHED = Path(__file__).parents[1] / "results"
RECORDS = record.read_all(PUBLISHED)


def top1(row):
    return [each.metrics["top1"] for each in plan.records_of(row, RECORDS, scale=SCALES["desk"])]


def test_table_b_shows_that_dsa_sees_the_order_of_snippets():
    rows = {row.label: top1(row) for row in experiments.load("table_b").rows}
    assert {len(values) for values in rows.values()} == {3}
    assert max(rows["TSN+I3D R50"]) <= 55
    assert max(rows["TSN R50 (2D)"]) <= 30
    for label, values in rows.items():
        if label.startswith("DSA"):
            assert mean(values) >= mean(rows["TSN+I3D R50"]) + 25


@pytest.mark.parametrize("name", sorted(path.stem for path in PUBLISHED.glob("tables/*.md")))
def test_tables_and_figures_are_those_of_the_records(name, tmp_path):
    (tmp_path / "records").symlink_to(PUBLISHED / "records")
    runtime = Runtime(results=tmp_path, data=tmp_path)
    request = Request(
        experiment=experiments.load(name),
        scale="desk",
        shrink=SCALES["desk"],
        seeds=3,
        runtime=runtime,
    )
    for path in write(request).files:
        published = PUBLISHED / path.relative_to(tmp_path)
        assert path.read_bytes() == published.read_bytes(), f"run: harness report {name}"


def test_published_records_name_no_user_host_or_path():
    for each in RECORDS:
        assert "/" not in str({k: v for k, v in each.provenance.items() if k != "libraries"})
        assert each.provenance["dirty"] is False
