"""Every printed cell of the slides, against the tables of `experiments`."""

import ast
import re
from pathlib import Path

import pytest

import experiments

SLIDES = Path(__file__).parent / "golden" / "slides.txt"
NUMBERS = {"Top-1": "top1", "Top-5": "top5", "mAP": "map", "Params": "params_m", "FLOPs": "gmacs"}
TEXTS = {
    "Backbone": "backbone",
    "T_train × U_train": "training",
    "T_infer × U_infer × #crop": "test",
    "GFLOPs": "gflops",
    "Input size": "input",
}
NAMES = ("Model", "Method", "Position", "Setting", "Stage", "Stages", "Blocks")


def slides():
    """Return the head and the lines of every table."""
    tables = {}
    for block in SLIDES.read_text(encoding="utf-8").strip().split("\n\n"):
        name, *lines = block.splitlines()
        head, *rows = ([cell.strip() for cell in line.split("|")] for line in lines)
        tables[name] = (head, rows)
    return tables


TABLES = slides()
ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
CODE = sorted(path for room in ("experiments", "harness") for path in (ROOT / room).rglob("*.py"))
SAYS = (
    r"[Tt]he (?:DSANet )?paper(?:'s (?:running )?text)? (?:alone )?(?:does not |only )?"
    r"(?:prints?|says?|states?|writes?|names?|claims?|sees|gives?|reports?|asserts?|has one run)\b"
)
OF_OTHERS = ("zoo",)  # there "the paper" is that of the network at hand
OURS = {"dsa_hosts", "static_or_dynamic"}


def printed_rows(name):
    return [row for row in experiments.load(name).rows if not row.reference]


def test_every_table_stands_on_the_slides_or_is_of_another_document_or_ours():
    leaderboards = {name for name in experiments.names() if "leaderboard" in name}
    assert sorted({*TABLES, *leaderboards, "vov3d", *OURS}) == experiments.names()


@pytest.mark.parametrize("name", sorted(TABLES.keys() - {"table_h"}))
def test_every_printed_column_is_in_the_table_as_written(name):
    head, lines = TABLES[name]
    assert set(head) <= {*NUMBERS, *TEXTS, *NAMES}
    numbers = {key for title, key in NUMBERS.items() if title in head}
    texts = {key for title, key in TEXTS.items() if title in head}
    for row, line in zip(printed_rows(name), lines, strict=True):
        cells = dict(zip(head, line, strict=True))
        expected = {
            NUMBERS[title]: cells[title].rstrip("MG") for title in cells if title in NUMBERS
        }
        expected = {key: float(cell) for key, cell in expected.items() if cell != "-"}
        assert {key: row.published[key] for key in expected} == expected, row.label
        assert set(row.published) - numbers <= {"gmacs", "total_gmacs"}
        written = {TEXTS[title]: cells[title] for title in cells if title in TEXTS}
        assert dict(row.as_written) == written, row.label
        assert set(row.as_written) == texts


def test_table_h_is_the_printed_matrix():
    (_, *models), lines = TABLES["table_h"]
    printed = {row.label: row.published["top1"] for row in printed_rows("table_h")}
    expected = {
        f"{model} {depth.replace('ResNet', 'R')}": float(cell)
        for depth, *cells in lines
        for model, cell in zip(models, cells, strict=True)
    }
    assert printed == expected


def test_a_written_product_is_that_of_the_printed_numbers():
    for row in printed_rows("kinetics400"):
        product, _, total = row.as_written["gflops"].partition(" = ")
        assert product.split(" × ")[0] == f"{row.published['gmacs']:g}"
        assert total.rstrip("*") == f"{row.published['total_gmacs']:g}"


def test_the_printed_sampling_is_that_of_the_trials():
    for name in ("table_a", "mini_kinetics200"):
        for row in printed_rows(name):
            if row.as_written["test"] != "N/A":
                data, views = row.trial.data, row.trial.evaluation
                snippets = views.num_passes * (views.pass_snippets or data.num_snippets)
                assert row.as_written["training"] == f"{data.num_frames} × {data.num_snippets}"
                assert (
                    row.as_written["test"] == f"{data.num_frames} × {snippets} × {views.num_crops}"
                )


def texts(path):
    """Return the texts of a page, or of a file of code: strings that stand on several lines too."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return [text]
    nodes = ast.walk(ast.parse(text))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


@pytest.mark.parametrize("path", [*PAGES, *CODE], ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_says_what_the_papers_text_says(path):
    """Only its abstract, slides and code were at hand."""
    if path.relative_to(ROOT).parts[1:2] != OF_OTHERS:
        said = [re.findall(SAYS, " ".join(text.split())) for text in texts(path)]
        assert [each for each in said if each] == []
