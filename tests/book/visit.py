"""One visit to a page in the browser: what it loaded, complained about and showed, in light, dark and on a phone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# sphinx-thebe puts its settings on every page twice; nothing on the page depends on them
KNOWN = "Identifier 'THEBE_JS_URL' has already been declared"
SCRIPT = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass
class Visit:
    """What one visit saw."""

    complaints: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    math: dict[str, Any] = field(default_factory=dict)
    pale: dict[str, list[str]] = field(default_factory=dict)
    broken_pictures: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)


def watch(tab, server: str) -> Visit:
    """Note what ``tab`` complains about and asks for from now on."""
    seen = Visit()
    tab.on("console", lambda line: seen.complaints.append(line.text) if line.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: seen.complaints.append(str(error)) if KNOWN not in str(error) else None)
    tab.on("requestfailed", lambda request: seen.failed.append(f"{request.url}: {request.failure}"))
    tab.on(
        "response",
        lambda answer: seen.failed.append(f"{answer.url}: {answer.status}") if answer.status >= 400 else None,
    )
    tab.on(
        "request",
        lambda request: (
            None if request.url.startswith((server, "data:", "blob:")) else seen.strangers.append(request.url)
        ),
    )
    return seen


def settle(tab) -> None:
    """Wait until the page is loaded and its formulas are typeset."""
    tab.wait_for_load_state("load")
    tab.evaluate("() => window.MathJax?.startup?.promise")
    tab.evaluate("() => document.fonts.ready.then(() => null)")


def visit(browser, server: str, name: str) -> Visit:
    """Read the page ``name`` in light and dark on a desk and once on a phone."""
    tab = browser.new_page(viewport=DESK, reduced_motion="reduce")
    try:
        seen = watch(tab, server)
        tab.goto(f"{server}{name}.html")
        settle(tab)
        tab.add_script_tag(content=SCRIPT)
        seen.math = tab.evaluate("measure.math()")
        seen.broken_pictures = tab.evaluate("measure.brokenPictures()")
        for mode in ("light", "dark"):
            tab.evaluate("mode => { document.documentElement.dataset.theme = mode; }", mode)
            seen.pale[mode] = tab.evaluate("measure.pale()")
        tab.set_viewport_size(PHONE)
        seen.wide = tab.evaluate("measure.wide()")
        return seen
    finally:
        tab.close()
