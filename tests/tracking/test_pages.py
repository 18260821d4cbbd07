"""The pages of a table in MLflow: description, saved view and addresses, without a browser."""

import asyncio
import html
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from experiments.table_b import EXPERIMENT
from harness import tracking
from harness.report.output import TableOutput
from harness.tracking import pages
from harness.tracking.runs import TableRun
from harness.tracking.ui.tables import TablePages
from tests.helpers.tracking_stores import (
    LABEL,
    ROOT,
    client,
    epochs,
    only_run,
    open_mirror,
    planned_trial,
    runs,
    table_output,
)

TABLES = sorted(ROOT.glob("results/tables/*.md"))
VIEW = "mlflow.sharedViewState."


def table_tags(results: Path) -> dict[str, str]:
    experiment = client(tracking.store_uri(results)).get_experiment_by_name("table_b")
    assert experiment is not None
    return dict(experiment.tags)


def test_a_table_opens_in_the_training_view_as_soon_as_it_has_a_run(results: Path) -> None:
    with open_mirror(results) as opened:
        opened.log_epochs(planned_trial(), epochs(1))
    tags = table_tags(results)
    assert tags["mlflow.experimentKind"] == "custom_model_development"
    view = json.loads(tags[f"{VIEW}desk"])
    assert view["name"] == "Rows at desk scale"
    state = json.loads(view["state"])
    assert state["runsHiddenMode"] == "SHOW_ALL"
    assert state["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "row"}]
    store = client(tracking.store_uri(results))
    found = store.search_runs([only_run(results).info.experiment_id], state["searchFilter"])
    assert [run.data.tags["row"] for run in found] == [LABEL]
    charted = {section["name"] for section in state["compareRunSections"]}
    assert charted == {"test", "val", "train", "cost", "time"}


def test_a_table_carries_its_title_and_the_scale_written_last(results: Path) -> None:
    output = replace(table_output(results), title="Table (b): Position")
    with open_mirror(results) as opened:
        for scale in ("paper", "desk"):
            opened.log_table(EXPERIMENT, scale=scale, output=output, records=[])
    tags = table_tags(results)
    assert (tags["title"], tags["scale"]) == ("Table (b): Position", "desk")
    assert {name for name in tags if name.startswith(VIEW)} == {f"{VIEW}desk", f"{VIEW}paper"}


@pytest.mark.parametrize(
    ("scales", "shown", "opened"),
    [(["desk", "paper"], "paper", "paper"), (["desk"], "paper", "desk"), ([], "desk", None)],
)
def test_an_address_names_the_view_of_the_scale_written_last(
    scales: list[str], shown: str, opened: str | None
) -> None:
    tags = {"scale": shown}
    for scale in scales:
        tags |= pages.saved_view(scale)
    address = pages.runs_address("7", tags)
    assert len(address) < 100
    query = parse_qs(address.partition("?")[2])
    assert address.startswith("/#/experiments/7/runs?")
    assert query["workflowType"] == ["machine_learning"]
    assert query.get("viewStateShareKey", [None]) == [opened]


def table_run(output: TableOutput, *, name: str = "table_b", scale: str = "desk") -> TableRun:
    return TableRun(name=name, scale=scale, output=output, records=())


def test_a_description_has_the_title_the_figure_and_the_table_without_padding() -> None:
    text = "# Table (b): Where\n\nPaper: `a  b`.\n\n| Row    |  top-1 |\n|:-------|-------:|\n"
    files = ("tables/table_b.md", "figures/table_b.svg", "figures/table_b-aspects.svg")
    output = TableOutput(files=tuple(map(Path, files)), markdown=text)
    assert pages.note(table_run(output), "r1").splitlines() == [
        "Table (b): Where",
        "",
        "![figure](get-artifact?path=figures%2Ftable_b.svg&run_uuid=r1)",
        "",
        "",
        "Paper: `a  b`.",
        "",
        "| Row | top-1 |",
        "|:---|---:|",
    ]


def whole_table(lines: list[str], source: list[str]) -> bool:
    """Return whether all lines of a table that begins in the text stand there, one by one."""
    start = lines.index(source[0])
    return lines[start : start + len(source)] == source


@pytest.mark.parametrize("limit", [pages.MAX_RUN_NOTE, pages.MAX_EXPERIMENT_NOTE, 3_000, 900])
@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_description_fits_in_whole_sections_and_names_those_left_out(
    path: Path, limit: int
) -> None:
    output = TableOutput(files=(Path("tables", path.name),), markdown=path.read_text())
    run = table_run(output, name=path.stem)
    text, whole = (pages.note(run, "r" * 32, max_length=size) for size in (limit, 10**6))
    assert len(text) <= limit
    lines, all_lines = text.splitlines(), whole.splitlines()
    assert lines[0] == all_lines[0]
    blocks = [block.splitlines() for block in whole.split("\n\n") if block.strip()]
    missing = [block for block in blocks if block[0] not in lines]
    assert all(whole_table(lines, block) for block in blocks if block not in missing)
    if not missing:
        assert text == whole
        return
    *_, pointer = lines
    assert pointer.endswith(f"`harness report {path.stem}` shows them.")
    assert f"`tables/{path.name}`" in pointer
    kinds = {"- ": "notes", "##": "claims", "| ": "rows"}
    for block in missing:
        kind = "claims" if block[0].startswith("| Claim ") else kinds.get(block[0][:2], "caption")
        assert kind in pointer.partition(".*")[0]


def test_an_experiment_describes_every_published_table_whole_and_a_run_with_its_rows() -> None:
    for path in TABLES:
        run = table_run(TableOutput(files=(), markdown=path.read_text()), name=path.stem)
        whole = pages.note(run, "r", max_length=pages.MAX_EXPERIMENT_NOTE)
        assert "no room" not in whole
        assert "| Row |" in pages.note(run, "r")


@pytest.mark.parametrize(
    ("name", "scale", "command"),
    [
        ("table_b", "paper", "`harness report table_b --scale paper` shows"),
        ("my table", "own", "`harness report 'my table'`, with the options of the run, shows"),
    ],
)
def test_the_command_for_the_rest_is_that_of_the_table_and_its_scale(
    name: str, scale: str, command: str
) -> None:
    rows = "\n".join(f"| {number} | {'x' * 80} |" for number in range(200))
    for title in ("A", "A" * 10_000):
        output = TableOutput(files=(), markdown=f"# {title}\n\nCaption.\n\n| a | b |\n{rows}\n")
        text = pages.note(table_run(output, name=name, scale=scale), "r")
        assert len(text) <= pages.MAX_RUN_NOTE
        assert "Caption." in text
        assert text.endswith(f"no room for the rows of this table.* {command} them.")


def test_mlflow_takes_descriptions_as_long_as_they_may_be(results: Path) -> None:
    notes = "\n".join(f"- {number} {'x' * 96}" for number in range(190))
    text = f"# A\n\nCaption.\n\n| {'x' * 7_600} |\n\n{notes[:12_000]}"
    output = replace(table_output(results), markdown=text)
    with open_mirror(results) as opened:
        opened.log_table(EXPERIMENT, scale="desk", output=output, records=[])
    assert table_tags(results)["mlflow.note.content"].endswith(notes[11_990:12_000])
    (run,) = runs(results, "table")
    assert "x" * 7_600 in run.data.tags["mlflow.note.content"]
    assert run.data.tags["mlflow.note.content"].endswith("shows them.")


TITLE = "<script>alert(1)</script> & more"


class _Client:
    """A store with two experiments, one of them not ours."""

    def search_experiments(self, **_: Any) -> list[Any]:
        ours = {"title": TITLE, "scale": "desk"} | pages.saved_view("desk")
        table = SimpleNamespace(name="table_b", experiment_id="7", tags=ours)
        return [table, SimpleNamespace(name="Default", experiment_id="0", tags={})]

    def get_experiment_by_name(self, name: str) -> Any:
        return next((each for each in self.search_experiments() if each.name == name), None)

    def search_runs(self, *_: Any) -> list[Any]:
        return [SimpleNamespace(info=SimpleNamespace(run_id="r1"))]


async def _mlflow(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"MLflow"})


