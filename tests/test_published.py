"""The published results: rebuilt from the published records, with the expected contents."""

import functools
import os
import subprocess
import sys
from pathlib import Path
from statistics import mean

import numpy as np
import pytest

import experiments
from experiments.scales import SCALES
from harness import record
from harness.cli.requests import build_requests
from harness.plan import grid
from harness.report import build

PUBLISHED = Path(__file__).parents[1] / "results"
RECORDS = record.read_all(PUBLISHED)
ROWS = [
    pytest.param(row, id=f"{name} {row.label}")
    for name in experiments.names()
    if name.startswith("table_") and experiments.load(name).trains
    for row in experiments.load(name).rows
]
SEES_ORDER = ("dsa", "v4d")
MAY_SEE_ORDER = ("static_mix",)  # whether kernels that are the same for all videos do is a result
FEW_CHANNELS = ("res2+3, 3 blocks",)  # mixes one and two; docs/desk-scale.md says that it is late
ROUNDING = 0.5  # percent: twins that score the same up to rounding may both be right


@pytest.mark.parametrize("row", ROWS)
def test_what_mixes_snippets_clears_the_ceiling_of_averages_and_nothing_else_does(row):
    found = grid.records_of(row.trial, RECORDS, rescale=SCALES["desk"])
    top1 = [each.metrics["top1"] for each in found]
    assert len(top1) == 3
    if row.label in FEW_CHANNELS:
        assert min(top1) >= 50 - 2
    elif row.trial.model.module in SEES_ORDER:
        assert mean(top1) >= 60
        assert max(top1) >= 85
    elif row.trial.model.module not in MAY_SEE_ORDER:
        assert max(top1) <= 50 + ROUNDING


def test_a_2d_network_stays_near_its_own_ceiling():
    (row,) = (row for row in experiments.load("table_b").rows if "2D" in row.label)
    found = grid.records_of(row.trial, RECORDS, rescale=SCALES["desk"])
    assert max(each.metrics["top1"] for each in found) <= 30


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    """Return a folder with the published records, and a function that writes a table into it."""
    results = tmp_path_factory.mktemp("results")
    for path in ("records", "declared", "figures/desk-tradeoff.svg"):
        (results / path).parent.mkdir(exist_ok=True)
        (results / path).symlink_to(PUBLISHED / path)

    @functools.cache
    def rebuild(name):
        (request,) = build_requests([name], scale="desk", results=results, data=results, seeds=3)
        judged = build.collect_and_judge(request)
        return judged, build.write(judged)

    return results, rebuild


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.stem for path in PUBLISHED.glob("tables/*.md")))
def test_tables_and_figures_are_those_of_the_records(name, rebuilt):
    results, rebuild = rebuilt
    _, output = rebuild(name)
    for path in output.files:
        published = PUBLISHED / path.relative_to(results)
        assert path.read_bytes() == published.read_bytes(), f"run: harness report {name}"


@pytest.mark.slow
def test_the_page_is_that_of_the_records(rebuilt):
    _, rebuild = rebuilt
    page = build.write_page([rebuild(name) for name in experiments.names()])
    assert page.read_bytes() == (PUBLISHED / "index.html").read_bytes(), "run: harness report"


def old_processor():
    """Return the environment in which libraries add as on CPUs without wide vectors and FMA."""
    wide = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {
        "OPENBLAS_CORETYPE": "Prescott",
        "NPY_DISABLE_CPU_FEATURES": " ".join(wide),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA",
    }


@pytest.mark.slow
def test_another_processor_publishes_the_same(tmp_path):
    for folder in ("records", "declared"):
        (tmp_path / folder).symlink_to(PUBLISHED / folder)
    names = ["table_c", "table_e", "table_g"]  # two slopes, and a row whose seeds scatter widely
    done = subprocess.run(
        [sys.executable, "-m", "harness", "report", *names, "--results", tmp_path],
        env=os.environ | old_processor(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = [*tmp_path.glob("tables/*"), *tmp_path.glob("figures/*")]
    assert len(written) == 8 * len(names)
    for path in written:
        assert path.read_bytes() == (PUBLISHED / path.relative_to(tmp_path)).read_bytes(), path


def test_published_records_name_no_user_host_or_path():
    for each in RECORDS:
        assert "/" not in str({k: v for k, v in each.provenance.items() if k != "libraries"})
        assert each.provenance["dirty"] is False
