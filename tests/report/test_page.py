"""The page of all tables, as text and in a browser."""

from dataclasses import replace
from pathlib import Path

import pytest

import experiments
from experiments.scales import SCALES
from experiments.table_b import EXPERIMENT
from harness.cli import report
from harness.experiment import Claim, Experiment, Row
from harness.plan.request import Request
from harness.report import page
from harness.report.claims import JudgedClaim
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
    assert "<script" not in text
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;document") >= 8


def test_a_claim_is_shown_with_its_origin_and_not_as_the_papers(hostile_page):
    text = hostile_page.read_text()
    assert "<h3>Claims</h3>" in text
    assert '<th class="text">origin</th>' in text
    assert '<td class="text">read off, &lt;script&gt;' in text
    assert "paper claims" not in text


def test_a_page_without_records_says_that_nothing_ran(tmp_path):
    table = replace(EXPERIMENT, claims=())
    section = page.section(judged(collected(table, [])), figures=[], curves={})
    text = page.write([section], [], results=tmp_path).read_text()
    assert "its running text was not." in text
    assert "Nothing on this page was run at the paper&#39;s own scale" in text
    assert text.count("not run") >= len(EXPERIMENT.rows)


@needs_browser
@pytest.mark.slow
def test_a_browser_runs_nothing_of_hostile_text(hostile_page):
    with opened(f"file://{hostile_page}") as shown:
        shown.locator("summary").first.click()
        assert shown.title() == page.TITLE
        assert HOSTILE in shown.inner_text("main")
        assert shown.locator("details[open] img").evaluate("image => image.naturalWidth") == 7
        assert all(not url.startswith("http") for url in shown.asked)


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_the_published_page_shows_nine_tables_and_every_figure(width):
    with opened(f"file://{PUBLISHED}", width=width) as shown:
        anchors = shown.locator("main > section").evaluate_all("all => all.map(one => one.id)")
        assert [name for name in anchors if name.startswith("table_")] == [
            f"table_{letter}" for letter in "abcdefghi"
        ]
        for section in shown.locator("main > section").all()[:-1]:
            assert section.locator("tr.row").count() > 0
        broken = "all => all.filter(one => one.checkVisibility() && !one.naturalWidth).length"
        assert shown.locator("main > section > figure img").count() >= 9
        assert shown.locator("img").evaluate_all(broken) == 0
        assert shown.evaluate("document.documentElement.scrollWidth") <= width

        row = shown.locator("#table_a tr.more").nth(4)
        row.locator("summary").click()
        assert row.locator("figure img").is_visible()
        assert row.locator("table.seeds tr").count() == 4
        assert all(not url.startswith("http") for url in shown.asked)


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
