"""Seeds on the command line: how many, or which."""

import json
from collections import Counter
from dataclasses import replace

import click
import pytest
from click.testing import CliRunner

from experiments.table_b import EXPERIMENT
from harness.cli.main import app
from harness.cli.options import parse_seeds
from harness.experiment import Claim
from harness.plan import grid
from tests.helpers.tiny_trials import shrunk


def planned(seeds, results, experiment=EXPERIMENT):
    return grid.trials(
        experiment,
        rescale=shrunk,
        seeds=seeds,
        passport=lambda trial: "p",
        code=lambda trial: {},
        results=results,
    )


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", 3), ("3,4,5", (3, 4, 5)), ("5, 0", (5, 0)), ("7,", (7,)), (" 2 ", 2)],
)
def test_seeds_are_a_number_or_a_list(text, seeds):
    assert parse_seeds(None, None, text) == seeds


@pytest.mark.parametrize("text", ["0", "-1", "3,3", "1,-2", "a", "1,b", ",", "1;2", "1.5", "3-5"])
def test_other_seeds_are_refused(text):
    with pytest.raises(click.BadParameter, match=r"range|valid integer|twice|no seed"):
        parse_seeds(None, None, text)


def test_listed_seeds_have_the_keys_that_counted_ones_have(tmp_path):
    counted = {(trial.rows, trial.trial.seed): trial.key for trial in planned(6, tmp_path)}
    listed = {(trial.rows, trial.trial.seed): trial.key for trial in planned((3, 5), tmp_path)}
    assert {seed for _, seed in listed} == {3, 5}
    assert listed.items() <= counted.items()


def test_the_plan_counts_listed_seeds(tmp_path):
    words = ["plan", "table_b", "--seeds", "4,9", "--json", "--results", str(tmp_path)]
    done = CliRunner().invoke(app, [*words, "--data", str(tmp_path)])
    plan = json.loads(done.stdout)
    assert sorted({trial["seed"] for trial in plan["trials"]}) == [4, 9]
    assert [table["seeds"] for table in plan["resolution"]] == [2]


def comparison(**judged):
    """Make table (b) a comparison with one claim, of DSA at II and TSN+I3D R50."""
    claim = Claim(text="c", kind="better", rows=("DSA at II", "TSN+I3D R50"))
    rows = tuple(replace(row, single_seed=judged.get(row.label)) for row in EXPERIMENT.rows)
    return replace(EXPERIMENT, is_comparison=True, claims=(claim,), rows=rows)


@pytest.mark.parametrize(
    ("seeds", "claimed", "others"), [(3, 3, 1), ((0, 2), 2, 2), ((4,), 1, 1), (1, 1, 1)]
)
def test_rows_of_a_comparison_without_a_claim_run_once(seeds, claimed, others, tmp_path):
    counts = Counter(trial.rows for trial in planned(seeds, tmp_path, comparison()))
    assert len(counts) == 6
    assert {counts[label,] for label in ("DSA at II", "TSN+I3D R50")} == {claimed}
    assert {counts[label,] for label in ("DSA at I", "DSA at III")} == {others}
    assert set(Counter(trial.rows for trial in planned(3, tmp_path)).values()) == {3}


def test_a_row_may_ask_for_all_seeds_and_keeps_them_without_its_claims(tmp_path):
    table = comparison(**{"DSA at I": False})
    chosen = grid.select_rows(table, ["DSA at I", "DSA at II"])
    assert chosen.claims == ()
    assert grid.run_once(chosen, 3) == []
    assert grid.run_once(grid.select_rows(table, ["DSA at III"]), 3) == ["DSA at III"]


def test_a_claim_on_cost_needs_one_seed():
    rows = tuple(replace(row, single_seed=None) for row in EXPERIMENT.rows)
    cost = Claim(
        text="c", kind="overhead", metric="gmacs", limit=2, rows=("DSA at II", "TSN+I3D R50")
    )
    table = replace(EXPERIMENT, is_comparison=True, claims=(cost,), rows=rows)
    assert grid.run_once(table, 3) == [row.label for row in rows]


@pytest.mark.slow
def test_the_plan_says_how_many_rows_run_once(tmp_path):
    words = ["plan", "activitynet", "--results", str(tmp_path), "--data", str(tmp_path)]
    said = " ".join(CliRunner().invoke(app, words).stdout.split())
    assert "; 2 rows run with one seed, as no claim on an accuracy needs more" in said
    listed = CliRunner().invoke(app, [*words, "--seeds", "0,1,2"]).stdout
    assert "with one seed" not in " ".join(listed.split())
