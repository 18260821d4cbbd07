"""Take the screenshots of docs/mlflow.md from the published records, in a headless browser.

    python -m tests.helpers.screenshots

Needs Chromium and the dependency group `test`, and no network.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

from playwright.sync_api import Page, sync_playwright

from harness.tracking import store_uri
from harness.tracking.experiments import finished_runs
from harness.tracking.store import Store
from tests.helpers.browser import find

ROOT = Path(__file__).resolve().parents[2]
PORT = 5099
BASE = f"http://127.0.0.1:{PORT}"
SHOTS = ROOT / "docs" / "screenshots"
PATIENCE_MS = 600_000


@contextmanager
def served(results: Path) -> Iterator[Store]:
    """Mirror the published records into a new store and serve it."""
    for name in ("records", "declared"):
        shutil.copytree(ROOT / "results" / name, results / name)
    harness = [sys.executable, "-m", "harness"]
    where = ["--results", str(results)]
    subprocess.run([*harness, "sync", *where], check=True, cwd=ROOT)
    words = [*harness, "ui", *where, "--port", str(PORT)]
    server = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        next(line for line in server.stdout if line.startswith("Press Ctrl-C"))
        yield Store(store_uri(results), results)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def runs(page: Page, experiment: str, search: str, *, charts: bool = False) -> None:
    """Open the runs of a table that match a search, without the surrounding page."""
    query = {"searchFilter": search} | ({"compareRunsMode": "CHART"} if charts else {})
    page.goto(f"{BASE}/#/experiments/{experiment}/runs?{urlencode(query, quote_via=quote)}")
    page.get_by_text("matching runs").wait_for(timeout=PATIENCE_MS)
    hide_menu(page)


def hide_menu(page: Page) -> None:
    """Give the width of MLflow's menu to the page."""
    page.get_by_role("button", name="Toggle sidebar").first.click(timeout=PATIENCE_MS)


def as_it_opens(page: Page, _: Store) -> None:
    """Show a table at its short address."""
    page.goto(f"{BASE}/tables/table_g")
    page.get_by_text("15 matching runs").wait_for(timeout=PATIENCE_MS)
    page.locator(".js-plotly-plot .bars path").first.wait_for(timeout=PATIENCE_MS)


def seeds_of_a_row(page: Page, store: Store) -> None:
    """Show the curves of the three seeds of a row."""
    runs(page, store.experiment("table_g"), "tags.row = 'DSA+TSM R50'", charts=True)
    page.get_by_placeholder("Search metric charts").fill("val")
    page.locator(".js-plotly-plot .scatterlayer path").first.wait_for(timeout=PATIENCE_MS)


def accuracy_against_cost(page: Page, store: Store) -> None:
    """Show a scatter of the runs of two tables."""
    experiments = [store.experiment(name) for name in ("table_a", "table_g")]
    ids = [run.info.run_id for each in experiments for run in finished_runs(store.client, each)]
    listed = {"runs": json.dumps(ids), "experiments": json.dumps(experiments)}
    page.goto(f"{BASE}/#/compare-runs?{urlencode(listed, quote_via=quote)}")
    page.get_by_role("tab", name="Scatter Plot").click(timeout=PATIENCE_MS)
    for axis, metric in (("x", "cost/mmacs"), ("y", "test/top1")):
        page.locator(f"#{axis}-axis-selector").click()
        page.locator("[role=option]").filter(has_text=metric).first.click()


def what_is_open(page: Page, store: Store) -> None:
    """Show the fresh runs below 65 % top-1."""
    runs(page, store.experiment("table_g"), "tags.state = 'fresh' and metrics.`test/top1` < 65")


def main() -> None:
    """Take all screenshots."""
    SHOTS.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        served(Path(folder)) as store,
        sync_playwright() as play,
    ):
        browser = play.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        for take in (as_it_opens, seeds_of_a_row, accuracy_against_cost, what_is_open):
            page = browser.new_page(viewport={"width": 1280, "height": 760})
            page.route(
                "**/*",
                lambda each: (
                    each.continue_()
                    if each.request.url.startswith((BASE, "data:", "blob:"))
                    else each.abort()
                ),
            )
            page.goto(f"{BASE}/tables")  # it chooses MLflow's view of trainings
            take(page, store)
            page.wait_for_timeout(3000)
            page.screenshot(path=SHOTS / f"{take.__name__.replace('_', '-')}.png")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
