"""MLflow in a browser."""

from urllib.parse import quote, urlencode

import pytest

from harness import record, tracking
from harness.tracking.store import Store
from tests.helpers.browser import needs_browser, opened
from tests.helpers.tracking_stores import LABEL, make_record, planned_trial, run_sync, ui_server

PATIENCE_MS = 90_000


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
