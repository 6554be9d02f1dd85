"""Directives on how the checks were checked, and how fast the library is beside its peers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from lowdim_book import LowdimDirective
from sphinx.application import Sphinx

from lowdim.companion.claims import FAILS, HOLDS
from lowdim.companion.formats import format_number
from lowdim.companion.verdicts import badge, html_table, inline_html, note


class ResultsDirective(LowdimDirective):
    """A directive that shows one file of ``book/results/``; its page is read again when the file changes."""

    file: ClassVar[str]

    def load(self) -> dict[str, Any] | None:
        """What the file holds, ``None`` when nothing was recorded."""
        path = Path(self.env.srcdir) / "book" / "results" / self.file
        self.env.note_dependency(str(path))
        found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        return found


class Checks(ResultsDirective):
    """``{checks}``: how many planted faults the tests noticed."""

    file = "mutation.json"

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        yield self.html(faults_html(self.load()))


class Benchmarks(ResultsDirective):
    """``{benchmarks} NAME ...``: timings against peers, those named (files of ``benchmarks/``) or all."""

    file = "bench.json"
    optional_arguments = 1
    final_argument_whitespace = True

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        names = self.arguments[0].split() if self.arguments else []
        yield self.html(benchmarks_html(self.load(), names))


def faults_html(found: Mapping[str, Any] | None) -> str:
    """A sentence on the faults planted on purpose."""
    if found is None:
        return "<p>No planted faults recorded yet.</p>"
    caught = found["faults"] - len(found["missed"])
    missed = f" Unnoticed: {escape(', '.join(found['missed']))}." if found["missed"] else ""
    return f"<p>{caught} of {found['faults']} faults planted on purpose were noticed.{missed}</p>"


def benchmarks_html(found: Mapping[str, Any] | None, names: Iterable[str] = ()) -> str:
    """A table for each benchmark: what was timed, the ratio, and what it is asked to be.

    Raises ``ValueError`` when one of ``names`` is not among what was recorded.
    """
    names = list(names)
    if found is None:
        return f"<p>Not measured yet: <code>{escape(' '.join(['lowdim bench', *names]))}</code></p>"
    known = found["benchmarks"]
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"benchmarks: {', '.join(unknown)} not recorded; there are {', '.join(known)}")
    parts = [_one_html(known[name]) for name in names or known]
    machine = f"One thread, torch {found['versions']['torch']}. Ratios above 1: ours is faster."
    return "\n".join([*parts, note("facts-line", escape(machine))])


def _one_html(entry: Mapping[str, Any]) -> str:
    rows = [[escape(name), *_cells(measure)] for name, measure in entry["result"].items()]
    head = f"<p><strong>{escape(entry['name'])}</strong>: {inline_html(entry['description'])}.</p>"
    return head + html_table("lowdim-bench", ("Time of", "Measured", "Asked for", ""), rows)


def _cells(measure: Mapping[str, Any]) -> tuple[str, str, str]:
    unit = "" if measure["unit"] == "ratio" else f" {measure['unit']}"
    value, least = measure["value"], measure.get("at_least")
    asked, verdict = "", ""
    if least is not None:
        asked, verdict = f"≥ {format_number(least)}", badge(HOLDS if value >= least else FAILS)
    return f"{format_number(value, 2)}{escape(unit)}", asked, verdict


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("lowdim_book")
    app.add_directive("checks", Checks)
    app.add_directive("benchmarks", Benchmarks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
