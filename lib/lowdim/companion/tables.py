"""Tables of the book as HTML or text: pure functions of claims and recorded results, everything escaped.

Classes for the style sheet: ``lowdim-table`` with ``lowdim-verdict``, ``lowdim-recorded``, ``lowdim-scoreboard`` or
``lowdim-ledger``; ``lowdim-words-2`` for a recorded table that begins with two columns of text; ``lowdim-facts`` for a
chapter's header; ``ld-badge`` with ``ld-holds``, ``ld-holds-weaker``, ``ld-not-reproduced``, ``ld-out-of-reach``,
``ld-reported``, ``ld-not-measured`` for a verdict.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from lowdim.companion.catalogue import ChapterInfo
from lowdim.companion.claims import COUNTED, HOLDS, NOT_MEASURED, REPORTED, Claim
from lowdim.companion.formats import (
    format_bytes,
    format_interval,
    format_measured,
    format_number,
    format_seconds,
    format_toleranced,
)
from lowdim.companion.shelf import RECORDED_PROFILES, Score, Shelf, is_stale, recorded_value, score, settled
from lowdim.companion.verdicts import badge, claim_html, html_table, inline_html, measured_text, note, verdict_html

Link = Callable[[ChapterInfo], str]

DAGGER = "†"


def command(info: ChapterInfo, profile: str) -> str:
    """The command that runs a chapter at ``profile``."""
    device = " --device cuda" if profile == "full" else ""
    return f"lowdim run {info.number}" + (f" --profile {profile}{device}" if profile != "quick" else "")


def missing_html(info: ChapterInfo, profile: str) -> str:
    """What stands where nothing is recorded: *not measured*, and the command that would."""
    return f"{badge(NOT_MEASURED)} <code>{escape(command(info, profile))}</code>"


# -- verdicts -------------------------------------------------------------------------------------------------------


def verdicts_html(shelf: Shelf) -> str:
    """The verdict table of a chapter over all recorded profiles and seeds; values of older code carry a dagger."""
    head = ("Claim", "Measured", "Asked for", "Verdict")
    table = html_table("lowdim-verdict", head, [_verdict_row(shelf, claim) for claim in shelf.claims])
    old = [
        f"{profile} by the code of {shelf.results[profile]['commit'] or 'an unknown commit'}"
        for profile in shelf.results
        if is_stale(shelf, profile)
    ]
    text = f"{DAGGER} recorded before the measuring code or weights last changed: {', '.join(old)}." if old else ""
    return table + note("age", escape(text))


def _verdict_row(shelf: Shelf, claim: Claim) -> list[str]:
    asked = escape(format_interval(claim.holds))
    asked += note("weaker", escape(f"weaker: {format_interval(claim.weaker)}") if claim.weaker else "")
    asked += note("why", inline_html(claim.why))
    if claim.paper_value is not None:
        value = claim.paper_value if isinstance(claim.paper_value, str) else format_number(claim.paper_value)
        asked += note("paper-value", inline_html(f"paper: {value} {claim.unit}".rstrip()))
    verdict = verdict_html(settled(shelf, claim)) + _seeds_html(shelf, claim)
    verdict += note("reproduced", "measured with the authors' artefacts or data" if claim.reproduced else "")
    return [claim_html(claim), _measured_html(shelf, claim), asked, verdict]


def _measured_html(shelf: Shelf, claim: Claim) -> str:
    """The value of every recorded profile, the deciding one first; the command where that one is missing."""
    if claim.out_of_reach:
        return "—"
    lines = []
    for profile in sorted(RECORDED_PROFILES, key=lambda name: name != claim.profile):
        value = recorded_value(shelf, claim, profile)
        label = f'<span class="lowdim-profile">{profile}</span> '
        if value is not None:
            old = DAGGER if is_stale(shelf, profile) else ""
            lines.append(note("value", label + escape(measured_text(claim, value)) + old))
        elif profile == claim.profile and claim.id in shelf.results.get(profile, {}).get("claims", {}):
            lines.append(note("value", f"{label}not a number"))
        elif profile == claim.profile:
            lines.append(note("value", label + missing_html(shelf.info, profile)))
    return "".join(lines)


def _seeds_html(shelf: Shelf, claim: Claim) -> str:
    """How many seeds agree with the claim, the mean and its interval, where several seeds are recorded."""
    summary = shelf.seeds.get(claim.profile, {})
    entry = summary.get("claims", {}).get(claim.id)
    if entry is None or claim.holds is None:
        return ""
    agree = sum(verdict == HOLDS for verdict in entry["verdicts"])
    text = f"holds on {agree} of {len(entry['verdicts'])} seeds"
    if entry["mean"] is not None:
        text += f", mean {format_measured(entry['mean'], claim.holds, claim.weaker)}"
    if entry["t_interval"] is not None and abs(entry["mean"]) >= 1e-6:
        low, high = entry["t_interval"]
        text += f" (95 %: {format_number(low)} to {format_number(high)})"
    return note("seeds", escape(text))


# -- recorded numbers -----------------------------------------------------------------------------------------------


def recorded_html(shelf: Shelf, profile: str, chosen: Sequence[str] | None = None, numbers: bool = True) -> str:
    """The numbers and tables recorded at ``profile``, under one line that says when, where and with which code.

    ``chosen`` names the tables, all by default. Without ``numbers`` and with no table chosen nothing is left to say.
    Raises ``ValueError`` for a table that the result has not.
    """
    result = shelf.results.get(profile)
    if result is None:
        return note("missing", f"{escape(profile)}: {missing_html(shelf.info, profile)}")
    tables = result.get("tables", {})
    names = list(tables) if chosen is None else chosen
    unknown = [name for name in names if name not in tables]
    if unknown:
        raise ValueError(f"table {unknown[0]!r} is not in the {profile} result; it has {', '.join(tables) or 'none'}")
    parts = [_plain_table(tables[name]) for name in names]
    parts += [_numbers_table(result)] if numbers and result["numbers"] else []
    if not numbers and chosen is not None and not parts:
        return ""
    return note("facts-line", escape(recorded_line(shelf, profile))) + "".join(parts)


def _plain_table(table: dict[str, Any]) -> str:
    """Numbers to the right, and the columns of text before the first number, three at most, to the left."""
    rows = [[escape(c if isinstance(c, str) else format_number(c)) for c in row] for row in table["rows"]]
    columns = (all(isinstance(c, str) for c in cells) for cells in zip(*table["rows"], strict=True))
    words = sum(itertools.takewhile(bool, columns))
    return html_table(f"lowdim-recorded lowdim-words-{min(words, 3)}", table["columns"], rows)


def _numbers_table(result: Mapping[str, Any]) -> str:
    rows = [
        [escape(name), escape(_number_text(number)), escape(f"± {format_number(number['tolerance'])}")]
        for name, number in sorted(result["numbers"].items())
    ]
    return html_table("lowdim-recorded", ("Quantity", "Value", "Tolerance"), rows)


def recorded_line(shelf: Shelf, profile: str) -> str:
    """When, where and with which code the result of ``profile`` was recorded, as one sentence."""
    result = shelf.results[profile]
    date = (result["recorded"] or "at an unknown date")[:10]
    cost = f"{format_seconds(result['wall_seconds'])}, {format_bytes(result['peak_memory_bytes'])}"
    line = f"Recorded {date} at profile {profile}, seed {result['seed']}, on {result['device']} ({cost})"
    if is_stale(shelf, profile):
        line += f", with the code of {result['commit'] or 'an unknown commit'}, which has changed since"
    elif "carried" in result:
        now = result["carried"]["commit"]
        line += f", with the code of {result['commit']}; that of {now} gives small runs the same bits"
    return f"{line}."


def _number_text(number: dict[str, Any]) -> str:
    return f"{format_toleranced(number['value'], number['tolerance'])} {number['unit']}".rstrip()


def number_text(shelf: Shelf, name: str, profile: str = "quick") -> str:
    """One recorded number or claim value for use in a sentence, rounded, with its unit.

    Raises ``KeyError`` naming the choices when the result has no such number; *not measured* when there is no result.
    """
    result = shelf.results.get(profile)
    if result is None:
        return NOT_MEASURED
    if name in result["numbers"]:
        return _number_text(result["numbers"][name])
    if name in shelf.claims and name in result["claims"]:
        return measured_text(shelf.claims[name], result["claims"][name]["value"])
    choices = ", ".join(sorted([*result["numbers"], *result["claims"]]))
    raise KeyError(f"{name!r} is not in the {profile} result of chapter {shelf.info.number}; it has {choices}")


# -- pages of the whole book ----------------------------------------------------------------------------------------


def scoreboard_html(shelves: Sequence[Shelf], link: Link | None = None) -> str:
    """How many claims hold, chapter by chapter and in all; claims of the papers and our own apart.

    *Reported* and *not measured* have columns of their own and are in no total; claims reproduced with the authors'
    artefacts or data are named below. ``link`` gives a chapter's address.
    """
    scores = [score(shelf) for shelf in shelves]
    tables = "\n".join(
        f'<h3 class="lowdim-score-title">{title}</h3>\n{_score_table(scores, ours, link)}'
        for title, ours in (("Claims of the papers", False), ("Claims of this book", True))
    )
    reproduced = ", ".join(claim.id for shelf in shelves for claim in shelf.claims if claim.reproduced)
    text = f"Measured with the authors' artefacts or data: {reproduced or 'none'}; all others with our own."
    return f"{tables}\n{note('score-note', escape(text, quote=False))}"


def _score_table(scores: Sequence[Score], ours: bool, link: Link | None) -> str:
    columns = (*COUNTED, "total", REPORTED, NOT_MEASURED)
    rows, sums = [], dict.fromkeys(columns, 0)
    for entry in scores:
        counts = {**(entry.ours if ours else entry.papers), "total": entry.total(ours=ours)}
        if not any(counts.values()):
            continue
        sums = {column: sums[column] + counts[column] for column in columns}
        rows.append([_chapter_html(entry.info, link), *(str(counts[column]) for column in columns)])
    rows.append(["<strong>All chapters</strong>", *(f"<strong>{sums[column]}</strong>" for column in columns)])
    return html_table("lowdim-scoreboard", ("Chapter", *columns), rows)


def _chapter_html(info: ChapterInfo, link: Link | None) -> str:
    text = f"{info.number} {escape(info.title)}"
    return f'<a href="{escape(link(info))}">{text}</a>' if link else text


def ledger_html(shelves: Sequence[Shelf], link: Link | None = None) -> str:
    """The slips found in the papers: where, what it says, what is correct, and the evidence."""
    rows = [
        [_chapter_html(shelf.info, link), *map(inline_html, (slip.where, slip.says, slip.correct, slip.evidence))]
        for shelf in shelves
        for slip in shelf.claims.slips
    ]
    return html_table("lowdim-ledger", ("Chapter", "Where", "It says", "Correct is", "Evidence"), rows)


def chapter_facts(shelf: Shelf) -> list[tuple[str, str]]:
    """What a chapter's header says: the paper, the module, and the cost of each recorded run; label and text."""
    facts = [("Paper", shelf.info.paper)] if shelf.info.paper else []
    facts.append(("Module", shelf.info.module))
    for profile, result in shelf.results.items():
        cost = f"{format_seconds(result['wall_seconds'])} and {format_bytes(result['peak_memory_bytes'])}"
        facts.append((f"{profile.capitalize()} run", f"{cost} on {result['device']}"))
    if "quick" not in shelf.results:
        facts.append(("Quick run", f"{NOT_MEASURED}: {command(shelf.info, 'quick')}"))
    return facts


def chapter_header_html(shelf: Shelf) -> str:
    """The header facts as a description list; the paper's title links to its page on arXiv."""
    rows = ""
    for label, text in chapter_facts(shelf):
        shown = f'<a href="{escape(shelf.info.paper_url)}">{escape(text)}</a>' if label == "Paper" else escape(text)
        rows += f"<div><dt>{escape(label)}</dt><dd>{shown}</dd></div>"
    return f'<dl class="lowdim-facts">{rows}</dl>'
