"""Text of records and tables in every output: it is shown, and never acts.

Hostile text goes in, and each output is parsed back with a parser of its own format.
"""

import csv
import html
import inspect
import io
import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from experiments.table_b import EXPERIMENT
from harness import tables as all_tables
from harness.cli import main
from harness.cli.requests import print_error
from harness.data.prepare import summary, summary_files
from harness.data.prepare.check import CheckedVideo
from harness.data.prepare.sources import DataSource
from harness.data.prepare.video_facts import Facts
from harness.data.video import Video
from harness.report import build, claims_table
from harness.report import table as report_table
from harness.report.page.document import _visible
from harness.report.table_csv import rows_csv
from harness.schedule import doctor
from harness.schedule.doctor.checks import ok, problem, unknown
from harness.schedule.status import RunState, Status, TrialStatus
from harness.schedule.status import text as status_text
from harness.utils import escape
from harness.utils.lock import Holder
from tests.helpers.collected_tables import collected, judged
from tests.helpers.tiny_trials import shrunk
from tests.test_record import PROVENANCE, TRIAL, made

ATTACKS = [
    "a [x](javascript:alert(1))",
    "![](http://tracker/p.png)",
    "[x]: http://evil",
    "[x][y]",
    "[^1]: note",
    "a\nb | c",
    "a\r\n\r\n# head",
    "`x` ``y``",
    "<b>",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;script&gt;",
    "&#60;b&#62;",
    "http://evil.example www.evil.example",
    "**bold** _emphasis_ ~~gone~~ *x*",
    "\\| \\` \\<b>",
    "# heading",
    "- item",
    "1. one",
    "> quote",
    "---",
    "~~~",
    r"\input{/etc/passwd} \write18{id}",
    r"$\write18{id}$ %comment a~b^c{d} #1 & _x_",
    "=1+1",
    " =1+1",
    "\r=1+1",
    "\t=1+1",
    "＝1+1",
    "﹢1",
    "＋1",
    "＠SUM(1)",
    ";=1+1",
    '"=1+1',
    "'=1",
    "\u00a0=1",
    "\u200b=1",
    "-2+3",
    "@SUM(1)",
    "\x1b]0;owned\x07\x1b[2K",
    "\x9b31m",
    "\u202eevil\u2066",
    "\ud800",
    "\x00",
    "x" * 20_000,
    "\u2028line",
    "\U000e0041",
]
hostile = st.one_of(
    st.sampled_from(ATTACKS),
    st.text(max_size=40),
    st.text(alphabet="[](){}<>&`*_~|\\#-+=!:/.$%^@;\"'\n\r\t wa1\x1b\u202e＝", max_size=25),
)
bounded = settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
few = settings(bounded, max_examples=12)


def every_attack(test):
    """Try each attack as well as what is drawn."""
    for text in ATTACKS:
        test = example(text)(test)
    return test


def acts(text):
    """Return whether a terminal would obey a character of text, or hide it."""
    return any(
        unicodedata.category(sign) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and sign != "\n"
        for sign in text
    )


