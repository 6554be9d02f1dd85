"""Claims as data: what a paper says, how it is measured, and the bounds that decide the verdict.

A chapter's claims live in ``book/claims/NN-name.yml``; :func:`load_claims` reads and checks them, :func:`judge` turns
one measured value into a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lowdim.companion.catalogue import CHAPTERS, ChapterInfo, book_folder, find
from lowdim.companion.claims_check import ClaimsError, checked
from lowdim.companion.formats import Bounds, format_interval, format_measured
from lowdim.profile import PROFILE_NAMES, check_profile

HOLDS = "holds"
WEAKER = "holds weaker"
FAILS = "not reproduced"
OUT_OF_REACH = "out of reach here"
REPORTED = "reported"
NOT_MEASURED = "not measured"

VERDICTS = (HOLDS, WEAKER, FAILS, OUT_OF_REACH, REPORTED, NOT_MEASURED)
# verdicts that count; "reported" and "not measured" stay outside the totals
COUNTED = VERDICTS[:4]


@dataclass(frozen=True)
class Claim:
    """One scalar claim. ``holds`` and ``weaker`` are closed intervals, an open end is ``None``; without ``holds`` the
    claim is only reported. ``profile`` is the run that decides it, ``experiment`` the one that measures it (empty for a
    claim out of reach). ``resolution`` is the step that a value is rounded to before it is judged and shown, where
    finer differences are noise (a share of so many samples) and another CPU has others. ``reproduced`` says that it is
    measured with the authors' artefacts or data; otherwise a verdict is a replication with ours.
    """

    id: str
    statement: str
    source: str
    origin: str
    seen: bool
    kind: str
    measure: str
    profile: str
    experiment: str = ""
    paper_value: float | str | None = None
    unit: str = ""
    resolution: float | None = None
    holds: Bounds | None = None
    weaker: Bounds | None = None
    why: str = ""
    reason: str = ""
    out_of_reach: str = ""
    calibration: Mapping[str, Sequence[float]] | None = None
    history: tuple[Mapping[str, str], ...] = ()
    reproduced: bool = False

    @property
    def ours(self) -> bool:
        """Whether the claim is the book's own (counted apart from those of the papers)."""
        return self.origin == "ours"

    def rounded(self, value: float) -> float:
        """``value`` to the claim's ``resolution``."""
        if self.resolution is None or not math.isfinite(value):
            return value
        steps = round(value / self.resolution)
        return round(steps * self.resolution, 12)  # 3 * 0.1 is 0.3


@dataclass(frozen=True)
class Slip:
    """A slip found in a paper: where, what it says, what is correct, and the evidence."""

    where: str
    says: str
    correct: str
    evidence: str


@dataclass(frozen=True)
class ChapterClaims:
    """The claims and slips of one chapter, in the order of the file."""

    chapter: str
    title: str
    papers: tuple[str, ...]
    claims: tuple[Claim, ...]
    slips: tuple[Slip, ...] = ()

    def __iter__(self) -> Iterator[Claim]:
        return iter(self.claims)

    def __len__(self) -> int:
        return len(self.claims)

    def __contains__(self, claim_id: object) -> bool:
        return any(claim.id == claim_id for claim in self.claims)

    def __getitem__(self, claim_id: str) -> Claim:
        for claim in self.claims:
            if claim.id == claim_id:
                return claim
        choices = ", ".join(claim.id for claim in self.claims) or "none"
        raise KeyError(f"claim {claim_id!r} is not among those of chapter {self.chapter}: {choices}")

    def decided_by(self, profile: str) -> list[Claim]:
        """The claims that a run of ``profile`` must measure."""
        return [claim for claim in self if claim.profile == profile and not claim.out_of_reach]

    def left_to_larger(self, profile: str) -> set[str]:
        """The experiments for which a run of ``profile`` is too small: a larger one decides each of their claims.

        In ``smoke`` there are none, since it walks every path.
        """
        larger = () if profile == "smoke" else PROFILE_NAMES[PROFILE_NAMES.index(profile) + 1 :]
        measuring = {claim.experiment for claim in self if claim.experiment}
        return measuring - {claim.experiment for claim in self if claim.profile not in larger}


