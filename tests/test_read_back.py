"""Published sentences, read back: every number in them against the records and the counts."""

import csv
import re
from fractions import Fraction
from pathlib import Path
from statistics import mean

import pytest

import experiments
from experiments.scales import desk
from harness import record, video_scores
from harness.cost.rows import row_cost
from harness.data.datasets import desk_recipe
from harness.plan import comparisons, grid

TABLES = Path(__file__).parents[1] / "results" / "tables"
RECORDS = record.read_all(TABLES.parent)
FAMILY = len(comparisons.family([experiments.load(name) for name in experiments.names()], desk))
NUMBER = r"([+-]?[\d,]+\.?\d*)"


def lines_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


CLAIMS = [
    pytest.param(path.name.partition(".")[0], line, id=f"{path.name} {line['claim']}")
    for path in sorted(TABLES.glob("*.claims.csv"))
    for line in lines_of(path)
]


def runs(table, label, metric="top1"):
    """Return the accuracies of a row by seed, straight from the records, or of fused scores."""
    (row,) = (row for row in experiments.load(table).rows if row.label == label)
    parts = [
        {run.trial["seed"]: run for run in grid.records_of(trial, RECORDS, rescale=desk)}
        for trial in row.trials
    ]
    if len(parts) == 1:
        return {seed: run.metrics[metric] for seed, run in parts[0].items()}
    shared = set.intersection(*map(set, parts))
    fused = {seed: [part[seed] for part in parts] for seed in shared}
    return {
        seed: video_scores.fuse(TABLES.parent, each).metrics[metric] for seed, each in fused.items()
    }


def close(text, value, *, of=1):
    """Return whether a written number is a value, rounded to the digits that are written."""
    number = text.replace(",", "")
    digits = len(number.partition(".")[2])
    return abs(float(number) - value) <= 0.5 * 10**-digits + 1e-9 * of


def read_difference(table, line, sentence):
    pattern = (
        rf"difference {NUMBER} \({NUMBER} to {NUMBER}, (\d) seeds\), p = {NUMBER} after Holm over "
        rf"(\d+) comparisons, probability of improvement {NUMBER}"
    )
    gap, low, high, seeds, p, family, improvement = re.match(pattern, sentence).groups()
    first, second = (runs(table, label) for label in line["rows"].split("; "))
    wins = [(a > b) + (a == b) / 2 for a in first.values() for b in second.values()]
    assert close(gap, mean(first[seed] - second[seed] for seed in first))
    assert float(low) < float(gap) < float(high)
    assert int(seeds) == len(first) == len(second)
    assert close(improvement, mean(wins))
    assert int(family) == FAMILY
    for text, column in ((gap, "estimate"), (low, "low"), (high, "high"), (p, "p")):
        assert close(text, float(line[column]))
    return sentence[re.match(pattern, sentence).end() :]


def read_sameness(table, line, sentence):
    """Read a gap whose 90 % interval is compared with a limit."""
    pattern = (
        rf"difference {NUMBER} \(90 %: {NUMBER} to {NUMBER}, (\d) seeds\)"
        rf"(?:; differs by more than {NUMBER}|; within ± {NUMBER} or not, more seeds would tell)?"
    )
    gap, low, high, seeds, *limits = re.match(pattern, sentence).groups()
    first, second = (runs(table, label) for label in line["rows"].split("; "))
    assert close(gap, mean(first[seed] - second[seed] for seed in first))
    assert float(line["low"]) < float(low) < float(gap) < float(high) < float(line["high"])
    assert int(seeds) == len(first) == len(second)
    (claim,) = (each for each in experiments.load(table).claims if each.text == line["claim"])
    assert all(float(limit) == claim.limit for limit in filter(None, limits))
    return sentence[re.match(pattern, sentence).end() :]


def read_best(table, line, sentence):
    """Read the probability to be best, and who may be."""
    labels = line["rows"].split("; ")
    pattern = (
        rf"{re.escape(labels[0])} is best with probability {NUMBER}; "
        r"(?:each of the (\d) rows may be the best|top group: (.*?)) \((\d) seeds\)"
    )
    chance, count, group, seeds = re.match(pattern, sentence).groups()
    assert close(chance, float(line["estimate"]))
    assert {len(runs(table, label)) for label in labels} == {int(seeds)}
    assert count is None or int(count) == len(labels)
    means = {label: mean(runs(table, label).values()) for label in labels}
    if group is not None:  # labels may hold commas
        named = [label for label in labels if label in group]
        assert min(means[label] for label in named) >= max(
            (value for label, value in means.items() if label not in named), default=0
        )
    return sentence[re.match(pattern, sentence).end() :]


def read_range(table, line, sentence):
    found = re.fullmatch(rf"seeds of (.*) range from {NUMBER} to {NUMBER}, so .*", sentence)
    label, low, high = found.groups()
    assert label in line["rows"]
    assert close(low, min(runs(table, label).values()))
    assert close(high, max(runs(table, label).values()))


def read_means(table, line, sentence):
    *parts, perfect = sentence.split("; ")
    assert [part.rpartition(": ")[0] for part in parts] == line["rows"].split("; ")
    for part in parts:
        label, _, text = part.rpartition(": ")
        assert close(text, mean(runs(table, label).values()))
    assert close(perfect.split()[-1], desk_recipe.PERFECT)


