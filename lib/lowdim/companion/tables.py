"""Tables of the book as HTML or text: pure functions of claims and recorded results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from lowdim.companion.claims import Claim, Judgement
from lowdim.companion.formats import format_interval, format_measured

_MATH = re.compile(r"\$([^$]+)\$")


def inline_html(text: str) -> str:
    r"""Text with ``$math$`` as HTML: everything escaped, formulas marked for MathJax as ``\(...\)``."""
    parts = _MATH.split(text)
    math = r'<span class="math notranslate nohighlight mathjax_process tex2jax_process">\({}\)</span>'
    return "".join(math.format(escape(part)) if i % 2 else escape(part) for i, part in enumerate(parts))


def slug(verdict: str) -> str:
    """The verdict as a class name: ``holds-weaker``, ``out-of-reach``."""
    return verdict.removesuffix(" here").replace(" ", "-")


def badge(verdict: str) -> str:
    """The verdict as a coloured word."""
    return f'<span class="ld-badge ld-{slug(verdict)}">{escape(verdict)}</span>'


def measured_text(claim: Claim, value: float | None) -> str:
    """The measured value, rounded, with the claim's unit."""
    text = format_measured(value, claim.holds, claim.weaker)
    return f"{text} {claim.unit}".rstrip() if value is not None else text


def run_verdicts_html(rows: Sequence[tuple[Claim, Judgement]]) -> str:
    """The verdict table of one run: id, statement, measured value, allowed interval, verdict with its reason."""
    head = ("Claim", "Statement", "Measured", "Asked for", "Verdict")
    return html_table("lowdim-verdict", head, [_run_row(claim, judgement) for claim, judgement in rows])


def _run_row(claim: Claim, judgement: Judgement) -> list[str]:
    reason = f'<div class="lowdim-reason">{inline_html(judgement.reason)}</div>' if judgement.reason else ""
    return [
        f'<span class="lowdim-id">{escape(claim.id)}</span>',
        f'{inline_html(claim.statement)} <span class="lowdim-source">{inline_html(claim.source)}</span>',
        escape(measured_text(claim, judgement.value)),
        escape(format_interval(claim.holds)),
        badge(judgement.verdict) + reason,
    ]


def run_verdicts_text(rows: Iterable[tuple[Claim, Judgement]]) -> str:
    """The same table as plain text, one line a claim."""
    lines = [
        f"{claim.id}: {judgement.verdict} (measured {measured_text(claim, judgement.value)}, "
        f"asked for {format_interval(claim.holds)})"
        for claim, judgement in rows
    ]
    return "\n".join(lines) or "no claims measured yet"


def html_table(kind: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of class ``kind``; ``head`` is text, the cells of ``rows`` are HTML already."""
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return (
        f'<div class="lowdim-table-wrap"><table class="lowdim-table {kind}">\n'
        f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>"
    )
