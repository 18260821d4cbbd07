"""Seeds on the command line: how many, or which."""

import json

import click
import pytest
from click.testing import CliRunner

from experiments.table_b import EXPERIMENT
from harness.cli.main import app
from harness.cli.options import parse_seeds
from harness.plan import grid
from tests.helpers.tiny_trials import shrunk


def planned(seeds, results):
    return grid.trials(
        EXPERIMENT,
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
