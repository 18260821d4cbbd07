"""The published results: made from the published records, and showing what they should."""

from pathlib import Path

import pytest

import experiments
from experiments.scales import SCALES
from harness import record
from harness.reproduce import Request, write
from harness.runtime import Runtime

PUBLISHED = Path(__file__).parents[1] / "results"
RECORDS = record.read_all(PUBLISHED)


@pytest.mark.parametrize("name", sorted(path.stem for path in PUBLISHED.glob("tables/*.md")))
def test_tables_and_figures_are_those_of_the_records(name, tmp_path):
    for folder in ("records", "declared"):
        (tmp_path / folder).symlink_to(PUBLISHED / folder)
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
