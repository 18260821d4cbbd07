"""Notes of tables and quotes of claims, held by the values, counts and documents they speak of."""

import re
from pathlib import Path

import pytest

import experiments
from experiments.recipes import I3D_R50, V4D_R50, with_module
from experiments.scales import desk
from harness.cost.count import count
from harness.cost.rows import gmacs_of, row_cost
from harness.cost.zoo_page import LICENCES
from harness.report import table as report_table
from harness.zoo import BACKBONES
from tests.helpers.collected_tables import collected, judged
from tests.test_record import made

STATEMENTS = Path(__file__).parent / "golden" / "statements.txt"
TABLES = {name: experiments.load(name) for name in experiments.names()}
KINETICS = {row.label: row for row in TABLES["kinetics400"].rows if row.trial}
STATED = [
    pytest.param(claim, id=f"{name} {claim.text}")
    for name, table in TABLES.items()
    for claim in table.claims
    if claim.origin == "stated"
]


def statements():
    """Return the sentences of every document, by its name."""
    blocks = STATEMENTS.read_text(encoding="utf-8").strip().split("\n\n")
    parts = (block.partition("]\n") for block in blocks)
    return {head.lstrip("["): text for head, _, text in parts}


def note(table, words):
    """Return the one note of a table that has some words."""
    (found,) = (each for each in TABLES[table].notes if words in each)
    return found


def network(label):
    """Return the name that a label begins with, such as X3D of X3D-L."""
    return re.match(r"\w+", label).group()


@pytest.mark.parametrize("claim", STATED)
def test_a_stated_claim_quotes_its_document(claim):
    document, quote = re.fullmatch(r'(.*?): "(.*)"', claim.source).groups()
    assert quote in statements()[document]


@pytest.mark.parametrize("document", ["abstract", "slides"])
def test_whatever_the_paper_states_is_claimed(document):
    quotes = [param.values[0].source.partition('"')[2].rstrip('"') for param in STATED]
    for sentence in statements()[document].splitlines():
        assert any(quote in sentence for quote in quotes), sentence


@pytest.mark.parametrize("claim", STATED)
def test_a_stated_ratio_names_its_networks(claim):
    """A sentence without a name says nothing of the network that we take it to mean."""
    if claim.kind == "ratio":
        names = {network(label) for label in claim.rows}
        assert all(name in claim.source for name in names)


def v4d(**blocks):
    return with_module(I3D_R50, "v4d", position="after_block", blocks=blocks)


@pytest.mark.parametrize(
    "blocks",
    [{"res2": (0, 1)}, {"res4": (1, 3)}, {"res5": (0, 1)}, {"res3": (1,), "res4": (1,)}],
    ids=str,
)
def test_the_cost_of_v4d_does_not_name_its_place(blocks):
    said = note("table_i", "does not name the place")
    assert "two of them in res2, res4 or res5 cost the same" in said
    assert count(v4d(**blocks)).macs == count(v4d(**V4D_R50)).macs


def test_the_cost_of_v4d_as_its_text_has_it_is_the_one_in_the_note():
    cost = gmacs_of((v4d(res3=(1, 3), res4=(1, 3, 5)),))
    assert f"which would cost {cost:.1f} GFLOPs" in note("table_i", "every other block of res3")


def test_rows_said_to_train_by_the_recipe_of_dsa_do_and_no_other():
    (ours,) = {KINETICS[label].trial.train for label in KINETICS if label.startswith("DSA")}
    said, _, _ = note("kinetics400", "recipe of").partition("train by the recipe of DSA")
    for label, row in KINETICS.items():
        is_ours = row.trial.train == ours and not label.startswith("DSA")
        assert is_ours == (network(label) in re.findall(r"\w+", said)), label
    for table in ("mini_kinetics200", "activitynet", "something_v1"):
        assert len({row.trial.train for row in TABLES[table].rows if row.trial}) == 1


def test_a_test_crop_that_is_a_guess_is_called_one():
    said = note("kinetics400", "although tested at 256")
    small, large = said.split(". Printed at the test crop: ")
    guessed = re.findall(r"\(of (.*?) a guess\)", said)
    assert len(guessed) == 2
    for part, crop in zip((small, large), guessed, strict=True):
        names = re.split(", | and ", crop)
        for label, row in KINETICS.items():
            if not row.reference and network(label) in re.split(r"[ ,:.]+", part):
                source = TABLES["kinetics400"].sources(row.trial)["evaluation.crop_px"]
                assert (source == "guess") == (network(label) in names), label


def test_networks_without_released_code_are_named_beside_their_costs():
    """What was inferred from the printed cost cannot confirm it."""
    files = {name for name, licence in LICENCES.items() if licence == "no original code"}
    for table in TABLES.values():
        for row in table.rows:
            path = BACKBONES[row.trial.model.backbone] if row.trial else ""
            if path.partition(":")[0].rpartition(".")[2] in files and row_cost(row).matches:
                said = f"{network(row.label)}'s authors released no code"
                assert said in " ".join(table.notes), table.name


@pytest.mark.slow
def test_only_tables_whose_data_a_scale_replaces_say_that_they_share_records():
    for name, table in TABLES.items():
        rows = [row for row in table.rows if row.trial]
        records = [made(desk(row.trial), top1=50.0) for row in rows]
        text = report_table.markdown(judged(collected(table, records, rescale=desk)))
        replaced = all(desk(row.trial).data.name != row.trial.data.name for row in rows)
        if table.trains:
            assert (report_table.SHARED_NOTE in text) == (table.is_comparison and replaced), name
