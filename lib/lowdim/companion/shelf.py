"""What is recorded about a chapter, read from the book's files, and what follows from it: verdicts and counts.

Reading is apart from drawing: :mod:`lowdim.companion.tables` turns a :class:`Shelf` into tables and reads no file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lowdim.companion.catalogue import CHAPTERS, ChapterInfo, book_folder, find, find_root
from lowdim.companion.claims import COUNTED, VERDICTS, ChapterClaims, Claim, Judgement, judge, load_claims
from lowdim.companion.results import load_recorded
from lowdim.companion.seeds import load_seeds

RECORDED_PROFILES = ("quick", "study", "full")


@dataclass(frozen=True)
class Shelf:
    """A chapter's claims with its recorded results and summaries over seeds by profile, as far as they exist.

    ``hashes`` are those of the chapter's experiments and weights as they are now
    (:func:`~lowdim.companion.provenance.measuring_hashes`); empty where they cannot be known.
    """

    info: ChapterInfo
    claims: ChapterClaims
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seeds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)


def load_shelf(chapter: str | int, root: Path | None = None) -> Shelf:
    """Read everything recorded about a chapter; a damaged result raises, a missing one is left out."""
    info = find(chapter)
    results = {profile: load_recorded(info, profile, root) for profile in RECORDED_PROFILES}
    seeds = {profile: load_seeds(info, profile, root) for profile in RECORDED_PROFILES}
    return Shelf(
        info,
        load_claims(info.number, root),
        {profile: found for profile, found in results.items() if found is not None},
        {profile: found for profile, found in seeds.items() if found is not None},
        _current_hashes(info, root or find_root()),
    )


def load_shelves(root: Path | None = None) -> list[Shelf]:
    """The shelves of all chapters that have claims, in order."""
    claims = book_folder(root) / "claims"
    return [load_shelf(info.number, root) for info in CHAPTERS if (claims / f"{info.stem}.yml").is_file()]


def _current_hashes(info: ChapterInfo, root: Path | None) -> dict[str, str]:
    """Hashes of the measuring code and weights in ``root``, or, where that holds pages alone, in our own checkout."""
    from lowdim.companion import provenance
    from lowdim.companion.imports import module_file

    own = Path(__file__).resolve().parents[3]
    for folder in (root, own):
        if folder and module_file(info.module, folder / "lib" / "lowdim"):
            return provenance.measuring_hashes(info, folder)
    return {}


def recorded_value(shelf: Shelf, claim: Claim, profile: str) -> float | None:
    """The value of ``claim`` in the recorded result of ``profile``, ``None`` when there is none."""
    entry = _recorded(shelf, claim, profile)
    return entry["value"] if entry else None


def _recorded(shelf: Shelf, claim: Claim, profile: str) -> Mapping[str, Any] | None:
    return shelf.results.get(profile, {}).get("claims", {}).get(claim.id)


def settled(shelf: Shelf, claim: Claim) -> Judgement:
    """The verdict on ``claim``: the recorded value of its own profile judged by the bounds as they are now.

    A value that was recorded as null (it was NaN or infinite) keeps the verdict recorded with it.
    """
    entry = _recorded(shelf, claim, claim.profile)
    if entry and entry["value"] is None and not claim.out_of_reach:
        return Judgement(**entry)
    return judge(claim, entry["value"] if entry else None, claim.profile)


def is_stale(shelf: Shelf, profile: str) -> bool:
    """Whether the recorded result of ``profile`` is from measuring code or weights other than today's."""
    from lowdim.companion.provenance import measured_otherwise

    if profile not in shelf.results or not shelf.hashes:
        return False
    return bool(measured_otherwise(shelf.results[profile]["hashes"], shelf.hashes))


@dataclass(frozen=True)
class Score:
    """How many claims of each verdict a chapter has: those of its papers, and our own."""

    info: ChapterInfo
    papers: Mapping[str, int]
    ours: Mapping[str, int]

    def total(self, *, ours: bool) -> int:
        """The claims that count: all but *reported* and *not measured*."""
        counts = self.ours if ours else self.papers
        return sum(counts[verdict] for verdict in COUNTED)


def score(shelf: Shelf) -> Score:
    """Count the verdicts of a chapter."""
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for claim in shelf.claims:
        counts[claim.ours][settled(shelf, claim).verdict] += 1
    papers, ours = ({verdict: count[verdict] for verdict in VERDICTS} for count in counts)
    return Score(shelf.info, papers, ours)
