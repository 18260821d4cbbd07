"""The page of all tables, as text and in a browser."""

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import experiments
from experiments.scales import SCALES
from experiments.table_b import EXPERIMENT
from harness import record
from harness.cli import report
from harness.experiment import Claim, Experiment, Row
from harness.plan.request import Request
from harness.report import page
from harness.report.claims import JudgedClaim, judge_claims
from harness.report.page import document, legend
from harness.runtime import Runtime
from tests.helpers.browser import needs_browser, opened
from tests.helpers.collected_tables import collected, judged
from tests.helpers.tiny_trials import shrunk
from tests.test_record import made

PUBLISHED = Path(__file__).parents[2] / "results" / "index.html"
HOSTILE = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
TRIAL = shrunk(EXPERIMENT.rows[3].trial)


@pytest.fixture
def hostile_page(tmp_path):
    """Write a page on which every text is hostile."""
    records = [replace(made(TRIAL), provenance=_provenance(HOSTILE))]
    claim = Claim(
        text=HOSTILE, kind="better", rows=(HOSTILE, "b"), origin="read off", source=HOSTILE
    )
    rows = (Row(label=HOSTILE, trial=EXPERIMENT.rows[3].trial), Row(label="b", trial=None))
    table = Experiment(
        name="table_x", title=HOSTILE, caption=HOSTILE, rows=rows, notes=(HOSTILE,), claims=(claim,)
    )
    found = JudgedClaim(
        claim=claim,
        word="supported",
        sentence=HOSTILE,
        estimate=1.0,
        low=0.5,
        high=1.5,
        p=0.01,
        is_post_hoc=False,
    )
    section = page.section(
        judged(collected(table, records), claims=[found]),
        figures=[b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"],
        curves={HOSTILE: b"<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'/>"},
    )
    return page.write([section], records, results=tmp_path)


def _provenance(text):
    names = ("commit", "dirty", "campaign", "python", "processor", "cores", "device")
    return dict.fromkeys(names, text) | {"libraries": {text: text}}


def test_hostile_text_stays_text(hostile_page):
    text = hostile_page.read_text()
    assert text.count("<script") == text.count('<script type="application/json" id="') + 1
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;document") >= 8


def test_a_claim_is_shown_with_its_origin_and_not_as_the_papers(hostile_page):
    text = hostile_page.read_text()
    assert "<h3>Claims</h3>" in text
    assert '<th class="text">origin</th>' in text
    assert '<td class="text">read off, &lt;script&gt;' in text
    assert "paper claims" not in text


def test_the_browser_may_run_the_pages_own_script_only(hostile_page):
    text = hostile_page.read_text()
    (script,) = re.findall("<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'; img-src blob:; style-src 'unsafe-inline'; script-src '" in text
    assert f"script-src 'sha256-{digest}'\"" in text


def kinetics_page(tmp_path):
    """Return the text of a page of one table, with common spaces."""
    table = judged(collected(experiments.load("kinetics400"), []))
    section = page.section(table, figures=[], curves={})
    path = page.write([section], [], results=tmp_path)
    return path.read_text().replace("\N{NO-BREAK SPACE}", " ")


def test_equal_records_give_equal_bytes_and_equal_pictures_are_stored_once(tmp_path):
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
    section = page.section(
        judged(collected(replace(EXPERIMENT, claims=()), [])),
        figures=[svg, svg],
        curves={row.label: svg for row in EXPERIMENT.rows},
    )
    first, again = (
        page.write([section], [], results=tmp_path / name).read_text() for name in ("a", "b")
    )
    assert first == again
    assert first.count("data-picture=") == 2 + len(EXPERIMENT.rows)
    assert first.count('<script type="application/json" id="picture-') == 1


@pytest.mark.slow
def test_readers_see_names_and_not_those_of_code(tmp_path):
    text = kinetics_page(tmp_path)
    assert "<h2>Comparison on Kinetics-400</h2>" in text
    assert "32.9 GFLOPs per view, printed 33: exact." in text
    assert "<code>mac+2bn</code>" in text
    assert "`" not in text.partition("<script")[0]
    assert not re.search("gmacs|params_m", text)
    table_a = page.section(
        judged(collected(experiments.load("table_a"), [])), figures=[], curves={}
    )
    assert (table_a.short_name, table_a.heading) == (
        "Table (a)",
        "Table (a): Effectiveness of the DSA module",
    )


def test_a_convention_stays_beside_the_number_it_explains(tmp_path):
    text = kinetics_page(tmp_path)
    assert "33 × 30 = 990 (as a product)" in text
    row = text[text.index("X3D-L, 16 × 10 × 3") :].partition("</tr>")[0]
    assert row.count("chip") == 1
    assert row.index("77.5") < row.index("chip")


def test_the_page_explains_its_words_and_the_desk_videos(hostile_page):
    text = hostile_page.read_text()
    reading = text[text.index('<section id="reading">') :].partition("</section>")[0]
    assert 'href="../docs/desk-scale.md"' in reading
    assert "at most 50 %" in reading
    assert "does not say that its kernels\n  must be dynamic" in reading
    assert legend.WORDS["supported"].replace("'", "&#39;") in reading
    assert legend.WORDS["reversed"] not in reading


def test_a_library_whose_version_no_record_has_is_unknown(tmp_path):
    known = _provenance("x") | {"libraries": {"torch": None, "numpy": "2.0"}}
    text = page.write([], [replace(made(TRIAL), provenance=known)], results=tmp_path).read_text()
    assert "numpy 2.0, torch unknown" in text


def test_a_page_without_records_says_that_nothing_ran(tmp_path):
    table = replace(EXPERIMENT, claims=())
    section = page.section(judged(collected(table, [])), figures=[], curves={})
    text = page.write([section], [], results=tmp_path).read_text()
    assert "its running text was not." in text
    assert "Nothing on this page was run at the paper&#39;s own scale" in text
    assert text.count("not run") >= len(EXPERIMENT.rows)
    assert "<title>DSANet&#39;s tables: printed and counted</title>" in text


def title(table, records, results, **how):
    section = page.section(judged(collected(table, records, **how)), figures=[], curves={})
    text = page.write([section], records, results=results).read_text()
    assert ("Wu et al." in text) == (table.name != "table_x")
    (head,) = re.findall(r"<title>(.*)</title>", text)
    assert f"<h1>{head}</h1>" in text
    return head.replace("&#39;", "'")


def test_the_title_names_what_the_page_shows(tmp_path):
    table, records = replace(EXPERIMENT, claims=()), [made(TRIAL)]
    paper = [made(EXPERIMENT.rows[3].trial)]
    assert title(table, records, tmp_path) == (
        "DSANet's tables: printed, counted, and run at desk scale"
    )
    assert title(table, paper, tmp_path, scale="paper", rescale=lambda trial: trial) == (
        "DSANet's tables: printed, counted, and run at paper scale"
    )
    rows = (Row(label="mine", trial=EXPERIMENT.rows[3].trial),)
    own = Experiment(name="table_x", title="x", caption="x", rows=rows)
    assert title(own, [], tmp_path) == "Tables: counted"
    assert title(own, records, tmp_path) == "Tables: counted and run at desk scale"


def test_the_title_of_the_published_page_says_what_it_shows():
    (head,) = re.findall(r"<title>(.*)</title>", PUBLISHED.read_text())
    scales = {each.trial["scale"] for each in record.read_all(PUBLISHED.parent)}
    assert scales == {"desk"}
    assert head == "DSANet&#39;s tables: printed, counted, and run at desk scale"


@needs_browser
@pytest.mark.slow
def test_a_browser_runs_nothing_of_hostile_text(hostile_page):
    with opened(f"file://{hostile_page}") as shown:
        curve = shown.locator("details img").first
        assert curve.get_attribute("src") is None
        shown.locator("summary").first.click()
        assert shown.title() == "Tables: counted and run at desk scale"
        assert HOSTILE in shown.inner_text("main")
        shown.wait_for_function("document.querySelector('details[open] img').naturalWidth == 7")
        assert all(not url.startswith("http") for url in shown.asked)


IS_DRAWN = "() => [...document.images].every(one => !one.checkVisibility() || one.naturalWidth)"


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_shows_nine_tables_and_every_figure(width):
    with opened(PUBLISHED.as_uri(), width=width) as shown:
        anchors = shown.locator("main > section").evaluate_all("all => all.map(one => one.id)")
        assert [name for name in anchors if name.startswith("table_")] == [
            f"table_{letter}" for letter in "abcdefghi"
        ]
        for section in shown.locator("main > section").all()[1:-1]:
            assert section.locator("tr.row").count() > 0
        figures = shown.locator("main > section > figure img")
        assert figures.count() >= 9
        for figure in figures.all():
            figure.scroll_into_view_if_needed()
        shown.wait_for_function(IS_DRAWN)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width

        row = shown.locator("#table_a tr.more").nth(4)
        assert row.locator("figure img").get_attribute("src") is None
        row.locator("summary").click()
        shown.wait_for_function(IS_DRAWN)
        assert row.locator("figure img").is_visible()
        assert row.locator("table.seeds tr").count() == 4
        assert all(not url.startswith("http") for url in shown.asked)


CLIPPED = """
all => all.filter(chip => {
  const inner = chip.getBoundingClientRect();
  const outer = (chip.closest(".wide") ?? document.body).getBoundingClientRect();
  const isCut = chip.scrollWidth > chip.clientWidth + 1;
  return isCut || inner.right > outer.right + 0.5 || inner.left < outer.left;
}).map(chip => chip.textContent)
"""


@needs_browser
@pytest.mark.slow
def test_no_verdict_is_cut_off_on_a_laptop():
    with opened(PUBLISHED.as_uri(), width=1280) as shown:
        assert shown.locator(".chip").count() > 50
        assert shown.locator(".chip").evaluate_all(CLIPPED) == []


@needs_browser
@pytest.mark.slow
def test_a_narrow_screen_scrolls_to_every_column_and_keeps_the_rows_names():
    with opened(PUBLISHED.as_uri(), width=500) as shown:
        for name in ("table_a", "kinetics400"):
            wide = shown.locator(f"#{name} .wide").first
            wide.evaluate("box => { box.scrollLeft = box.scrollWidth }")
            row = wide.locator("tr.row").first
            last, first = (
                row.locator("td").last.bounding_box(),
                row.locator("td").first.bounding_box(),
            )
            edge = wide.bounding_box()
            assert last["x"] + last["width"] <= edge["x"] + edge["width"] + 1
            assert abs(first["x"] - edge["x"]) < 1
            assert first["x"] + first["width"] < last["x"]
        assert shown.evaluate("document.documentElement.scrollWidth") <= 500


@pytest.mark.slow
def test_every_word_of_the_page_is_explained():
    text = PUBLISHED.read_text()
    words = set(re.findall('<span class="chip [a-z]*">([^<]*)</span>', text))
    assert len(words) > 5
    assert {legend.stem(word) for word in words} <= set(legend.WORDS)


@pytest.mark.slow
def test_the_page_stays_small():
    page_bytes = PUBLISHED.read_bytes()
    assert len(page_bytes) < 1_500_000
    words = page_bytes.partition(b'<script type="application/json"')[0]
    assert len(words) < 325 * words.count(b"<tr")  # 200 kB of the ablations had 616 lines


@pytest.mark.slow
def test_a_check_of_figures_names_what_would_change_and_leaves_it(tmp_path):
    request = Request(
        experiment=experiments.load("table_i"),
        scale="desk",
        rescale=SCALES["desk"],
        seeds=1,
        runtime=Runtime(results=tmp_path, data=tmp_path),
    )
    drawn, moved = report.redraw([request], is_check=False)
    assert moved == drawn
    assert report.redraw([request], is_check=True) == (drawn, [])
    drawn[0].write_bytes(b"altered")
    assert report.redraw([request], is_check=True) == (drawn, [drawn[0]])
    assert drawn[0].read_bytes() == b"altered"


def test_the_published_page_has_every_claim_of_every_table():
    text = PUBLISHED.read_text()
    for name in experiments.names():
        for claim in experiments.load(name).claims:
            assert claim.text in text, f"{name}: run nox -s report"


def test_a_comparison_that_two_tables_make_counts_once():
    tables = [experiments.load(name) for name in ("table_g", "table_h")]
    claims = [judge_claims(collected(table, [], rescale=SCALES["desk"])) for table in tables]
    first, second = ({each.comparison for each in judged} - {""} for judged in claims)
    assert len(first & second) == 2  # DSA against I3D, and against fixed kernels, on R50
    distinct = document._distinct_claims([SimpleNamespace(claims=judged) for judged in claims])
    assert len(distinct) == len(claims[0]) + len(claims[1]) - 2
