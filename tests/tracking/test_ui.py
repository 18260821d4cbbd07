"""MLflow in a browser, and the requests that its server refuses."""

import http.client
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from harness import record, tracking
from harness.tracking import ui
from harness.tracking.store import Store
from harness.tracking.ui.request_guard import RequestGuard
from tests.helpers.browser import needs_browser, opened
from tests.helpers.tracking_stores import LABEL, make_record, planned_trial, run_sync, ui_server

PATIENCE_MS = 90_000
LABELS = (LABEL, "TSN+I3D R50")


@needs_browser
@pytest.mark.slow
def test_a_browser_opens_a_table_with_all_runs_grouped_by_row(results):
    trials = [planned_trial(label, seed=seed) for label in LABELS for seed in range(6)]
    for trial in trials:
        record.write(results, make_record(trial), b"scores")
    run_sync(results)
    with ui_server(results) as (port, _):
        address = f"http://127.0.0.1:{port}"
        with opened(f"{address}/tables/table_b", height=1200) as page:
            page.get_by_text("12 matching runs").wait_for(timeout=PATIENCE_MS)
            for label in LABELS:
                page.get_by_text(f"Group: {label}").first.wait_for(timeout=PATIENCE_MS)
            assert page.get_by_role("button", name="Rows at desk scale").is_visible()
            foreign = [url for url in page.asked if not url.startswith((address, "data:", "blob:"))]
            assert foreign == []


@needs_browser
@pytest.mark.slow
def test_a_browser_finds_the_runs_by_tag_and_metric(results):
    record.write(results, make_record(planned_trial()), b"scores")
    run_sync(results)
    experiment = Store(tracking.store_uri(results), results).experiment("table_b")
    search = f"tags.module = 'dsa' and tags.row = '{LABEL}' and metrics.`test/top1` > 60"
    query = urlencode({"searchFilter": search}, quote_via=quote)
    with ui_server(results) as (port, _):
        address = f"http://127.0.0.1:{port}"
        with opened(f"{address}/#/experiments/{experiment}/runs?{query}") as page:
            page.get_by_text("matching run").wait_for(timeout=PATIENCE_MS)
            page.get_by_text(f"{LABEL}, seed 0").first.wait_for(timeout=PATIENCE_MS)
            foreign = [url for url in page.asked if not url.startswith((address, "data:", "blob:"))]
            assert foreign == []


SEARCH = "/ajax-api/2.0/mlflow/experiments/search"
CREATE = "/ajax-api/2.0/mlflow/experiments/create"
OWN = "http://127.0.0.1:{port}"
HOSTS = [
    "evil.example:{port}",
    "10.evil.example:{port}",
    "192.168.evil.example",
    "172.16.evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example:{port}",
    "localhost:{port}.evil.example",
    "10.0.0.1:{port}",
    "0.0.0.0:{port}",
    "[::1]:{port}",
    "127.0.0.1",
    "localhost:1",
    "fc00:{port}",
    "",
]
ORIGINS = [
    "http://localhost:8888",
    "http://127.0.0.1:8888",
    "http://localhost",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "http://evil.example",
    "null",
    "",
]
SITES = ["cross-site", "same-site", "odd"]
METHODS = ["POST", "PUT", "PATCH", "DELETE"]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[int]:
    """Serve an empty store, started in a folder with modules of somebody else."""
    results = tmp_path_factory.mktemp("ui")
    (results / "mlflow").mkdir()
    shutil.copy(empty_store, results / "mlflow" / "mlflow.db")
    for name in ("uuid.py", "mlflow/__init__.py", "uvicorn.py", "click.py", "json.py"):
        (results / name).write_text("raise SystemExit('trap')")
    number, before = ui.free_port(), Path.cwd()
    os.chdir(results)
    try:
        with ui.run_server(results, f"sqlite:///{results}/mlflow/mlflow.db", number):
            yield number
    finally:
        os.chdir(before)


def answer(port: int, method: str, path: str, **headers: str) -> int:
    """Send a request as a browser would, and return the status of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    body = json.dumps({"name": f"{method} {path}", "max_results": 1}).encode()
    given = {"host": f"127.0.0.1:{port}", "content-type": "application/json", **headers}
    for name, value in given.items():
        connection.putheader(name.replace("_", "-"), value.format(port=port))
    connection.putheader("content-length", str(len(body)))
    connection.endheaders(body)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.slow
def test_a_server_answers_to_its_exact_names_and_its_own_pages_alone(port: int) -> None:
    assert answer(port, "POST", SEARCH) == 200
    assert answer(port, "POST", SEARCH, origin=OWN, sec_fetch_site="same-origin") == 200
    assert answer(port, "GET", "/", sec_fetch_site="none") == 200
    link = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert answer(port, "GET", "/", sec_fetch_site="cross-site", **link) == 200
    for host in HOSTS:
        assert answer(port, "GET", "/health", host=host) in (400, 403), host
        assert answer(port, "POST", SEARCH, host=host) in (400, 403), host
    for origin in ORIGINS:
        for method in ["GET", *METHODS]:
            assert answer(port, method, CREATE, origin=origin) == 403, (method, origin)
    for site in SITES:
        assert answer(port, "POST", CREATE, sec_fetch_site=site) == 403, site
        assert answer(port, "GET", "/", sec_fetch_site=site, sec_fetch_mode="no-cors") == 403
    assert answer(port, "POST", CREATE, referer="http://localhost:8888/page") == 403
    for path in ("/ajax-api/3.0/mlflow/assistant/message", "/gateway/x/mlflow/invocations"):
        assert answer(port, "POST", path) == 403
    assert answer(port, "GET", "/tables", sec_fetch_site="cross-site") == 403
    assert answer(port, "GET", "/tables", sec_fetch_site="none") == 200
    assert answer(port, "POST", CREATE, origin=OWN) == 200  # nothing refused had made it


async def _never(*_: object) -> None:
    raise AssertionError("passed on")


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_socket_of_another_page_is_closed(origin: str) -> None:
    import asyncio

    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1:5000"), (b"origin", origin.format(port=5000).encode())]
    scope = {"type": "websocket", "path": "/", "headers": headers}
    guard = RequestGuard(_never, 5000)
    asyncio.run(guard(scope, _never, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]
