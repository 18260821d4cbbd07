"""Figures of published desk runs in the documentation, computed from their records.

A failure prints the right sentence. No figure of such a run may stand beside these sentences.
"""

import re

import pytest

from experiments.scales import desk
from harness.data.datasets import desk_recipe
from tests.test_page_figures import (
    PAGES,
    TABLES,
    WORDS,
    compared_runs,
    records_of,
    runs,
    text_of,
)

TOP_POINTS = 1  # within which a run counts as at the top that hidden halves allow
FIGURE = r"(?:\d+(?:\.\d+)?,? (?:to |and |, )?)*\d+\.\d+ %|\(\d+\.\d+\)"
# Of runs that are not published, and of what the videos allow.
OTHER_SECTIONS = ("Patterns over four sections: tried, not kept", "Rerunning: which bits to expect")
ALLOWED = ("16.7 %", "4.2 %", f"{desk_recipe.PERFECT:.1f} %", "8.3 %", "3.9 %")


def top1(table, label):
    """Return the accuracies of a row, seed by seed."""
    (row,) = (row for row in TABLES[table].rows if row.label == label)
    return [run.metrics["top1"] for run in records_of(row)]


def number(value):
    return f"{value:.1f}".removesuffix(".0")


def span(values):
    return f"{number(min(values))} to {number(max(values))}"


def listing(values):
    *others, last = (f"{value:.1f}" for value in values)
    return f"{', '.join(others)} and {last} %"


def blocks_of_the_deep_tables():
    counts = []
    for name in ("table_d", "table_f"):
        blocks = [desk(row.trial).model.blocks for row in TABLES[name].rows]
        assert blocks == [row.trial.model.blocks for row in TABLES[name].rows]
        *others, last = (str(sum(map(len, each.values()))) for each in blocks)
        counts.append(f"{', '.join(others)} and {last}")
    return f"{counts[0]} modules in (d), {counts[1]} in (f)"


def kernels_behind_the_last_layer():
    dsa, fixed, average = (
        top1("static_or_dynamic", label)
        for label in ("DSA, last layer", "fixed, last layer", "average")
    )
    assert set(average) == {50}
    return (
        f"Behind the last layer, kernels of the video reach {span(dsa)} %, fixed ones stay at "
        f"{span(fixed)} %, where an average is"
    )


def kernels_in_early_layers():
    both = [
        value
        for kind in ("DSA", "fixed")
        for value in top1("static_or_dynamic", f"{kind}, res3 and res4")
    ]
    return f"In res3 and res4 both reach {span(both)} %"


def fixed_kernels_of_the_first_design():
    small = top1("table_a", "Fixed kernels+I3D R18, 4 × 4")
    large = top1("table_g", "Fixed kernels+I3D R50")
    held = sum(value < 50 for value in (*small, *large))
    return (
        f"stay below 50 % in {WORDS[held]} of {WORDS[len(small + large)]} runs, in tables (a), "
        f"(g) and (h): {listing(small)} on R18, {listing(large)} on R50, against "
        f"{span(top1('table_a', 'DSA+I3D R18, 4 × 4'))} and "
        f"{span(top1('table_g', 'DSA+I3D R50'))} % for DSA"
    )


def frames_that_span_the_video():
    """Compare networks on spread frames with the same on dense clips."""
    accuracies = {"frames": {}, "sections": {}}
    for run in compared_runs().values():
        data = desk(run.trial).data
        if data.num_snippets == 1:
            of_network = accuracies[data.snippet_rule].setdefault(run.trial.model.backbone, [])
            of_network.append(run.record.metrics["top1"])
    spread, dense = accuracies.values()
    both = spread.keys() & dense.keys()
    assert {name.partition("_")[0] for name in both} == {"tsm", "tanet", "tea", "x3d", "vov3d"}
    values = [[value for name in both for value in part[name]] for part in (spread, dense)]
    assert sorted(spread.keys() - both) == ["eco_lite", "trn_bn_inception"]
    return (
        "TSM, TANet, TEA, X3D and VoV3D with the sampling of Something-Something reach "
        f"{span(values[0])} %, where the same networks on dense clips end at {span(values[1])} %; "
        f"ECO reaches {spread['eco_lite'][0]:.1f} %, TRN {spread['trn_bn_inception'][0]:.1f} %"
    )


def hosts_that_are_the_exceptions():
    seeds = [
        top1("dsa_hosts", row.label)
        for row in TABLES["dsa_hosts"].rows
        if row.label in ("DSA+SlowFast 8×8 R50", "DSA+X3D-M")
    ]
    ceiling = desk_recipe.AVERAGE_CEILING
    first, second = (WORDS[sum(value > ceiling for value in values)] for values in seeds)
    return f", which pass it in {first} and {second} of {WORDS[len(seeds[0])]} seeds"


def runs_at_the_top():
    found = [run for run in runs().values() if run.trial.model.module in ("dsa", "v4d")]
    least = desk_recipe.PERFECT - TOP_POINTS
    reach = sum(run.record.metrics["top1"] >= least for run in found)
    return (
        f"{reach} of the {len(found)} runs of DSA and V4D in tables (a) to (h) end within a point"
    )


def few_channels():
    (row,) = (row for row in TABLES["table_f"].rows if row.label == "res2+3, 3 blocks")
    found = records_of(row)
    assert max(run.metrics["top1"] for run in found) < desk_recipe.AVERAGE_CEILING
    return (
        f"does not leave it within {desk(row.trial).train.epochs} epochs, in any of the "
        f"{WORDS[len(found)]} seeds of table (f)"
    )


SENTENCES = (
    blocks_of_the_deep_tables,
    kernels_behind_the_last_layer,
    kernels_in_early_layers,
    fixed_kernels_of_the_first_design,
    frames_that_span_the_video,
    hosts_that_are_the_exceptions,
    runs_at_the_top,
    few_channels,
)


@pytest.mark.parametrize("compute", SENTENCES)
def test_the_page_on_desk_scale_says_what_its_records_say(compute):
    sentence = compute()
    assert sentence in text_of("docs/desk-scale.md"), f"write: {sentence}"


@pytest.mark.parametrize("page", ["README.md", "docs/desk-scale.md"])
def test_no_figure_of_a_run_stands_alone(page):
    """Every percentage with a decimal is part of a sentence that a test computes."""
    text = text_of(page)
    for heading in OTHER_SECTIONS:
        before, _, rest = text.partition(f"## {heading}")
        text = before + rest[rest.find(" ## ") :] if rest else before
    for compute in (*PAGES[page], *(SENTENCES if "desk" in page else ())):
        assert compute() in text_of(page)
        text = text.replace(compute(), "")
    assert set(re.findall(FIGURE, text)) <= set(ALLOWED)
