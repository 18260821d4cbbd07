"""The pages of a table in MLflow: its description, its saved views, and their addresses.

A saved view is a tag of the experiment, as MLflow's own *Views* menu writes it; an address names
it by its key. Checked against MLflow 3.17.
"""

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

from harness.report.output import TableOutput

KIND = {"mlflow.experimentKind": "custom_model_development"}  # the training view, not that of LLMs
TRAINING = "machine_learning"  # the same, as addresses and browsers spell it
SHOWN_SCALE = "scale"  # tag of an experiment: the scale that was written last
_VIEW_TAG = "mlflow.sharedViewState."
_SECTIONS = ("test", "val", "train", "cost", "time")
_MAX_NOTE = 7_900  # MLflow cuts a tag at 8,000 characters
_TRADE_OFF = {"x": "cost/mmacs", "y": "test/top1"}


def note(output: TableOutput, run_id: str) -> str:
    """Return the description of a table: title, figure, table and claims, as MLflow takes them.

    Args:
        output: Of the table.
        run_id: Of its run, which holds the figure.
    """
    title, _, text = output.markdown.partition("\n")
    title = title.removeprefix("# ")  # MLflow folds a heading in the middle of a line
    return _truncate("\n".join([title, *_figure(output, run_id), _without_padding(text)]).strip())


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


def _truncate(text: str) -> str:
    """Cut a long description at the end of a line; MLflow would cut anywhere."""
    return text if len(text) <= _MAX_NOTE else text[:_MAX_NOTE].rpartition("\n")[0] + "\n\n(cut)"


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