def in_paragraph(markdown):
    """Return the text of one paragraph of Markdown; anything else in it fails."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = {child.type for child in tokens[1].children}
    assert kinds <= {"text", "text_special"}, kinds
    return "".join(child.content for child in tokens[1].children)


@pytest.mark.slow
@every_attack
@bounded
@given(hostile)
def test_markdown_shows_the_text_alone(text):
    shown = in_paragraph(f"a {escape.markdown(text)} z")
    assert re.sub(r"\s+", " ", shown) == re.sub(r"\s+", " ", f"a {escape.visible(text)} z")


@every_attack
@bounded
@given(hostile)
def test_a_line_of_markdown_begins_no_block(text):
    line = escape.prose(text.replace("`", ""))
    if line.strip():
        assert in_paragraph(line).split() == escape.visible(text.replace("`", "")).split()


@bounded
@given(hostile, hostile)
def test_a_cell_of_markdown_stays_a_cell(one, two):
    cells = f"| {escape.markdown(one)} | {escape.markdown(two)} |"
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"| a | b |\n|---|---|\n{cells}\n")
    found = [token for token in tokens if token.type == "inline"][2:]
    assert len(found) == 2
    for token, text in zip(found, (one, two), strict=True):
        assert {child.type for child in token.children} <= {"text", "text_special"}
        shown = "".join(child.content for child in token.children)
        assert shown.split() == escape.visible(text).split()


def test_addresses_do_not_become_links():
    text = escape.markdown("http://evil.example, WWW.evil.example, https://x")
    assert "://" not in text
    assert "WWW." not in text


def test_code_between_backticks_stays_code():
    assert escape.prose("rule `mac+2bn` of <b>") == "rule `mac+2bn` of &lt;b>"
    assert escape.prose("an open ` and <b>") == "an open \\` and &lt;b>"


@every_attack
@bounded
@given(hostile)
def test_an_entry_of_a_list_begins_no_block(text):
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(f"- {escape.line(text)}\n- z\n")
    blocks = [token.type for token in tokens if token.type.endswith("_open")]
    items = ["list_item_open", "paragraph_open"]
    assert blocks == ["bullet_list_open", *(items if escape.line(text) else items[:1]), *items]


@every_attack
@few
@given(hostile)
def test_names_act_nowhere_in_the_files_of_a_data_check(tmp_path_factory, text):
    """Ids, paths, class names, folders and reasons of a data set of somebody else."""
    text = text.encode("utf-8", "ignore").decode()  # lists refuse names that are no text
    out = tmp_path_factory.mktemp("check")
    video = Video(id=f"{text}1", path=out / "a.mp4", labels=(0,))
    facts = Facts(verdict="damaged", reason=text)
    checked = [CheckedVideo(split="test", video=video, facts=facts)]
    source = DataSource(
        name="theirs",
        root=out,
        splits={"test": [video]},
        class_names=(text, text),
        also=(Path(text.replace("\0", "")),),
        contradictions=(text,),
    )
    found = summary.summarise(checked, source, out=out)
    found = replace(
        found,
        unlisted=[text],
        empty_folders=[text],
        leaks=[[text, text]],
        duplicates=[[text, text]],
        unused={"hidden files": {"count": 1, "examples": [text]}},
    )
    page = summary_files.to_markdown(found)
    assert not acts(page)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page)
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1"]
    assert not {"html_block", "fence", "code_block", "hr", "blockquote_open"} & {
        token.type for token in tokens
    }
    inline = [child.type for token in tokens for child in token.children or ()]
    assert set(inline) <= {"text", "text_special", "softbreak"}
    cells = [token.type for token in tokens if token.type == "td_open"]
    assert len(cells) == 3 + 3  # verdicts of a split; what a class lost
    (row,) = csv.DictReader(io.StringIO(summary_files._bad_csv(checked, out), newline=""))
    for cell in row.values():
        assert not re.match(r"[\W_]*?[=+@-]", unicodedata.normalize("NFKC", cell).lstrip()) or (
            cell.startswith("'")
        )
        assert not acts(cell)


@every_attack
@few
@given(hostile)
def test_tables_and_checks_of_somebody_else_command_no_terminal(text):
    """`harness list TABLE` and `harness doctor`, whose words come from tables, nodes and files."""
    table = replace(
        EXPERIMENT,
        title=f"{text}a",
        rows=(replace(EXPERIMENT.rows[0], label=f"{text}a"),),
        claims=(),
    )
    findings = [ok(text, text), problem(text, text, text), unknown(text, text)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "select", lambda *_: [table])
        patch.setattr(all_tables, "select", lambda *_: [])
        patch.setattr(doctor, "run_checks", lambda _: findings)
        for words in (["list", "table_b"], ["doctor"], ["doctor", "--json"]):
            result = CliRunner().invoke(main.app, words)
            assert result.exit_code in (0, 1), result.exception
            assert not acts(result.output.replace("\t", ""))
            assert result.output.count("\n") < 40


@every_attack
@bounded
@given(hostile)
def test_latex_has_no_live_command(text):
    source = escape.latex(text)
    known = r"\\(?:textbackslash|textasciitilde|textasciicircum)\{\}|\\[&%$#_{}]"
    signs = "|".join(map(re.escape, sorted(escape._TEX_SIGNS.values(), key=len, reverse=True)))
    rest = re.sub(f"{signs}|{known}", "", source)
    assert not set(rest) & set("\\{}$&#^_~%")
    back = {value: sign for sign, value in (escape._TEX_ESCAPES | escape._TEX_SIGNS).items()}
    shown = re.sub(f"{signs}|{known}", lambda match: back[match[0]], source)
    assert shown == escape.visible(text).replace("--", "–") or "--" in text


def is_formula(cell):
    """Return whether a spreadsheet would compute a cell, in whatever script it is written."""
    plain = unicodedata.normalize("NFKC", cell).lstrip(" \t\r\n\u00a0\"';,")
    return not cell.startswith("'") and plain[:1] in tuple("=+-@")


@every_attack
@bounded
@given(hostile)
def test_no_cell_of_csv_is_a_formula(text):
    buffer = io.StringIO()
    csv.writer(buffer).writerow([escape.spreadsheet(text), "end"])
    ((cell, end),) = csv.reader(io.StringIO(buffer.getvalue(), newline=""))
    assert end == "end"
    assert not is_formula(cell)
    assert cell in (escape.visible(text), f"'{escape.visible(text)}")


@every_attack
@bounded
@given(hostile)
def test_a_terminal_obeys_nothing(text):
    assert not acts(escape.terminal(text).replace("\t", ""))
    assert not acts(escape.name(text))
    assert "\n" not in escape.name(text)
    assert len(escape.name(text)) < 12 * escape.MAX_NAME
    found = escape.json_lines(json.dumps({"name": text}, ensure_ascii=False, indent=1))
    assert not acts(found)
    assert json.loads(found) == {"name": text}


@every_attack
@bounded
@given(hostile)
def test_visible_text_tells_what_was_hidden(text):
    shown = escape.visible(text)
    assert not acts(shown)
    assert "\n" not in shown
    assert _visible(text) == shown


def test_errors_are_escaped(capsys):
    print_error("no \x1b[2K file\nnext")
    assert capsys.readouterr().err == "no \\x1b[2K file\nnext\n"


@bounded
@given(hostile, hostile, hostile)
def test_a_status_shows_names_as_text(what, name, why):
    text = status_text.format_lines(
        RunState(
            holder=Holder(what=what, pid=1, host=name, since=why),
            status=Status(
                run="r",
                sequence=1,
                phase="ended",
                why=why,
                at=what,
                parts=[TrialStatus(key="k", name=name, state="failed", epoch=0, epochs=1, why=why)],
            ),
            gone=False,
        )
    )
    assert not acts(text)
    assert text.count("\n") == 2
    assert len(text) < 100_000


class Tags(HTMLParser):
    """The tags of a page, and the text outside of scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text, self.attributes = [], [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        if self.tags[-1:] not in (["script"], ["style"]):
            self.text.append(data)


@few
@given(hostile, hostile, hostile)
def test_text_of_a_record_and_a_table_acts_in_no_file(tmp_path, one, two, three):
    one, two, three = (text[:500] for text in (one, two, three))
    row = replace(EXPERIMENT.rows[3], label=f"II {one}", source=two)
    table = replace(EXPERIMENT, title=three, caption=one, notes=(two,), rows=(row,), claims=())
    provenance = PROVENANCE | {"campaign": one, "processor": two, "device": three}
    each = replace(made(shrunk(TRIAL)), provenance=provenance, data={"changed": three})
    shown = judged(collected(table, [each], tmp_path))
    markdown = report_table.markdown(shown)
    kinds = {token.type for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)}
    assert not kinds & {"html_block", "fence", "code_block", "blockquote_open", "hr"}
    assert not acts(markdown)
    inline = [t for t in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown) if t.children]
    found = {child.type for token in inline for child in token.children}
    assert found <= {"text", "text_special", "code_inline"}
    rendered = report_table.latex(shown) + claims_table.latex(table, ())
    assert not re.search(r"\\(?:input|write|include|href|url)\b", rendered)
    assert not acts(rendered)
    rows = list(csv.DictReader(io.StringIO(rows_csv(shown))))
    assert len(rows) == 1
    assert not any(is_formula(cell) for cell in rows[0].values() if not re.match(r"-?\d", cell))


