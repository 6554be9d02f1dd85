"""The built site, served on this machine, and a browser to read it with.

The checks read what ``lowdim html`` or ``lowdim book`` built; they build nothing. Without a browser those that need one
are skipped and counted aloud; with ``REQUIRE_BROWSER=1`` they fail.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator

import pytest

from book.site import HTML, Page, pages

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NO_BROWSER = "no browser: set CHROMIUM to one, or install Chromium"
_skipped: list[str] = []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each page; a single failing one when nothing is built."""
    if "page" in metafunc.fixturenames:
        found = pages()
        metafunc.parametrize("page", found or [None], ids=[page.name for page in found] or ["nothing-built"])


@pytest.fixture(autouse=True)
def built(request: pytest.FixtureRequest) -> None:
    """Fail where the pages are needed and nothing is built."""
    needs = {"page", "server", "site"} & set(request.fixturenames)
    if needs and not (HTML / "index.html").is_file():
        pytest.fail(f"there are no pages in {HTML}: build them first, with `make html` or `lowdim html`", pytrace=False)


@pytest.fixture(scope="session")
def site() -> dict[str, Page]:
    """Every page by name."""
    return {page.name: page for page in pages()}


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer a lost address as a static host does: with the site's own page."""
        if code != 404:
            return super().send_error(code, message, explain)
        content = (HTML / "404.html").read_bytes()
        self.send_response(404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address under which the site is served, with a slash at the end."""
    handler = functools.partial(_Handler, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/"
        running.shutdown()


def _browser_path() -> str | None:
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest):
    """A headless Chromium from this machine; no browser is downloaded."""
    path = _browser_path()
    if path is None:
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(NO_BROWSER, pytrace=False)
        pytest.skip(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield running
        running.close()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count what a missing browser skipped."""
    if report.skipped and NO_BROWSER in str(report.longrepr):
        _skipped.append(report.nodeid)


def pytest_terminal_summary(terminalreporter) -> None:
    """Say aloud how many checks did not run."""
    if _skipped:
        terminalreporter.section("PAGES NOT CHECKED IN A BROWSER", sep="!", red=True, bold=True)
        terminalreporter.line(f"{len(_skipped)} checks were skipped: {NO_BROWSER}. REQUIRE_BROWSER=1 makes them fail.")
