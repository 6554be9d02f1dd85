"""Recompute a chapter's quick claims on this machine and hold them against the recorded ones."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from lowdim.companion import results
from lowdim.companion.catalogue import ChapterInfo
from lowdim.companion.execute import Job, Say, aloud
from lowdim.companion.runner import result_folder, run_without_notebook


@dataclass(frozen=True)
class Verification:
    """The outcome for one chapter: what fails, and what is only worth knowing."""

    chapter: ChapterInfo
    failures: tuple[str, ...]
    notes: tuple[str, ...]
    claims: int
    numbers: int

    @property
    def passed(self) -> bool:
        """Whether every recorded verdict and number was found again."""
        return not self.failures


def verify(info: ChapterInfo, root: Path, say: Say = aloud) -> Verification:
    """Run the chapter's experiments afresh (nothing stored is used) and compare with its recorded quick result.

    A verdict that differs, a number beyond its tolerance and a recorded quantity that is not measured are failures.
    """
    recorded = results.load_recorded(info, "quick", root if (root / "book").is_dir() else None)
    if recorded is None:
        raise ValueError(
            f"chapter {info.number} has no recorded quick result to compare with; run `lowdim record` first"
        )
    with tempfile.TemporaryDirectory(prefix="lowdim-verify-") as folder:
        job = Job(info, "quick", recorded["seed"])
        outcome = run_without_notebook([job], root, build=Path(folder), draw=False, say=say)[0]
        path = results.result_path(info, result_folder(job, Path(folder)))
        if outcome.state == "failed" or not path.is_file():
            return Verification(info, (f"the run failed: {outcome.failure}",), (), 0, 0)
        fresh = results.read_result(path)
    drifts = results.compare(recorded, fresh)
    new = [d.message for d in drifts if d.recorded is None and d.kind in ("claims", "numbers")]
    failures = [d.message for d in drifts if d.message not in new]
    return Verification(info, tuple(failures), tuple(new), len(recorded["claims"]), len(recorded["numbers"]))


def report(verification: Verification) -> str:
    """The outcome in words: one line when all is well, one more for each difference."""
    info = verification.chapter
    word = "pass" if verification.passed else "FAIL"
    lines = [f"{word}  {info.stem}: {verification.claims} claims and {verification.numbers} numbers recomputed"]
    lines += [f"      {message}" for message in verification.failures]
    lines += [f"      note: {message}" for message in verification.notes]
    return "\n".join(lines)
