"""The pages of a table in MLflow: its description, its saved views, and their addresses.

A saved view is a tag of the experiment, as MLflow's own *Views* menu writes it; an address names
it by its key. Checked against MLflow 3.17.
"""

import json
import re
from collections.abc import Mapping, Sequence
from shlex import quote as quote_word
from urllib.parse import quote, urlencode

from harness.report.output import TableOutput
from harness.tracking.runs import TableRun

KIND = {"mlflow.experimentKind": "custom_model_development"}  # the training view, not that of LLMs
TRAINING = "machine_learning"  # the same, as addresses and browsers spell it
SHOWN_SCALE = "scale"  # tag of an experiment: the scale that was written last
_VIEW_TAG = "mlflow.sharedViewState."
_SECTIONS = ("test", "val", "train", "cost", "time")
MAX_RUN_NOTE = 7_900  # MLflow cuts a run's tag at 8,000 characters
MAX_EXPERIMENT_NOTE = 19_900  # and refuses an experiment's of more than 20,000
_LEFT_OUT = ("notes", "claims", "rows", "caption")  # in this order, if there is no room
_TRADE_OFF = {"x": "cost/mmacs", "y": "test/top1"}


def note(table_run: TableRun, run_id: str, *, max_length: int = MAX_RUN_NOTE) -> str:
    """Return the description of a table: title, figure, table and claims, as MLflow takes them.

    What there is no room for is left out in whole sections, and named.

    Args:
        table_run: The table.
        run_id: Of its run, which holds the figure.
        max_length: Characters that MLflow takes.
    """
    output = table_run.output
    title, _, text = output.markdown.partition("\n")
    title = title.removeprefix("# ")  # MLflow folds a heading in the middle of a line
    if len(title) > max_length // 4:
        title = title[: max_length // 4] + "…"
    title = "\n".join([title, *_figure(output, run_id)])
    sections = _sections(_without_padding(text))
    left_out = [name for name in _LEFT_OUT if name in sections]
    for count in range(len(left_out) + 1):
        kept = [text for name, text in sections.items() if name not in left_out[:count]]
        parts = [title, *kept, *_pointer(table_run, left_out[:count])]
        description = "\n\n".join(parts).strip()
        if len(description) <= max_length:
            break
    return description


def _sections(text: str) -> dict[str, str]:
    """Return the sections of a table's Markdown by their names, in their order."""
    sections: dict[str, list[str]] = {}
    name = "caption"
    for block in filter(None, text.strip().split("\n\n")):
        if block.startswith("## "):
            name = "claims"
        elif block.startswith("- "):
            name = "notes"
        elif block.startswith("|") and name == "caption":
            name = "rows"
        sections.setdefault(name, []).append(block)
    return {name: "\n\n".join(blocks) for name, blocks in sections.items()}


def _pointer(table_run: TableRun, left_out: Sequence[str]) -> list[str]:
    """Say which sections are left out, and where they are; nothing without any."""
    if not left_out:
        return []
    texts = [f"{path.parent.name}/{path.name}" for path in table_run.output.files]
    file = next((text for text in texts if text.endswith(".md")), "")
    where = f" `{file}`, among the artifacts of the table's run, has them;" if file else ""
    option = " --scale paper" if table_run.scale == "paper" else ""
    command = f"`harness report {quote_word(table_run.name)}{option}`"
    own = ", with the options of the run," if table_run.scale == "own" else ""
    names = " and ".join(left_out)
    return [
        f"*MLflow has no room for the {names} of this table.*{where} {command}{own} shows them."
    ]


def _figure(output: TableOutput, run_id: str) -> list[str]:
    pictures = [
        path for path in output.files if path.suffix == ".svg" and path.parent.name == "figures"
    ]
    query = [
        urlencode({"path": f"figures/{path.name}", "run_uuid": run_id}) for path in pictures[:1]
    ]
    return [f"\n![figure](get-artifact?{words})\n" for words in query]


def _without_padding(text: str) -> str:
    """Return Markdown whose tables have no columns of blanks: these count as text."""
    lines = text.split("\n")
    return "\n".join(
        re.sub(r"-{4,}", "---", re.sub(r" {2,}", " ", line)) if line.startswith("|") else line
        for line in lines
    )


def saved_view(scale: str) -> dict[str, str]:
    """Return the tag of the view that shows all runs of all rows at a scale, grouped by row."""
    sections = [
        {"uuid": name, "name": name, "display": True, "isReordered": True, "isGenerated": True}
        for name in _SECTIONS
    ]
    axes = {f"{axis}axis": {"key": key, "type": "METRIC"} for axis, key in _TRADE_OFF.items()}
    chart = {"type": "SCATTER", "uuid": "trade-off", "metricSectionId": "cost", **axes}
    state = {
        "searchFilter": f"tags.kind = 'trial' and tags.scale = '{scale}'",
        "orderByKey": "tags.`row`",
        "orderByAsc": True,
        "runsHiddenMode": "SHOW_ALL",
        "groupBy": {
            "aggregateFunction": "average",
            "groupByKeys": [{"mode": "tag", "groupByData": "row"}],
        },
        "compareRunSections": sections,
        "compareRunCharts": [chart],
        "isAccordionReordered": True,
    }
    view = {"name": f"Rows at {scale} scale", "createdAt": 0, "state": json.dumps(state)}
    return {f"{_VIEW_TAG}{scale}": json.dumps(view)}


def has_view(tags: Mapping[str, str]) -> bool:
    """Return whether the tags of an experiment are those of a table."""
    return any(name.startswith(_VIEW_TAG) for name in tags)


def runs_address(experiment: str, tags: Mapping[str, str]) -> str:
    """Return the address, below the server's, of the charts of a table's runs.

    Args:
        experiment: Id of the table's experiment.
        tags: Of the experiment: its views, and the scale that was written last.
    """
    views = sorted(name.removeprefix(_VIEW_TAG) for name in tags if name.startswith(_VIEW_TAG))
    shown = tags.get(SHOWN_SCALE, "")
    query = {"workflowType": TRAINING, "compareRunsMode": "CHART"}
    if views:
        query["viewStateShareKey"] = shown if shown in views else views[0]
    return f"/#/experiments/{experiment}/runs?{urlencode(query)}"


def compare_address(experiment: str, runs: Sequence[str]) -> str:
    """Return the address, below the server's, of the comparison of runs side by side."""
    return f"/#/compare-runs?runs={_json_list(runs)}&experiments={_json_list([experiment])}"


def _json_list(ids: Sequence[str]) -> str:
    return quote(json.dumps(list(ids), separators=(",", ":")))
