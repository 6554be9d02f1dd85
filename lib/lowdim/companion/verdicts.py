"""Verdicts as HTML or text: the table that a notebook shows of its own run, and the parts that pages share.

Apart from :mod:`lowdim.companion.tables`, so that a change of a page's table re-runs no notebook.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from lowdim.companion.claims import Claim, Judgement
from lowdim.companion.formats import format_interval, format_measured

_MATH = re.compile(r"\$([^$]+)\$")
_CODE = re.compile(r"`([^`]+)`")


def inline_html(text: str) -> str:
    r"""Text with ``$math$`` and code in backticks as HTML: all escaped, formulas marked for MathJax as ``\(...\)``."""
    math = r'<span class="math notranslate nohighlight mathjax_process tex2jax_process">\({}\)</span>'
    parts = [escape(part) for part in _MATH.split(text)]
    return "".join(math.format(part) if i % 2 else _CODE.sub(r"<code>\1</code>", part) for i, part in enumerate(parts))


def slug(verdict: str) -> str:
    """The verdict as a class name: ``holds-weaker``, ``out-of-reach``."""
    return verdict.removesuffix(" here").replace(" ", "-")


def badge(verdict: str) -> str:
    """The verdict as a coloured word."""
    return f'<span class="ld-badge ld-{slug(verdict)}">{escape(verdict)}</span>'


def html_table(kind: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of class ``kind``; ``head`` is text, the cells of ``rows`` are HTML already."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        f'<div class="lowdim-table-wrap"><table class="lowdim-table {kind}">\n'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>"
    )


def note(kind: str, content: str) -> str:
    """A block of class ``lowdim-<kind>``; nothing where there is no content."""
    return f'<div class="lowdim-{kind}">{content}</div>' if content else ""


def measured_text(claim: Claim, value: float | None) -> str:
    """The measured value, rounded, with the claim's unit."""
    text = format_measured(value, claim.holds, claim.weaker)
    return f"{text} {claim.unit}".rstrip() if value is not None else text


def run_verdicts_html(rows: Sequence[tuple[Claim, Judgement]]) -> str:
    """The verdict table of one run: claim, measured value, allowed interval, verdict with its reason."""
    cells = [
        [
            claim_html(claim),
            escape(measured_text(claim, judgement.value)),
            escape(format_interval(claim.holds)),
            verdict_html(judgement),
        ]
        for claim, judgement in rows
    ]
    return html_table("lowdim-verdict", ("Claim", "Measured", "Asked for", "Verdict"), cells)


def run_verdicts_text(rows: Iterable[tuple[Claim, Judgement]]) -> str:
    """The same table as plain text, one line a claim."""
    lines = [
        f"{claim.id}: {judgement.verdict} (measured {measured_text(claim, judgement.value)}, "
        f"asked for {format_interval(claim.holds)})"
        for claim, judgement in rows
    ]
    return "\n".join(lines) or "no claims measured yet"


def claim_html(claim: Claim) -> str:
    """A claim's id, statement and source (with its origin unless that is the paper)."""
    source = inline_html(claim.source) + ("" if claim.origin == "paper" else f" ({escape(claim.origin)})")
    return f'<span class="lowdim-id">{escape(claim.id)}</span> {inline_html(claim.statement)}{note("source", source)}'


def verdict_html(judgement: Judgement) -> str:
    """The badge of a verdict and, below it, the reason."""
    return badge(judgement.verdict) + note("reason", inline_html(judgement.reason))
