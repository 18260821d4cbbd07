"""Short addresses in front of MLflow's own: `/tables`, `/tables/NAME`, `/tables/NAME/compare`.

MLflow opens on its pages for language models, with an assistant beside them, until a browser has
chosen otherwise. These pages choose for a browser that has not, and lead on to the table.
"""

import asyncio
import html
import json
from typing import TYPE_CHECKING

from harness.tracking import pages
from harness.tracking.errors import store_errors
from harness.tracking.experiments import finished_runs
from harness.tracking.ui.request_guard import App, Receive, Scope, Send, respond

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

PREFIX = "/tables"
_COMPARE = "compare"
_MAX_COMPARED_RUNS = 100  # the comparison page is slow with more
_GATEWAY = "gateway-proxy"  # to other servers; every page of runs asks it for language models
_NO_GATEWAY = '{"endpoints": []}'  # as MLflow answers without one; its page would show a refusal
# Checked against MLflow 3.17; another version ignores them.
_FIRST_VISIT = {
    "mlflow.workflowType_v1": json.dumps(pages.TRAINING),
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
}
_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 16px/1.6 system-ui, sans-serif; margin: 2rem }}</style>
<script>
for (const [name, value] of Object.entries({settings}))
  if (localStorage.getItem(name) === null) localStorage.setItem(name, value);
{script}
</script>
"""


class TablePages:
    """An ASGI application that answers for tables, and passes on everything else.

    Args:
        app: MLflow's server.
        client: Of its store.
    """

    def __init__(self, app: App, client: "MlflowClient") -> None:
        self._app = app
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        root, _, words = path.lstrip("/").partition("/")
        if scope["type"] == "http" and f"/{root}" == PREFIX:
            status, body = await asyncio.to_thread(self._answer, words.rstrip("/"))
            kind = "html" if status == 200 else "plain"
            await respond(send, status, body, kind=f"text/{kind}")
        elif scope["type"] == "http" and _GATEWAY in path:
            await respond(send, 200, _NO_GATEWAY, kind="application/json")
        else:
            await self._app(scope, receive, send)

    def _answer(self, words: str) -> tuple[int, str]:
        name, _, what = words.partition("/")
        try:
            if not name:
                return 200, self._index()
            experiment = self._client.get_experiment_by_name(name)
            if experiment is None or what not in ("", _COMPARE):
                return 404, f"this store has no such table; {PREFIX} lists those that it has"
            address = self._compare(experiment) if what else _runs(experiment)
        except store_errors() as error:
            return 503, f"MLflow's store does not respond: {type(error).__name__}"
        return 200, _redirect(name, address)

    def _compare(self, experiment: "Experiment") -> str:
        runs = finished_runs(self._client, experiment.experiment_id)
        return pages.compare_address(
            experiment.experiment_id, [run.info.run_id for run in runs][:_MAX_COMPARED_RUNS]
        )

    def _index(self) -> str:
        """Return a page with the tables of the store."""
        experiments = self._client.search_experiments(order_by=["name ASC"])
        items = [_item(each) for each in experiments if pages.has_view(each.tags)]
        return _head("Tables", "") + f"<h1>Tables</h1>\n<ul>\n{''.join(items)}</ul>\n"


def _runs(experiment: "Experiment") -> str:
    return pages.runs_address(experiment.experiment_id, experiment.tags)


def _item(experiment: "Experiment") -> str:
    name, title = html.escape(experiment.name), html.escape(experiment.tags.get("title", ""))
    page = f"{PREFIX}/{name}"
    links = f'<a href="{page}">{name}</a> (<a href="{page}/{_COMPARE}">{_COMPARE}</a>)'
    return f"<li>{links} {title}</li>\n"


def _redirect(title: str, address: str) -> str:
    link = f'<a href="{html.escape(address)}">{html.escape(title)}</a>\n'
    return _head(title, f"location.replace({_script_text(address)});") + link


def _head(title: str, script: str) -> str:
    settings = _script_text(_FIRST_VISIT)
    return _HEAD.format(title=html.escape(title), settings=settings, script=script)


def _script_text(value: object) -> str:
    """Return a value as JavaScript that cannot end its element."""
    return json.dumps(value).replace("<", "\\u003c")
