"""Sources of the recipes: one for each value of each row, in tables and documentation."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

import experiments
from experiments.kinetics400 import DSA_8F
from harness.plan import recipe_sources
from harness.plan.recipe_sources import recipe_values, source_of
from harness.report import table as report_table
from tests.helpers.collected_tables import collected, judged

TRAINED = [name for name in experiments.names() if experiments.load(name).trains]
ROWS = [
    pytest.param(experiments.load(name), row, id=f"{name} {row.label}")
    for name in TRAINED
    for row in experiments.load(name).rows
    if row.trial is not None
]
RELEASED = {
    "data.num_snippets": 4,
    "data.num_frames": 8,
    "data.frame_stride": 8,
    "data.fps": 30,
    "data.snippet_rule": "starts",
    "data.crop_px": 224,
    "data.crop_area": [0.08, 1.0],
    "data.flip": True,
    "model.dropout": 0.5,
    "model.position": "after_conv1",
    "model.blocks": {"res3": [1, 3], "res4": [1, 3, 5]},
    "model.module_options": {"alpha": 2, "beta": 0.125},
    "train.epochs": 100,
    "train.batch_videos": 96,
    "train.norm_videos": 12,
    "train.lr": 0.015,
    "train.milestones": [50, 75, 90],
    "train.warmup_epochs": 10,
    "train.warmup_start": 0.01,
    "train.momentum": 0.9,
    "train.nesterov": True,
    "train.weight_decay": 1e-4,
    "train.clip_grad_norm": 40,
    "evaluation.crop_px": 256,
    "evaluation.average": "logits",
}


@pytest.mark.parametrize(("experiment", "row"), ROWS)
def test_every_value_of_every_row_has_a_source_and_no_source_is_idle(experiment, row):
    sources, values = experiment.sources(row.trial), recipe_values(row.trial)
    assert {path for path in values if source_of(sources, path) is None} == set()
    assert set(sources) - set(values) == set()


def test_values_of_the_release_are_those_of_the_release():
    sources, values = experiments.load("kinetics400").sources(DSA_8F), recipe_values(DSA_8F)
    assert {path: values[path] for path in RELEASED} == RELEASED
    assert {sources[path] for path in RELEASED} == {"release"}


def test_a_source_other_than_the_slides_gives_a_field_one_value_on_a_data_set():
    """So a table that changes a value cannot keep the source of the old one."""
    found = defaultdict(set)
    for experiment, row in (param.values for param in ROWS):
        for path, value in recipe_values(row.trial).items():
            source = experiment.sources(row.trial)[path]
            if source in ("release", "TSM", "MVFNet", "data set"):
                found[row.trial.data.name, path, source].add(repr(value))
    assert {key: values for key, values in found.items() if len(values) > 1} == {}


@pytest.mark.parametrize(("experiment", "row"), ROWS)
def test_every_guess_is_named_under_the_table_of_its_row(experiment, row):
    (note,) = recipe_sources.guess_notes(experiment)
    text = report_table.markdown(judged(collected(experiment, [])))
    assert f"- {note}" in text
    guesses = recipe_sources.by_source(experiment, row.trial)["guess"]
    shared, *others = note.split(". Of ")
    parts = " ".join([shared, *(part for part in others if row.label in part.partition(": ")[0])])
    for path in guesses:
        part, _, name = path.partition(".")
        fields = " ".join(re.findall(rf"\b{part} \(([^)]*)\)", parts))
        assert name in re.split(r"[ ,]+", fields), path


def test_guesses_that_change_what_a_row_means_are_marked():
    """Snippets and frames of I3D and TSM, R18's modules, and V4D's training and test."""
    expected = {
        ("table_g", "I3D R50"): {"data.num_snippets", "data.num_frames"},
        ("table_g", "TSM R50"): {"data.num_snippets", "data.num_frames"},
        ("table_g", "DSA+TSM R50"): {"data.num_frames"},
        ("table_h", "I3D R50"): {"data.num_snippets", "data.num_frames"},
        ("table_a", "DSA+I3D R18, 4 × 4"): {
            "model.module_options",
            "model.position",
            "model.blocks",
        },
        ("table_a", "V4D+I3D R18, 4 × 4"): {"train.epochs", "evaluation.pass_snippets"},
        ("kinetics400", "V4D+I3D R50, 8 × 10 × 3"): {"train.epochs", "train.lr"},
        ("table_h", "SENet+I3D R50"): {"model.module_options"},
    }
    for (name, label), paths in expected.items():
        experiment = experiments.load(name)
        (row,) = (row for row in experiment.rows if row.label == label)
        assert paths <= set(recipe_sources.by_source(experiment, row.trial)["guess"]), label


MARKS = {"slides": "S", "release": "R", "V4D": "V", "TSM": "T", "MVFNet": "M", "guess": "G"}
COLUMNS = ("kinetics400", "mini_kinetics200", "something_v1", "activitynet")
PAGE_ROWS = {
    "U × T in training": ("data.num_snippets", "data.num_frames"),
    "stride": ("data.frame_stride",),
    "frames a second": ("data.fps",),
    "crop": ("data.crop_px", "data.crop_area", "data.crop_aspect", "data.snippet_rule"),
    "mirrored": ("data.flip",),
    "initial weights": ("model.weights",),
    "epochs": ("train.epochs",),
    "drops, × 0.1": ("train.milestones",),
    "batch, in videos": ("train.batch_videos",),
    "batch norm over": ("train.norm_videos",),
    "learning rate": ("train.lr",),
    "warm-up": ("train.warmup_epochs",),
    "weight decay": ("train.weight_decay",),
    "gradient clipped at": ("train.clip_grad_norm",),
    "dropout": ("model.dropout",),
    "SGD": ("train.momentum", "train.nesterov"),
    "precision": ("train.precision",),
    "test views of DSA": ("evaluation.num_passes", "evaluation.num_crops"),
    "averaged over views": ("evaluation.average",),
}
NUMBERS = ("epochs", "batch", "batch norm", "learning", "weight decay", "gradient", "dropout")


def page_cells():
    page = Path(__file__).parents[1] / "docs" / "recipes.md"
    text = page.read_text(encoding="utf-8").split("## The protocols\n\n")[1]
    table = text.partition("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return {title: dict(zip(COLUMNS, cells, strict=True)) for title, *cells in rows}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("title", PAGE_ROWS)
def test_the_documentation_marks_the_same_sources(title, name):
    cell = page_cells()[title][name]
    shown = {
        mark
        for text in re.findall(r"\(([^)]*)\)", cell)
        for mark in re.findall(r"\b[SRVTMG]\b", text)
    }
    experiment = experiments.load(name)
    trials = [row.trial for row in experiment.rows if row.label.startswith("DSA+I3D R50")]
    found = {experiment.sources(trial)[path] for trial in trials for path in PAGE_ROWS[title]}
    marks = {MARKS[source] for source in found if source != "data set"}
    assert marks <= shown, cell
    assert ("G" in shown) is ("guess" in found), cell
    if title.startswith(NUMBERS):
        (value,) = {recipe_values(trial)[PAGE_ROWS[title][0]] for trial in trials}
        assert float(re.match(r"[\d.e-]+", cell)[0]) == value
