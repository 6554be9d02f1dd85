"""The table of chapters in README.md, written between two comments from the catalogue and the recorded verdicts."""

from __future__ import annotations

from pathlib import Path

from lowdim.companion.catalogue import CHAPTERS
from lowdim.companion.claims import HOLDS, NOT_MEASURED
from lowdim.companion.results import write_atomic
from lowdim.companion.shelf import Score, load_shelves, score

BEGIN = "<!-- chapters: written by `lowdim record` -->"
END = "<!-- /chapters -->"


def table(root: Path) -> str:
    """The chapters as a Markdown table: number, title, paper, and the verdicts recorded so far."""
    scores = {shelf.info.number: score(shelf) for shelf in load_shelves(root)}
    lines = ["| | chapter | paper | claims that hold |", "|---|---|---|---|"]
    for info in CHAPTERS:
        verdicts = _held(scores[info.number]) if info.number in scores else "coming"
        paper = f"[{info.paper}]({info.paper_url})" if info.paper else "primer"
        lines.append(f"| {info.number} | {info.title} | {paper} | {verdicts} |")
    return "\n".join(lines)


def _held(found: Score) -> str:
    """``12 of 14, ours 5 of 5``: of the claims with a verdict, the papers' and our own, how many hold."""
    papers, ours = found.total(ours=False), found.total(ours=True)
    parts = [f"{found.papers[HOLDS]} of {papers}"] if papers else []
    parts += [f"ours {found.ours[HOLDS]} of {ours}"] if ours else []
    waiting = found.papers[NOT_MEASURED] + found.ours[NOT_MEASURED]
    parts += [f"not measured yet {waiting}"] if waiting else []
    return ", ".join(parts)


def with_table(text: str, chapters: str) -> str:
    """``text`` with the table between its two comments replaced; raises ``ValueError`` when they are not there once."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"README.md must hold {BEGIN} and, after it, {END}, once each")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n{chapters}\n{END}{rest.split(END)[1]}"


def update(root: Path) -> bool:
    """Bring README.md up to date with the recorded results; whether it changed."""
    path = root / "README.md"
    old = path.read_text(encoding="utf-8")
    new = with_table(old, table(root))
    if new != old:
        write_atomic(path, new.encode())
    return new != old
