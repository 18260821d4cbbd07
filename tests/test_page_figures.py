"""Figures of the README and of the documentation, computed from records, counts and statistics.

A failure prints the right sentence.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

import experiments
from experiments.scales import desk, paper
from harness import record, video_scores
from harness.cost import comparable
from harness.cost.rows import row_cost
from harness.data.datasets import desk_recipe
from harness.plan import comparisons, grid
from harness.record import Record
from harness.specs import Trial
from harness.stats import power
from tests.helpers.command_line import harness

ROOT = Path(__file__).parents[1]
RECORDS = record.read_all(ROOT / "results")
TABLES = {name: experiments.load(name) for name in experiments.names()}
ABLATIONS = {name: table for name, table in TABLES.items() if name.startswith("table_")}
COMPARED = ("kinetics400", "mini_kinetics200", "activitynet", "something_v1")
MIXES = {"dsa": "DSA", "v4d": "V4D", "static_mix": "fixed kernels"}
SEEDS = 3
ROUNDING = 0.5  # percent: twins that score the same up to rounding may both be right
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def text_of(page):
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def letter(name):
    return f"({name.removeprefix('table_')})"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A published run of an ablation, under the first row that has it."""

    row: str
    trial: Trial
    record: Record

    @property
    def mixes(self):
        return self.trial.model.module in MIXES

    @property
    def passes(self):
        return self.record.metrics["top1"] > desk_recipe.AVERAGE_CEILING + ROUNDING

    @property
    def right(self):
        """Return the percentage of answers right in each aspect of their class."""
        return video_scores.aspect_shares(ROOT / "results", self.record)


def records_of(row):
    return grid.records_of(row.trial, RECORDS, rescale=desk)


@cache
def runs():
    """Return every distinct run of the ablations by its key; all rows must have run."""
    found = {}
    for name, table in ABLATIONS.items():
        for row in table.rows if table.trains else ():
            own = records_of(row)
            assert len(own) == SEEDS, f"{name}, {row.label}: {len(own)} of {SEEDS} seeds published"
            for run in own:
                label = f"{row.label} in {letter(name)}"
                found.setdefault(run.key, Run(row=label, trial=row.trial, record=run))
    return found


def printed_costs_of_our_networks():
    """Count the printed costs of (a), (i) and the Kinetics-400 rows of the same networks."""
    ours = {
        (row.trial.model.backbone, row.trial.model.module)
        for table in ABLATIONS.values()
        for row in table.rows
    }
    rows = [*TABLES["table_a"].rows, *TABLES["table_i"].rows]
    rows += [
        row
        for row in TABLES["kinetics400"].rows
        if row.trial and (row.trial.model.backbone, row.trial.model.module) in ours
    ]
    words = Counter(match.word for row in rows for match in row_cost(row).matches.values())
    assert "different" not in words
    plain, other = words["exact"], words["exact, other convention"]
    return (
        f"All {plain + other} printed costs of (a), (i) and the Kinetics-400 rows of these "
        f"networks are met to the digit, {plain} as counted and {other} under a convention that "
        "its cell names"
    )


def number_of_ablations():
    return f"{WORDS[len(ABLATIONS)]} ablation tables"


def runs_of_the_main_job():
    rows = len(ABLATIONS["table_b"].rows)
    return f"{rows * SEEDS} networks ({WORDS[rows]} rows, {WORDS[SEEDS]} seeds)"


def published_runs():
    tables = WORDS[sum(table.trains for table in ABLATIONS.values())]
    return (
        f"All {tables} that train have a published desk-scale run with {WORDS[SEEDS]} seeds, "
        f"{len(runs())} trials in total"
    )


def runs_above_the_ceiling():
    mixing = [run for run in runs().values() if run.mixes]
    others = [run for run in runs().values() if not run.mixes]
    assert not any(run.passes for run in others)
    modules = {run.trial.model.module for run in mixing}
    below = Counter(run.row for run in mixing if not run.passes)
    names = [name for module, name in MIXES.items() if module in modules]
    sentence = (
        f"Of the runs that mix snippets ({', '.join(names)}), "
        f"{len(mixing) - below.total()} of {len(mixing)} exceed the "
        f"{desk_recipe.AVERAGE_CEILING:.0f} % ceiling of those that average them, and none of the "
        f"other {len(others)} does."
    )
    rows = "; ".join(f"{count} of {row}" for row, count in below.items())
    return f"{sentence} Below it: {rows}." if below else sentence