@dataclass(frozen=True)
class Judgement:
    """What a measured value says about a claim. ``holds`` and ``weaker`` tell whether the value lies in each interval;
    they are ``None`` where the claim has no such interval or the run does not decide it.
    """

    value: float | None
    verdict: str
    reason: str = ""
    holds: bool | None = None
    weaker: bool | None = None


def judge(claim: Claim, value: float | None, profile: str) -> Judgement:
    """The verdict on ``claim`` of the value measured in a run of ``profile`` (``None``: not measured there).

    Only the claim's own profile decides it; a value from another profile is a preview, *reported*. A value that is NaN
    or infinite is *not reproduced*, never silently dropped.
    """
    check_profile(profile)
    if claim.out_of_reach:
        return Judgement(value, OUT_OF_REACH, claim.out_of_reach)
    if value is None:
        return Judgement(None, NOT_MEASURED, f"decided by the {claim.profile} profile")
    value = claim.rounded(float(value))  # NumPy's numbers compare to NumPy's booleans, which no JSON takes
    if claim.holds is None:
        return Judgement(value, REPORTED, claim.reason or "a measurement without a bound")
    if profile != claim.profile:
        return Judgement(value, REPORTED, f"a preview: the {claim.profile} profile decides this claim")
    if not math.isfinite(value):
        kind = "not a number" if math.isnan(value) else "infinite"
        return Judgement(value, FAILS, f"the measured value is {kind}", False, None if claim.weaker is None else False)
    holds = _inside(value, claim.holds)
    weaker = None if claim.weaker is None else _inside(value, claim.weaker)
    if holds:
        return Judgement(value, HOLDS, "", True, weaker)
    measured = format_measured(value, claim.holds, claim.weaker)
    default = f"measured {measured}, asked for {format_interval(claim.holds)}"
    return Judgement(value, WEAKER if weaker else FAILS, claim.reason or default, False, weaker)


def _inside(value: float, bounds: Bounds) -> bool:
    low, high = bounds
    return (low is None or value >= low) and (high is None or value <= high)


def load_claims(chapter: str | int, root: Path | None = None) -> ChapterClaims:
    """The claims of a chapter, from the checkout ``root`` (found when not given) or the installed package.

    Raises ``FileNotFoundError`` when the chapter has no claims file and :class:`ClaimsError` when it is wrong.
    """
    info = find(chapter)
    path = book_folder(root) / "claims" / f"{info.stem}.yml"
    if not path.is_file():
        raise FileNotFoundError(f"chapter {info.number} ({info.name}) has no claims file; it should be {path}")
    return parse_claims(path.read_text(encoding="utf-8"), path.name, info)


def load_all(root: Path | None = None) -> dict[str, ChapterClaims]:
    """The claims of every chapter that has a file, by chapter number; a file that is no chapter's is refused."""
    folder = book_folder(root) / "claims"
    stray = {path.name for path in folder.glob("*.y*ml")} - {f"{info.stem}.yml" for info in CHAPTERS}
    if stray:
        raise ClaimsError(f"{', '.join(sorted(stray))}: no chapter has this name; claims files are called NN-name.yml")
    have = [info for info in CHAPTERS if (folder / f"{info.stem}.yml").is_file()]
    return {info.number: load_claims(info.number, root) for info in have}


@lru_cache(maxsize=64)
def parse_claims(text: str, file: str, info: ChapterInfo) -> ChapterClaims:
    """The claims in the YAML ``text`` of ``file``, checked against the schema and against each other."""
    data = checked(text, file, info)
    claims = tuple(_claim(entry) for entry in data["claims"])
    slips = tuple(Slip(**entry) for entry in data.get("slips") or ())
    return ChapterClaims(data["chapter"], data["title"], tuple(data["papers"]), claims, slips)


def _claim(entry: dict[str, Any]) -> Claim:
    lists = ("holds", "weaker", "history")
    fields: dict[str, Any] = {key: tuple(value) if key in lists else value for key, value in entry.items()}
    return Claim(**fields)
