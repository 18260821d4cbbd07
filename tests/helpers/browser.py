"""A headless browser for tests of rendered pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find() -> str | None:
    """Return the browser of HARNESS_BROWSER, or else the first one on the path."""
    found = [os.environ.get("HARNESS_BROWSER"), *map(shutil.which, NAMES)]
    return next((path for path in found if path), None)


needs_browser = pytest.mark.skipif(
    find() is None, reason=f"no browser: set HARNESS_BROWSER or install one of {', '.join(NAMES)}"
)


@contextmanager
def opened(address: str, *, width: int = 1200, height: int = 900) -> Iterator:
    """Open a page; `page.asked` lists the addresses that it loads from the network."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address)
        yield page
        browser.close()