def caption_of_table_g():
    rows = [row for row in ABLATIONS["table_g"].rows if row.trial.model.module == "dsa"]
    published = runs()
    passed = [published[run.key].passes for row in rows for run in records_of(row)]
    often = "" if all(passed) else f" in {sum(passed)} of {len(passed)} runs"
    ceiling = f"{desk_recipe.AVERAGE_CEILING:.0f} %"
    return f"alone stay below their ceiling of {ceiling}, with DSA they exceed it{often}"


def cost_of_slowfast():
    rows = {row.label: row for row in TABLES["kinetics400"].rows}
    pair = [rows[name] for name in ("SlowFast R50, (8+32) × 10 × 3", "DSA+I3D R50, 4 × 8 × 3")]
    fair, printed = (
        comparable.total(pair[0], axis) / comparable.total(pair[1], axis)
        for axis in ("comparable", "printed")
    )
    return (
        f"SlowFast 8×8 R50 costs {fair:.1f} times as much as DSA with 4 frames, where the printed "
        f"totals give {printed:.1f} times"
    )


def rows_that_are_not_built():
    names = {row.label for table in COMPARED for row in TABLES[table].rows if row.trial is None}
    (short,) = {label.partition(" ")[0] for label in names}
    return f"Every row but {short} is a network that is built, counted and trained here"


@cache
def compared_runs():
    """Return every distinct run of networks of other work by its key; all rows must have run."""
    found = {}
    for name, table in TABLES.items():
        for row in table.rows if table.is_comparison and table.document != "Ours" else ():
            own = [run for part in row.trials for run in records_of(replace(row, trial=part))]
            needed = (1 if row.single_seed else SEEDS) * len(row.trials)
            assert len(own) >= needed, f"{name}, {row.label}: {len(own)} of {needed} runs published"
            for run in own:
                found.setdefault(run.key, Run(row=row.label, trial=row.trial, record=run))
    return found


def published_comparisons():
    return f"their desk runs are published, {len(compared_runs())} trials with three seeds where"


def hosts_above_the_ceiling():
    hosts = {row.label: row for row in TABLES["dsa_hosts"].rows}
    runs = {
        label: [Run(row=label, trial=row.trial, record=run) for run in records_of(row)]
        for label, row in hosts.items()
    }
    plain = [label for label in hosts if f"DSA+{label}" in hosts]
    assert 2 * len(plain) == len(hosts)
    assert not any(run.passes for label in plain for run in runs[label])
    lifted = [label for label in plain if all(run.passes for run in runs[f"DSA+{label}"])]
    others = [label for label in plain if label not in lifted]
    assert len(others) == 2
    tops = [run.record.metrics["top1"] for label in lifted for run in runs[f"DSA+{label}"]]
    names = " and ".join(others)
    return (
        f"With DSA {WORDS[len(lifted)]} of {WORDS[len(plain)]} hosts reach {min(tops):.1f} to "
        f"{max(tops):.1f} % in all seeds, without it none passes 50 %; {names} are the exceptions"
    )


def comparisons_below_the_ceiling():
    """Count the runs of networks that average snippets, of which none may pass the ceiling."""
    held = [
        run
        for run in compared_runs().values()
        if comparisons.ceiling(desk(run.trial)) == desk_recipe.AVERAGE_CEILING
    ]
    assert not any(run.passes for run in held)
    dense = sum(desk(run.trial).data.num_snippets == 1 for run in held)
    return (
        f"None of the {len(held)} runs of networks that average snippets passes 50 %. {dense} of "
        "them take dense clips"
    )


def comparisons_that_learn_little():
    tops = {}
    for run in compared_runs().values():
        tops.setdefault(run.row, []).append(run.record.metrics["top1"])
    little = {label: max(values) for label, values in tops.items() if max(values) < 20}
    return "; ".join(f"{label} ({top1:.1f})" for label, top1 in little.items())