def answer(path: str) -> tuple[int, str]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    app = TablePages(_mlflow, _Client())  # type: ignore[arg-type]
    asyncio.run(app({"type": "http", "path": path}, None, send))  # type: ignore[arg-type]
    return sent[0]["status"], sent[1]["body"].decode()


def test_short_addresses_lead_to_the_pages_of_mlflow() -> None:
    status, body = answer("/tables/table_b")
    assert status == 200
    assert f"location.replace({json.dumps(pages.runs_address('7', table()))})" in body
    status, body = answer("/tables/table_b/compare/")
    assert status == 200
    assert "/#/compare-runs?runs=%5B%22r1%22%5D&experiments=%5B%227%22%5D" in body


def table() -> dict[str, str]:
    return dict(_Client().get_experiment_by_name("table_b").tags)


def test_the_list_of_tables_names_ours_alone_and_escapes_their_titles() -> None:
    for path in ("/tables", "/tables/"):
        status, body = answer(path)
        assert status == 200
        assert html.escape(TITLE) in body
        assert TITLE not in body
        assert "Default" not in body


@pytest.mark.parametrize("path", ["/tables/none", "/tables/table_b/other", "/tables/<b>"])
def test_an_unknown_table_is_not_found(path: str) -> None:
    status, body = answer(path)
    assert status == 404
    assert "/tables lists those that it has" in body


@pytest.mark.parametrize("path", ["/", "/health", "/tablesque", "/static-files/tables"])
def test_all_else_is_of_mlflow(path: str) -> None:
    assert answer(path) == (200, "MLflow")


def test_no_request_is_passed_on_to_another_server() -> None:
    assert answer("/ajax-api/2.0/mlflow/gateway-proxy") == (200, '{"endpoints": []}')
