"""Every printed figure of the documents at hand: in a table, or left out for a reason.

`golden/printed_figures.csv` holds the figures of the slides, of the abstracts of DSANet and VoV3D
and of the leaderboard pages of DSANet and TAM, with the table and row where each stands.
"""

import csv
from collections import Counter
from fractions import Fraction
from math import prod
from pathlib import Path

import pytest

import experiments

PATH = Path(__file__).parent / "golden" / "printed_figures.csv"
FIGURES = list(csv.DictReader(PATH.read_text(encoding="utf-8").splitlines()))
LEFT_OUT = {
    ("slides", "test views", "4 × 10 × 3"): (
        "of the row of (a) that trains on 16 frames: it is tested on 16 here, as 4 is taken for a "
        "slip of the slide"
    ),
    ("slides", "test views", "(8+32) × 3 × 10"): (
        "of SlowFast: clips and crops are swapped on the slide, and the rows have (8+32) × 10 × 3"
    ),
    ("leaderboard page of TAM", "rows shown", "10"): "of the page, not of a network",
    ("leaderboard page of TAM", "rows", "26"): "of the page; the other 16 were not shown",
    ("abstract of VoV3D", "times fewer parameters", "6"): (
        "the network that it is compared with is not named in this version; against TEA it would "
        "be 4.2 times, and the authors' later abstract has 4"
    ),
    ("abstract of VoV3D", "times less computation", "16"): (
        "as above: against TEA at 16 frames 16.7 times, most of it by fewer views, and later 14"
    ),
}
METRICS = ("top1", "top5", "map", "params_m", "gmacs", "total_gmacs")


def row_of(figure):
    (row,) = (r for r in experiments.load(figure["table"]).rows if r.label == figure["row"])
    return row


def snippets(trial):
    return (trial.evaluation.pass_snippets or trial.data.num_snippets) * trial.evaluation.num_passes


def is_shown(figure, row):
    """Return whether a row holds a figure: as a published value, in its trial or in its label."""
    quantity, value, trial = figure["quantity"], figure["value"], row.trial
    if quantity in METRICS:
        scale = 100 if "as 0.66" in row.label else 1
        return row.published[quantity] == float(value) * scale
    if quantity == "rank":
        return row.label.endswith(f", rank {value}")
    if quantity == "views":
        factor = prod(Fraction(number) for number in value.split(" × "))
        passes = Fraction(snippets(trial), trial.data.num_snippets)
        views = passes * trial.evaluation.num_crops
        product = Fraction(str(row.published["gmacs"])) * factor
        return views == factor and abs(product - Fraction(row.published["total_gmacs"])) < 1
    # The label has the frames of all networks of an ensemble, and of both pathways of SlowFast.
    if trial is None or row.ensemble or value.startswith("("):
        return value in row.label or (quantity == "training views" and value[:3] in row.label)
    data, options = trial.data, trial.model.module_options
    shown = {
        "training views": f"{data.num_frames} × {data.num_snippets}",
        "test views": f"{data.num_frames} × {snippets(trial)} × {trial.evaluation.num_crops}",
        "input": f"{data.num_frames} × {data.num_snippets} × {data.crop_px}² × 3",
        "alpha": str(options.get("alpha")),
        "beta": str(Fraction(options.get("beta", 0))),
        "blocks": str(sum(len(indices) for indices in trial.model.blocks.values())),
    }
    return shown[quantity] == value


@pytest.mark.parametrize("figure", [f for f in FIGURES if f["table"]], ids=str)
def test_a_printed_figure_stands_in_its_row(figure):
    assert is_shown(figure, row_of(figure)), figure


def test_what_stands_in_no_table_is_left_out_for_a_reason():
    left_out = {
        (figure["document"], figure["quantity"], figure["value"])
        for figure in FIGURES
        if not figure["table"]
    }
    assert left_out == set(LEFT_OUT)
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())


def test_no_row_has_a_printed_number_that_no_document_has():
    """But for reference rows and values from elsewhere, which name their source."""
    listed = {(f["table"], f["row"], f["quantity"]) for f in FIGURES}
    missing = {
        (name, row.label, metric)
        for name in experiments.names()
        for row in experiments.load(name).rows
        for metric in row.published
        if not row.source and (name, row.label, metric) not in listed
    }
    assert missing == set()


def test_no_figure_of_a_document_is_forgotten():
    """The counts were taken from the documents: 148 numbers with a point are on the slides."""
    values = [figure["value"] for figure in FIGURES if figure["document"] == "slides"]
    assert sum(value.count(".") for value in values) == 148
    counts = Counter(figure["document"] for figure in FIGURES)
    assert counts["leaderboard page of DSANet"] == 2 * 7
    assert counts["leaderboard page of TAM"] == 2 * 10 + 2


def ranks(document):
    return [
        int(f["value"]) for f in FIGURES if f["document"] == document and f["quantity"] == "rank"
    ]


def test_the_leaderboards_are_complete():
    assert ranks("leaderboard page of DSANet") == [257, 43, 31, 19, 11, 5, 5]
    assert ranks("leaderboard page of TAM") == [535, 413, 341, 333, 257, 245, 187, 169, 162, 151]
    printed = [row.published["top1"] for row in experiments.load("tam_leaderboard").rows]
    assert Counter(printed) == {66: 5, 79.3: 2, 50.6: 2, 76.3: 1}
    on_activitynet = experiments.load("dsanet_leaderboard_activitynet").rows
    assert [row.published["map"] for row in on_activitynet] == [90.5] * 4