def published_cue():
    rows = TABLES["static_or_dynamic"].rows
    is_published = all(len(records_of(row)) == SEEDS for row in rows)
    return f"It has claims and {'a published run' if is_published else 'no published run yet'}."


def scales_of_records():
    assert {run.trial["scale"] for run in RECORDS} == {"desk"}
    return "no number at paper scale was measured"


def picture_of_single_videos():
    """Return the sentence on the qualitative figure; empty as long as none is published."""
    drawn = sorted((ROOT / "results" / "figures").glob("visualize-*.svg"))
    if not drawn:
        return ""
    (path,) = drawn
    (found,) = (run for run in RECORDS if run.key == path.stem.removeprefix("visualize-"))
    assert found.trial["model"]["module"] == "dsa"
    return (
        f"[Desk videos that only DSA gets right](results/figures/{path.name}), with their kernels, "
        "stand in for the last slide, whose videos [were not at hand](docs/figures.md)."
    )


def smallest_gaps():
    found = len(comparisons.family(TABLES.values(), paper))
    alone, corrected = (
        [power.detectable_gap(deviation=0.35, seeds=seeds, level=level) for seeds in (3, 4, 5)]
        for level in (power.LEVEL, power.LEVEL / found)
    )
    return (
        "at a deviation of 0.35 points they show a gap of {:.2f} points with 80 % power, "
        "four {:.2f}, five {:.2f}; ".format(*alone)
    ) + (
        f"after Holm's correction over the {found} comparisons of all tables "
        "{:.2f}, {:.2f} and {:.2f} points".format(*corrected)
    )


def seeds_of_a_small_gap():
    def shown(seeds):
        return power.better_power(0.1, deviation=0.35, seeds=seeds)

    return f"A gap of 0.1 takes {power.seeds_needed(shown)} seeds per row"


def aspects_of_answers():
    found = [(run, run.right) for run in runs().values()]
    ceilings = {run.record.key: comparisons.ceiling(desk(run.trial)) for run, _ in found}
    frames = [right["motions"] for run, right in found if ceilings[run.record.key] == 25]
    motions = [right["motions"] for run, right in found if ceilings[run.record.key] != 25]
    assert {right["order"] for run, right in found if not run.mixes} == {50}
    return (
        f"every network recognises the shapes (at least {min(r['shapes'] for _, r in found):.1f} % "
        f"of the videos). The 2D TSN guesses the motions ({min(frames):.0f} to {max(frames):.0f} "
        f"%), every other network sees them (at least {min(motions):.1f} %), and the order is what "
        "separates the rows: exactly 50 % for averages of snippets, and up to "
        f"{max(right['order'] for _, right in found):.0f} % for networks that mix them."
    )


README_SENTENCES = (
    number_of_ablations,
    runs_of_the_main_job,
    printed_costs_of_our_networks,
    published_runs,
    runs_above_the_ceiling,
    caption_of_table_g,
    cost_of_slowfast,
    rows_that_are_not_built,
    published_comparisons,
    hosts_above_the_ceiling,
    scales_of_records,
    picture_of_single_videos,
)


PAGES = {
    "README.md": README_SENTENCES,
    "docs/desk-scale.md": (
        aspects_of_answers,
        published_cue,
        hosts_above_the_ceiling,
        comparisons_below_the_ceiling,
        comparisons_that_learn_little,
    ),
    "docs/statistics.md": (smallest_gaps, seeds_of_a_small_gap),
}
CASES = [
    pytest.param(page, compute, id=compute.__name__)
    for page, sentences in PAGES.items()
    for compute in sentences
]


@pytest.mark.parametrize(("page", "compute"), CASES)
def test_pages_say_what_records_and_counts_say(page, compute):
    sentence = compute()
    assert sentence in text_of(page), f"{page} has another figure; write: {sentence}"


def test_the_plan_in_the_documentation_is_what_the_command_prints(tmp_path):
    folders = ("--results", tmp_path, "--data", tmp_path)
    printed = harness("plan", "table_b", "--scale", "paper", *folders).stdout
    plan = printed[printed.index("data not checked") :]
    assert plan in (ROOT / "docs" / "planning.md").read_text(encoding="utf-8"), plan