@pytest.mark.slow
@settings(few, max_examples=3)
@given(hostile, hostile)
def test_text_of_a_record_and_a_table_acts_on_no_page(tmp_path, one, two):
    table = replace(
        EXPERIMENT,
        title=one[:200],
        rows=(replace(EXPERIMENT.rows[3], label=f"II {two[:200]}"),),
        claims=(),
    )
    each = replace(made(shrunk(TRIAL)), provenance=PROVENANCE | {"campaign": one[:500]})
    shown = judged(collected(table, [each], tmp_path))
    output = build.TableOutput(files=(), markdown="")
    page = build.write_page([(shown, output)]).read_text()
    parsed = Tags(page)
    assert not acts(re.sub(r"[\t]", "", page))
    assert "onerror" not in parsed.attributes
    assert parsed.tags.count("script") == page.count("<script")
    assert escape.visible(one[:200]).strip() in html.unescape(page)


@pytest.mark.parametrize("label", [r"$\frac$", "a$b$c"])
def test_a_figure_draws_a_label_as_text(tmp_path, label):
    rows = (replace(EXPERIMENT.rows[3], label=label),)
    each = made(shrunk(TRIAL))
    paths = build.draw(collected(replace(EXPERIMENT, rows=rows, claims=()), [each], tmp_path))
    assert paths


