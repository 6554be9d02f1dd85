"""The site's frame: style files, logo, version and commit, chapter numbers, the page for a lost address."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles as Collector

from lowdim.companion import provenance
from lowdim.companion.catalogue import CHAPTERS

STYLES = (
    "fonts.css",
    "colours.css",
    "page.css",
    "content.css",
    "boxes.css",
    "verdicts.css",
    "api.css",
    "explorable.css",
    "film.css",
    "print.css",
)
BIBLIOGRAPHY = "book/bibliography"
_CHAPTER = re.compile(r"(?:^|/)(\d\d)-[^/]+$")


def _frame(app: Sphinx, config: Config) -> None:
    version = importlib.metadata.version("lowdim")
    at = provenance.commit_label(Path(app.confdir))
    where = f', commit <code class="lowdim-commit">{at}</code>' if at else ""
    config.html_theme_options.update(
        logo={"image_light": "logo.svg", "image_dark": "logo-dark.svg", "text": config.html_title},
        extra_footer=f'<p class="lowdim-version">Book and library lowdim {version}{where}.</p>',
        navbar_persistent=[],
        navigation_with_keys=False,
        show_toc_level=2,
        use_sidenotes=False,
    )
    config.html_context.setdefault("default_mode", "auto")
    for name in STYLES:
        app.add_css_file(f"css/{name}", priority=900)


def _number_chapters() -> None:
    """Give each chapter the number in its file name, so that theorem 1.2 is in chapter 01 whatever is missing."""
    assign = Collector.assign_section_numbers
    if getattr(assign, "by_name", False):  # a second build in the same process
        return

    def assign_by_name(self: Collector, env: BuildEnvironment) -> list[str]:
        before = dict(env.toc_secnumbers)
        assign(self, env)
        for docname in env.toc_secnumbers:
            found = _CHAPTER.search(docname)
            if found:
                _set_number(env, docname, int(found[1]))
        return [name for name, numbers in env.toc_secnumbers.items() if before.get(name) != numbers]

    assign_by_name.by_name = True  # type: ignore[attr-defined]
    Collector.assign_section_numbers = assign_by_name


def _set_number(env: BuildEnvironment, docname: str, chapter: int) -> None:
    numbers = env.toc_secnumbers[docname]
    for anchor, number in numbers.items():
        if number:
            numbers[anchor] = (chapter, *number[1:])
    if env.titles[docname].get("secnumber"):
        env.titles[docname]["secnumber"] = [chapter]
    for reference in env.tocs[docname].findall(nodes.reference):
        if reference.get("secnumber"):
            reference["secnumber"] = [chapter, *reference["secnumber"][1:]]


def _mark_proofs(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Set the word Proof apart and drop the identifiers that all boxes of a kind share."""
    for node in doctree.findall(nodes.Element):
        if node.get("ids") in (["proof-content"], ["exercise-content"], ["solution-content"]):
            node["ids"] = []
        elif node.get("ids") == ["proof"]:
            node["ids"] = []
            node["classes"].append("lowdim-proof")
            first = next(iter(node.findall(nodes.Text)), None)
            if first is not None and first.startswith("Proof. "):
                first.parent.replace(first, [nodes.strong("", "Proof."), nodes.Text(first[len("Proof.") :])])


def _quiet_coming(app: Sphinx, doctree: nodes.document) -> None:
    """Turn links to chapters that are not written yet into plain words."""
    coming = {info.stem for info in CHAPTERS if f"notebooks/{info.stem}" not in app.env.found_docs}
    for node in list(doctree.findall(addnodes.pending_xref)):
        target = node["reftarget"].split("#")[0].rsplit("/", 1)[-1].removesuffix(".ipynb")
        if node["reftype"] == "myst" and target in coming:
            node.replace_self(nodes.inline("", "", *node[0].children, classes=["lowdim-coming-link"]))


def _prefer_whole_bibliography(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """A citation goes to the list at the end of its own page, else to the page of all works, never to another chapter's
    list: of lists on other pages sphinxcontrib-bibtex takes the last.
    """
    lists = env.get_domain("cite").data["bibliographies"]
    for key in [key for key in lists if key.docname == BIBLIOGRAPHY]:
        lists[key] = lists.pop(key)
    return []


def _play_films(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Load the films' script on pages that show one."""
    if doctree is not None and any('class="ld-film"' in raw.astext() for raw in doctree.findall(nodes.raw)):
        app.add_js_file("film.js", loading_method="defer")


def _lost_page(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    if app.builder.format == "html":
        base = urlsplit(app.config.html_baseurl).path.rstrip("/") + "/"
        yield "404", {"title": "Page not found", "lost_base": base}, "404.html"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    _number_chapters()
    app.connect("config-inited", _frame)
    app.connect("doctree-resolved", _mark_proofs)
    app.connect("doctree-read", _quiet_coming)
    app.connect("env-get-updated", _prefer_whole_bibliography)
    app.connect("html-page-context", _play_films)
    app.connect("html-collect-pages", _lost_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
