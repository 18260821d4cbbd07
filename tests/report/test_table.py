import csv
import io
from dataclasses import replace
from typing import get_args

import pytest

import experiments
from experiments.table_b import EXPERIMENT
from harness.experiment import Claim, Experiment, Row, Written
from harness.report import build, cells, figures, table_csv
from harness.report import table as report_table
from harness.report.claims import JudgedClaim
from harness.stats import verdict
from harness.stats.verdict import Verdict
from tests.helpers.collected_tables import collected, judged
from tests.helpers.tiny_trials import shrunk
from tests.test_record import made


@pytest.fixture(scope="module")
def table():
    """Three seeds for every row but the last; one of them stale."""
    records = [
        made(replace(shrunk(row.trial), seed=seed), top1=50.0 + 10 * place + seed)
        for place, row in enumerate(EXPERIMENT.rows[:-1])
        for seed in range(3)
    ]
    records[0] = replace(records[0], code={"m": "old"})
    said = {"DSA at II": Verdict(word="reproduced", sentence="81.0, paper 81.5: same")}
    return judged(collected(EXPERIMENT, records), verdicts=said)


def claimed(text="DSA helps", sentence="difference +3.0", *, is_post_hoc=False):
    return JudgedClaim(
        claim=Claim(
            text=text,
            kind="better",
            rows=("DSA at II", "TSN+I3D R50"),
            origin="stated",
            source='slides: "=so | it is"',
        ),
        word="supported",
        sentence=sentence,
        estimate=3.0,
        low=1.0,
        high=5.0,
        p=0.01,
        is_post_hoc=is_post_hoc,
    )


def test_the_mean_of_seeds_has_students_interval():
    interval = verdict.seed_interval([50.0, 51.0, 52.0])
    assert interval.mean == 51
    assert interval.half_width == pytest.approx(4.302653 / 3**0.5, abs=1e-6)
    assert verdict.seed_interval([50.0]).half_width is None


def test_a_row_holds_what_was_counted_and_measured(table):
    lines = table.table.rows
    assert [line.row.label for line in lines] == [row.label for row in EXPERIMENT.rows]
    assert lines[1].cost.params == 32_044_296
    assert lines[1].values == (60.0, 61.0, 62.0)
    assert [len(line.stale) for line in lines] == [1, 0, 0, 0, 0, 0]
    assert lines[-1].interval is None


def test_markdown_keeps_printed_and_measured_apart(table):
    text = report_table.markdown(table)
    head = next(line for line in text.splitlines() if line.startswith("| Row"))
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    assert columns == [
        "Row", "printed top-1", "printed top-5", "desk top-1", "verdict", "Params (M)", "GFLOPs",
    ]  # fmt: skip
    row = next(line for line in text.splitlines() if "DSA at II " in line)
    shown = [cell.strip() for cell in row.strip("|").split("|")]
    assert shown == [
        "DSA at II",
        "81.5",
        "95.2",
        "81.0 (80.0 to 82.0, 3 seeds)",
        "reproduced",
        "32.04",
        "83.8",
    ]
    assert "not run" in next(line for line in text.splitlines() if "DSA at IV" in line)
    assert "1 stale" in text
    assert "no estimate of the printed one" in text
    assert "- DSA at II: 81.0, paper 81.5: same." in text
    assert "## Claims" not in text


def test_claims_stand_under_the_table(table, tmp_path):
    said = [claimed(), claimed("It | costs <little>", "=1 & 2")]
    claiming = replace(table, claims=tuple(said))
    text = report_table.markdown(claiming)
    head, _, first = (
        [cell.strip() for cell in line.replace(r"\|", "/").strip("|").split("|")]
        for line in text.partition("## Claims\n\n")[2].splitlines()[:3]
    )
    assert head == ["Claim", "Origin", "Verdict", "Measured"]
    assert first == ["DSA helps", 'stated, slides: "=so / it is"', "supported", "difference +3.0"]
    assert r"It \| costs &lt;little>" in text
    tex = report_table.latex(claiming)
    assert r"=1 \& 2" in tex
    assert "Claim & Origin & Verdict & Measured" in tex
    assert tex.count(r"\toprule") == 2
    paths = build.write_tables(replace(claiming, table=replace(claiming.table, results=tmp_path)))
    assert [path.name for path in paths][-1] == "table_b.claims.csv"
    rows = list(csv.DictReader(io.StringIO(paths[-1].read_text())))
    assert rows == list(csv.DictReader(io.StringIO(table_csv.claims_csv(said))))
    assert (rows[0]["verdict"], float(rows[0]["low"]), rows[0]["late"]) == (
        "supported",
        1.0,
        "False",
    )
    assert rows[1]["sentence"] == "'=1 & 2"
    assert (rows[0]["origin"], rows[0]["source"]) == ("stated", 'slides: "=so | it is"')