OF_TEXT = (
    test_markdown_shows_the_text_alone,
    test_a_line_of_markdown_begins_no_block,
    test_a_cell_of_markdown_stays_a_cell,
    test_an_entry_of_a_list_begins_no_block,
    test_latex_has_no_live_command,
    test_no_cell_of_csv_is_a_formula,
    test_a_terminal_obeys_nothing,
    test_visible_text_tells_what_was_hidden,
)


@pytest.mark.chaos
@pytest.mark.parametrize("test", OF_TEXT, ids=lambda test: test.__name__)
def test_thousands_of_texts_act_nowhere(test):
    holds = test.hypothesis.inner_test
    drawn = given(*[hostile] * len(inspect.signature(holds).parameters))(holds)
    settings(max_examples=5_000, database=None)(drawn)()


def test_a_number_agrees_with_its_noun() -> None:
    said = [escape.counted(number, "trial") for number in (0, 1, 2, 1_200)]
    assert said == ["0 trials", "1 trial", "2 trials", "1,200 trials"]


ROOT = Path(__file__).resolve().parents[1]
NEVER_ONE = (
    "runs with {changes}",
    "trials are more than",
    "trials finish their",
    "records were made",
    "records; type",
)


def test_no_command_counts_in_a_plural_of_its_own() -> None:
    plural = re.compile(r"\{[^{}]+\} (?:networks|records|rows|runs|trials)\b.*")
    rooms = ("cli", "exchange", "launch", "plan", "schedule", "tracking")
    files = [path for room in rooms for path in sorted((ROOT / "harness").glob(f"{room}/**/*.py"))]
    found = [
        f"{path.name}: {match.group()}"
        for path in [*files, ROOT / "harness" / "api.py"]
        for match in plural.finditer(path.read_text(encoding="utf-8"))
        if not any(words in match.group() for words in NEVER_ONE)
    ]
    assert found == []
