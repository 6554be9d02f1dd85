"""Tables and cards that only pages need: the map of the chapters, what runs cost, how the checks were checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import yaml

from lowdim.companion.catalogue import CHAPTERS, ChapterInfo
from lowdim.companion.claims import COUNTED, NOT_MEASURED
from lowdim.companion.formats import format_bytes, format_number, format_seconds
from lowdim.companion.shelf import RECORDED_PROFILES, Shelf, score
from lowdim.companion.timing import BUDGETS
from lowdim.companion.verdicts import html_table, inline_html, slug

Link = Callable[[ChapterInfo], str | None]


def load_questions(book: Path) -> dict[str, dict[str, str]]:
    """``chapters.yml``: number -> question and, for a finished chapter, finding.

    Raises ``ValueError`` when a chapter of the catalogue is missing or a stranger is there.
    """
    found = yaml.safe_load((book / "chapters.yml").read_text(encoding="utf-8"))
    expected = {info.number for info in CHAPTERS}
    if set(found) != expected:
        raise ValueError(f"chapters.yml: {sorted(set(found) ^ expected)} do not match the catalogue of chapters")
    return found


def cards_html(questions: Mapping[str, Mapping[str, str]], shelves: Mapping[str, Shelf], link: Link) -> str:
    """One card for each chapter of the catalogue; those without a page are shown as coming."""
    cards = [_card(info, questions[info.number], shelves.get(info.number), link(info)) for info in CHAPTERS]
    return f'<div class="lowdim-cards">{"".join(cards)}</div>'


def _card(info: ChapterInfo, words: Mapping[str, str], shelf: Shelf | None, address: str | None) -> str:
    title = escape(info.title)
    head = f'<a href="{escape(address)}">{title}</a>' if address else title
    finding = f'<p class="lowdim-finding">{inline_html(words["finding"])}</p>' if "finding" in words else ""
    foot = _tally_html(shelf) if address and shelf else ("" if address else "coming")
    kind = "lowdim-card" if address else "lowdim-card lowdim-coming"
    return (
        f'<div class="{kind}"><span class="lowdim-card-number">{info.number}</span>'
        f'<p class="lowdim-card-title">{head}</p>'
        f"<p>{inline_html(words['question'])}</p>{finding}"
        f'<p class="lowdim-card-foot">{foot}</p></div>\n'
    )


def _tally_html(shelf: Shelf) -> str:
    """``holds: 5, holds weaker: 1``: the papers' claims, or the book's own where there are no others."""
    found = score(shelf)
    counts = found.papers if found.total(ours=False) else found.ours
    parts = [
        f'<span class="ld-tally ld-{slug(verdict)}">{escape(verdict)}: {counts[verdict]}</span>'
        for verdict in (*COUNTED, NOT_MEASURED)
        if counts[verdict]
    ]
    return " ".join(parts) or "no claims yet"


def costs_html(shelves: Sequence[Shelf]) -> str:
    """What each chapter's recorded runs took, under the budget of the profile."""
    head = ["Chapter", *(f"{profile}" for profile in RECORDED_PROFILES)]
    rows = [["<strong>Budget</strong>", *(_budget_html(profile) for profile in RECORDED_PROFILES)]]
    for shelf in shelves:
        cells = [_cost_html(shelf.results.get(profile)) for profile in RECORDED_PROFILES]
        rows.append([f"{shelf.info.number} {escape(shelf.info.title)}", *cells])
    return html_table("lowdim-costs", head, rows)


def _budget_html(profile: str) -> str:
    budget = BUDGETS[profile]
    memory = f", {format_number(budget.memory_bytes / 1e9)} GB" if budget.memory_bytes else ""
    article = "an" if budget.unit[0] in "aeiou" else "a"
    return f"{format_seconds(budget.seconds)}{memory} {article} {budget.unit}"


def _cost_html(result: Mapping[str, Any] | None) -> str:
    if result is None:
        return "—"
    cost = f"{format_seconds(result['wall_seconds'])}, {format_bytes(result['peak_memory_bytes'])}"
    return f"{cost}<br><small>{escape(result['device'])}</small>"