def test_csv_holds_numbers_that_a_program_reads(table):
    rows = list(csv.DictReader(io.StringIO(table_csv.rows_csv(table))))
    assert float(rows[3]["top1_mean"]) == 81
    assert int(rows[3]["params"]) == 32_044_368
    assert rows[3]["top1_by_seed"] == "80.0000 81.0000 82.0000"
    assert rows[5]["top1_mean"] == ""
    assert [row["verdict"] for row in rows[3:5]] == ["reproduced", ""]
    assert float(rows[2]["printed_top1"]) == 81.4


def test_csv_leaves_out_the_digits_that_differ_between_processors(table):
    written = table_csv.rows_csv(table)
    assert table_csv.rows_csv(replace(table, table=moved(table.table))) == written
    said = replace(claimed(), estimate=0.1, low=-1 / 3, high=49.07232, p=2 / 8193)
    again = replace(said, **{name: nudged(getattr(said, name)) for name in NUMBERS})
    assert table_csv.claims_csv([again]) == table_csv.claims_csv([said])
    assert ",0.1,-0.3333333333,49.07232,0.0002441108263," in table_csv.claims_csv([said])


NUMBERS = ("estimate", "low", "high", "p")


def nudged(value):
    return value * (1 + 1e-13)


def moved(table):
    """Return a table whose accuracies differ in their last digits."""
    rows = [
        replace(
            row,
            records=tuple(
                replace(each, metrics=each.metrics | {"top1": nudged(each.metrics["top1"])})
                for each in row.records
            ),
        )
        for row in table.rows
    ]
    return replace(table, rows=tuple(rows))


def test_latex_is_a_booktabs_table(table):
    text = report_table.latex(table)
    assert r"\toprule" in text
    assert r"$\alpha$" in text
    assert text.isascii()


HOSTILE = ["=cmd()", "a|b", r"\input{x}", "50% & _x_ #1", "<script>"]


@pytest.mark.parametrize("label", HOSTILE)
def test_text_is_escaped_for_each_format(label):
    row = Row(label=label, trial=None, published={"top1": 1.0})
    odd = Experiment(name="t", title="x", caption="y", is_comparison=True, rows=(row,))
    table = judged(collected(odd, []))
    lines = report_table.markdown(table).splitlines()
    assert len([cell for cell in lines[4].replace(r"\|", "").split("|") if cell.strip()]) == 2
    assert "<script>" not in "\n".join(lines)
    assert not table_csv.rows_csv(table).splitlines()[1].startswith("=")
    assert r"\input{" not in report_table.latex(table)


def comparison(records, **published):
    """Return a table with a row of other work and one of its own."""
    rows = (
        Row(label="other work", trial=None, published=published),
        Row(label="ours", trial=EXPERIMENT.rows[3].trial, published=published),
    )
    table = Experiment(name="t", title="x", caption="y", is_comparison=True, rows=rows)
    return judged(collected(table, records))


def test_a_comparison_of_which_nothing_ran_has_no_column_for_it():
    table = comparison([], top1=50.0)
    assert list(cells.frame(table)) == [
        "Row", "printed top-1", "Params (M)", "GFLOPs"
    ]  # fmt: skip
    assert "was measured" not in report_table.markdown(table)


def test_a_table_of_mean_average_precision_shows_it(tmp_path):
    table = comparison([made(shrunk(EXPERIMENT.rows[3].trial), top1=50.0)], map=90.5)
    shown = cells.frame(table)
    assert shown["desk mAP"].tolist() == ["–", "60.0 (1 seed)"]
    assert "printed top-1" not in shown
    assert "desk mAP was measured at desk scale" in report_table.markdown(table)
    assert "map_by_seed" in table_csv.rows_csv(table).splitlines()[0]
    assert figures.table(replace(table.table, results=tmp_path), ceilings={})


