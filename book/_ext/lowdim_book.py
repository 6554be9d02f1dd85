"""Directives that put claims, verdicts and recorded numbers on a page, read from ``book/claims`` and ``book/results``.

    ```{chapter-header} 01       ```{verdicts} 01        ```{recorded} 01 full        {result}`01:number-name`
    ```{chapters}                ```{scoreboard}         ```{ledger}                  ```{costs}          ```{checks}

An unknown chapter, profile, number or a damaged file is a warning, so that a build with ``-W`` fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from lowdim_pages import cards_html, costs_html, load_questions
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

import lowdim
from lowdim.companion import tables
from lowdim.companion.catalogue import CHAPTERS, ChapterInfo, find
from lowdim.companion.formats import format_number
from lowdim.companion.mystnb import player
from lowdim.companion.shelf import RECORDED_PROFILES, Shelf, load_shelf

logger = logging.getLogger(__name__)

_ROLE = re.compile(r"(?P<chapter>[\w-]+):(?P<name>[^:@]+)(?:@(?P<profile>\w+))?(?::(?P<format>[^:]+))?")
_CHECKOUT = Path(lowdim.__file__).resolve().parents[2]


def _watch(env: BuildEnvironment, info: ChapterInfo) -> None:
    """Read the page again when the chapter's claims or results change."""
    book = Path(env.srcdir) / "book"
    env.note_dependency(str(book / "claims" / f"{info.stem}.yml"))
    for folder in (*RECORDED_PROFILES, "seeds"):
        for path in (book / "results" / folder).glob(f"{info.stem}*.json"):
            env.note_dependency(str(path))


def shelf_of(env: BuildEnvironment, chapter: str) -> Shelf:
    """What is recorded about a chapter in the pages being built; *stale* is judged by the checkout that builds them."""
    info = find(chapter)
    _watch(env, info)
    return load_shelf(info.number, Path(env.srcdir))


def all_shelves(env: BuildEnvironment) -> list[Shelf]:
    """The shelves of the chapters that have claims."""
    claims = Path(env.srcdir) / "book" / "claims"
    return [shelf_of(env, info.number) for info in CHAPTERS if (claims / f"{info.stem}.yml").is_file()]


class LowdimDirective(SphinxDirective):
    """Runs :meth:`content_nodes` and turns what goes wrong in the data into a warning at the directive's line."""

    def run(self) -> list[nodes.Node]:
        """Part of the docutils interface."""
        try:
            return list(self.content_nodes())
        except (ValueError, KeyError, OSError) as error:
            logger.warning("%s: %s", self.name, error, location=self.get_location())
            return []

    def content_nodes(self) -> Iterable[nodes.Node]:
        """What the directive shows."""
        raise NotImplementedError

    def html(self, text: str) -> nodes.Node:
        """Raw HTML; a page with a formula in it loads MathJax."""
        if "mathjax_process" in text:
            self.env.metadata[self.env.docname]["lowdim-math"] = True
        return nodes.raw("", text, format="html")

    def link(self, info: ChapterInfo) -> str | None:
        """The address of a chapter's page from this one, ``None`` when it has none yet."""
        page = f"notebooks/{info.stem}"
        if page not in self.env.found_docs:
            return None
        return self.env.app.builder.get_relative_uri(self.env.docname, page)


class ChapterHeader(LowdimDirective):
    """``{chapter-header} NN``: paper, module and cost of a chapter."""

    required_arguments = 1

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        yield self.html(tables.chapter_header_html(shelf_of(self.env, self.arguments[0])))


class Verdicts(LowdimDirective):
    """``{verdicts} NN``: every claim of a chapter with what was measured and the verdict."""

    required_arguments = 1

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        yield self.html(tables.verdicts_html(shelf_of(self.env, self.arguments[0])))


class Recorded(LowdimDirective):
    """``{recorded} NN profile``: the tables and numbers recorded at a profile and the figures of that run.

    ``:figures:`` names the ones to show (``none`` for none); without it, all are shown for study and full runs.
    ``:tables:`` does the same; without it, all are shown. ``:numbers: none`` leaves the list of numbers out.
    """

    required_arguments = 2
    option_spec: ClassVar[dict[str, Callable[[str], Any]]] = dict.fromkeys(
        ("figures", "tables", "numbers"), directives.unchanged
    )

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        chapter, profile = self.arguments
        if profile not in RECORDED_PROFILES:
            raise ValueError(f"profile {profile!r} is not recorded; choose one of {', '.join(RECORDED_PROFILES)}")
        shelf = shelf_of(self.env, chapter)
        names = self.options.get("tables")
        chosen_tables = None if names is None else [] if names == "none" else names.split()
        numbers = self.options.get("numbers") != "none"
        if text := tables.recorded_html(shelf, profile, chosen_tables, numbers):
            yield self.html(text)
        known = shelf.results.get(profile, {}).get("figures", {})
        chosen = self.options.get("figures", "none" if profile == "quick" else " ".join(known))
        for name in [] if chosen == "none" else chosen.split():
            if known and name not in known:
                raise ValueError(f"figure {name!r} is not in the {profile} result; it has {', '.join(known)}")
            if known:
                yield from self._figure(shelf.info, profile, name, known[name])

    def _figure(self, info: ChapterInfo, profile: str, name: str, entry: dict[str, Any]) -> Iterable[nodes.Node]:
        lines = [
            f"```{{figure}} /book/results/{profile}/{entry['file']}",
            f":name: fig-{info.number}-{name.removeprefix(info.number + '-')}-{profile}",
            f":alt: {json.dumps(entry['alt'], ensure_ascii=False)}",
            ":class: lowdim-figure",
            "",
            *entry["caption"].splitlines(),
            "```",
        ]
        box = nodes.container()
        self.state.nested_parse(StringList(lines, self.get_source_info()[0]), self.content_offset, box)
        if "film" in entry:
            sheet = f"book/results/{profile}/{entry['film']['file']}"
            image = next(iter(box.findall(nodes.image)))
            place = image.parent.index(image) + 1
            image.parent[place:place] = player(self.env, entry["film"], sheet, entry["alt"])
        yield from box.children