def read_ceiling(table, line, sentence):
    (most,) = re.search(r"can reach (\d+) % at most", sentence).groups()
    for label in line["rows"].split("; "):
        assert max(runs(table, label).values()) <= float(most)


def read_blocks(table, line, sentence):
    label = next(label for label in line["rows"].split("; ") if sentence.startswith(label))
    (row,) = (row for row in experiments.load(table).rows if row.label == label)
    for stage, ran, printed in re.findall(r"blocks\.(res\d) (\[.*?\]) for (\[.*?\])", sentence):
        assert ran == str(list(desk(row.trial).model.blocks[stage]))
        assert printed == str(list(row.trial.model.blocks[stage]))


def read_counts(table, line, sentence):
    first, second = re.search(rf"{NUMBER} and {NUMBER}: ", sentence).groups()
    one, other = (Fraction(text.replace(",", "")) for text in (first, second))
    if "one footing" not in sentence:  # those are held by tests/report/test_tradeoff.py
        rows = {row.label: row for row in experiments.load(table).rows}
        costs = [row_cost(rows[label]) for label in line["rows"].split("; ")]
        name = {"params_m": "params", "gmacs": "gmacs"}[line["metric"]]
        scale = 1 if name == "params" else 1e9
        assert [float(one), float(other)] == [round(getattr(cost, name) * scale) for cost in costs]
    if line["kind"] == "overhead":
        over, most = re.search(rf": {NUMBER} %, at most {NUMBER} %", sentence).groups()
        assert close(over, float(100 * (one / other - 1)))
        assert (float(over) <= float(most)) is (line["verdict"] == "true")
    else:
        (times,) = re.search(rf": {NUMBER} times", sentence).groups()
        assert close(times, float(one / other))


def read_printed_ratio(table, line, sentence):
    (times,) = re.match(rf"{NUMBER} times as printed, claimed as ", sentence).groups()
    rows = {row.label: row for row in experiments.load(table).rows}
    first, second = (rows[label].published[line["metric"]] for label in line["rows"].split("; "))
    assert close(times, first / second)


def read_means_over_classes(table, line, sentence):
    means, _, _ = sentence.partition(";")
    for label in line["rows"].split("; "):
        (text,) = re.findall(rf"{re.escape(label)} {NUMBER}", means)
        assert close(text, mean(runs(table, label, "map").values()))


READERS = (
    ("a mean over classes", read_means_over_classes),
    ("times as printed", read_printed_ratio),
    ("perfect network", read_means),
    ("can reach", read_ceiling),
    ("runs with model.blocks", read_blocks),
)


@pytest.mark.parametrize(("table", "line"), CLAIMS)
def test_every_number_of_a_claims_sentence_is_that_of_records_and_counts(table, line):
    sentence = line["sentence"]
    if " is best with probability" in sentence or sentence.startswith("difference"):
        kinds = {"same": read_sameness, "best": read_best}
        rest = kinds.get(line["kind"], read_difference)(table, line, sentence)
        for remark in filter(None, rest.split("; ")):
            read_range(table, line, remark)
        return
    readers = [read for words, read in READERS if words in sentence]
    readers += [read_counts] if line["kind"] in ("overhead", "ratio") else []
    for read in readers:
        read(table, line, sentence)
    label = next((row for row in line["rows"].split("; ") if sentence.startswith(row)), "")
    bare = sentence.removeprefix(label)
    assert readers or not re.search(r"\d", bare), f"nothing reads the numbers of: {sentence}"


def rows_of(path):
    table = path.name.partition(".")[0]
    text = path.read_text(encoding="utf-8").partition("## Claims")[0]
    rows = [line for line in text.splitlines() if line.startswith("|")]
    head, *cells = (
        [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        for row in rows
        if not row.startswith("|:")
    )
    return table, head, cells


CELLS = [
    pytest.param(table, dict(zip(head, row, strict=True)), id=f"{table} {row[0]}")
    for table, head, rows in map(rows_of, sorted(TABLES.glob("*.md")))
    for row in rows
]


@pytest.mark.parametrize(("table", "cells"), CELLS)
def test_every_measured_cell_is_that_of_its_records(table, cells):
    metric = "map" if "desk mAP" in cells else "top1"
    cell = cells.get("desk mAP", cells.get("desk top-1", "–"))
    label = cells["Row"].removesuffix(" (reference)")
    if cell in ("–", "not run"):
        experiment = experiments.load(table)
        (row,) = (row for row in experiment.rows if row.label == label)
        shown = (
            cell == "not run" or row.trial is None or not set(cells) & {"desk top-1", "desk mAP"}
        )
        assert shown or not runs(table, label, metric)
        return
    told = r"(, (\d) seeds|; (\d) of (\d) seeds above the 50 % ceiling)"
    shape = rf"{NUMBER} \({NUMBER} to {NUMBER}{told}\)"
    values = list(runs(table, label, metric).values())
    if alone := re.fullmatch(rf"{NUMBER} \(1 seed\)", cell):
        assert [close(alone.group(1), value) for value in values] == [True]
        return
    average, low, high, _, seeds, above, of = re.fullmatch(shape, cell).groups()
    assert close(average, mean(values))
    assert close(low, min(values))
    assert close(high, max(values))
    assert int(seeds or of) == len(values)
    passed = sum(value > 50 for value in values) if metric == "top1" else 0
    assert (above is None) is (passed in (0, len(values)))
    assert above is None or int(above) == passed