def test_a_cost_and_an_accuracy_have_verdicts_of_their_own():
    shown = cells.frame(judged(collected(experiments.load("kinetics400"), [])))
    assert list(shown) == [
        "Row", "printed backbone", "printed T × U × crops at test", "printed top-1",
        "printed top-5", "printed params (M)", "Params (M)", "printed GFLOPs", "T × U", "GFLOPs",
        "cost verdict",
    ]  # fmt: skip
    rows = shown.set_index("Row").to_dict("index")
    assert rows["TSM R50, 8 × 10 × 3"]["printed GFLOPs"] == "33 × 30 = 990 (as a product)"
    assert rows["TSM R50, 8 × 10 × 3"]["cost verdict"] == "exact, other convention"
    nonlocal_32 = rows["NL+I3D R50, 32 × 10 × 3"]
    assert nonlocal_32["printed GFLOPs"] == "70.5 × 30 = 2115 (counted -21.59 % at the test crop)"
    assert nonlocal_32["cost verdict"] == "different"
    assert rows["DSA+I3D R50, 4 × 8 × 3"]["cost verdict"] == "exact"
    assert rows["DSA+I3D R50, (4+8) × 8 × 3"]["T × U"] == "(4+8) × 4"


def test_a_counted_figure_beside_another_printed_one_says_why():
    shown = cells.frame(judged(collected(experiments.load("table_a"), [])))
    shown = shown[~shown["Row"].str.startswith("Fixed kernels")]  # nobody printed it
    assert set(shown["printed params (M)"]) == {"32.3 (1000-way head)", "33.1 (1000-way head)"}
    assert set(shown["cost verdict"]) == {"exact, other convention"}


def test_a_row_counted_on_one_snippet_says_so():
    shown = cells.frame(judged(collected(experiments.load("table_h"), [])))
    assert shown["T × U"].tolist() == ["4 × 1", *["4 × 4"] * 7]
    assert "T × U" not in cells.frame(judged(collected(experiments.load("table_b"), [])))


def test_csv_has_both_verdicts_and_the_printed_columns():
    table = judged(collected(experiments.load("kinetics400"), []))
    rows = {row["row"]: row for row in csv.DictReader(io.StringIO(table_csv.rows_csv(table)))}
    v4d = rows["V4D+I3D R50, 8 × 10 × 3"]
    assert (v4d["verdict"], v4d["cost_verdict"]) == ("", "exact, other convention")
    assert v4d["printed_gflops"] == "286.1 × 2.5 × 3 = 2146*"
    assert v4d["counted_input"] == "8 × 4"
    assert rows["SlowFast R50, (8+32) × 10 × 3"]["printed_test"] == "(8+32) × 3 × 10"


def test_every_printed_text_has_a_column():
    assert {*cells.TEXTS, "gflops"} == set(get_args(Written))


def test_the_papers_setting_is_told_from_what_ran(table):
    ran = "Run here: desk scale, generated videos, small networks."
    paper = f"Paper: {EXPERIMENT.caption}."
    assert f"# Table (b): {EXPERIMENT.title}\n\n{paper} {ran}" in report_table.markdown(table)
    assert ran in report_table.latex(table)
    own = replace(table, table=replace(table.table, scale="own"))
    assert f"{paper} Run here: on terms of your own." in report_table.markdown(own)
    assert "Run here" not in report_table.markdown(at_paper(table))
    counted = judged(collected(experiments.load("table_i"), []))
    assert "Run here" not in report_table.markdown(counted)


def test_the_printed_asterisk_is_remarked():
    text = report_table.markdown(judged(collected(experiments.load("kinetics400"), [])))
    assert "2146*" in text
    assert "V4D+I3D R50, 8 × 10 × 3: the slides do not explain the asterisk" in text


def at_paper(table):
    return replace(table, table=replace(table.table, scale="paper"))


def test_what_was_measured_at_the_papers_scale_says_so(table):
    assert "paper top-1 was measured here, at the paper's own scale." in report_table.markdown(
        at_paper(table)
    )


def test_files_are_named_after_table_and_scale(table, tmp_path):
    here = replace(table, table=replace(table.table, results=tmp_path))
    desk, paper = build.write_tables(here), build.write_tables(at_paper(here))
    assert [path.name for path in desk] == ["table_b.md", "table_b.csv", "table_b.tex"]
    assert [path.name for path in paper] == [
        "table_b-paper.md",
        "table_b-paper.csv",
        "table_b-paper.tex",
    ]


@pytest.mark.slow
def test_a_figure_drawn_twice_has_the_same_bytes(table, tmp_path):
    drawn = [
        figures.table(
            replace(table.table, results=tmp_path / name), ceilings={"average of snippets": 50.0}
        )
        for name in ("a", "b")
    ]
    assert [path.name for path in drawn[0]] == ["table_b.png", "table_b.svg"]
    for first, second in zip(*drawn, strict=True):
        assert first.read_bytes() == second.read_bytes()
        assert first.stat().st_size > 10_000