class Chapters(LowdimDirective):
    """``{chapters}``: the map of the book, one card a chapter."""

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        book = Path(self.env.srcdir) / "book"
        self.env.note_dependency(str(book / "chapters.yml"))
        shelves = {shelf.info.number: shelf for shelf in all_shelves(self.env)}
        yield self.html(cards_html(load_questions(book), shelves, self.link))


class Scoreboard(LowdimDirective):
    """``{scoreboard}``: how many claims hold, chapter by chapter."""

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        shelves = all_shelves(self.env)
        yield self.html(tables.scoreboard_html(shelves, _all_linked(self, shelves)))


class Ledger(LowdimDirective):
    """``{ledger}``: the slips found in the papers."""

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        shelves = all_shelves(self.env)
        yield self.html(tables.ledger_html(shelves, _all_linked(self, shelves)))


class Costs(LowdimDirective):
    """``{costs}``: what the recorded runs took, under the budgets."""

    def content_nodes(self) -> Iterable[nodes.Node]:
        """Part of :class:`LowdimDirective`."""
        yield self.html(costs_html(all_shelves(self.env)))


def _all_linked(directive: LowdimDirective, shelves: list[Shelf]) -> Callable[[ChapterInfo], str] | None:
    """The link function when every chapter on the table has a page, else ``None``: no dead links."""
    addresses = {shelf.info.number: directive.link(shelf.info) for shelf in shelves}
    return None if None in addresses.values() else lambda info: addresses[info.number] or ""


class ResultRole(SphinxRole):
    r"""``{result}`NN:name@profile:format``` : one recorded number in a sentence.

    ``profile`` is quick when left out; ``format`` is a Python format for the bare value (``.2f``), else the number is
    rounded to what its tolerance vouches for and carries its unit.
    """

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Part of the docutils interface."""
        try:
            text = self._value()
        except (ValueError, KeyError, OSError) as error:
            message = error.args[0] if isinstance(error, KeyError) else error
            logger.warning("result: %s", message, location=self.get_location())
            text = "?"
        return [nodes.inline(self.rawtext, text, classes=["lowdim-result"])], []

    def _value(self) -> str:
        found = _ROLE.fullmatch(self.text.strip())
        if found is None:
            raise ValueError(f"{self.text!r} is not NN:name, NN:name@profile or NN:name:format")
        profile = found["profile"] or "quick"
        if profile not in RECORDED_PROFILES:
            raise ValueError(f"profile {profile!r} is not recorded; choose one of {', '.join(RECORDED_PROFILES)}")
        shelf = shelf_of(self.env, found["chapter"])
        text = tables.number_text(shelf, found["name"], profile)
        if found["format"] and profile in shelf.results:
            result = shelf.results[profile]
            entry = result["numbers"].get(found["name"]) or result["claims"][found["name"]]
            value = entry["value"]
            return format_number(value) if value is None else format(value, found["format"])
        return text


def _need_math(app: Sphinx, doctree: nodes.document) -> None:
    docname = app.env.docname
    if app.env.metadata[docname].get("lowdim-math"):
        app.env.get_domain("math").data["has_equations"][docname] = True


class Explorable(SphinxDirective):
    """``{explorable} name``: a page part with its script, from ``_static/explorables/name.html`` and ``name.js``.

    The content is what readers without scripts, and the print, get instead.
    """

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Part of the docutils interface."""
        name = self.arguments[0]
        part = Path(self.env.srcdir) / "book" / "_static" / "explorables" / f"{name}.html"
        self.env.note_dependency(str(part))
        if not part.is_file():
            logger.warning("explorable: there is no %s", part.name, location=self.get_location())
            return []
        static = "../" * self.env.docname.count("/") + "_static"
        text = part.read_text(encoding="utf-8").replace("{{static}}", escape(static))
        instead = nodes.container(classes=["lowdim-instead"])
        self.state.nested_parse(self.content, self.content_offset, instead)
        return [nodes.raw("", text, format="html"), instead]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    for name, directive in {
        "chapter-header": ChapterHeader,
        "verdicts": Verdicts,
        "recorded": Recorded,
        "chapters": Chapters,
        "scoreboard": Scoreboard,
        "ledger": Ledger,
        "costs": Costs,
        "explorable": Explorable,
    }.items():
        app.add_directive(name, directive)
    app.add_role("result", ResultRole())
    app.connect("doctree-read", _need_math)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
