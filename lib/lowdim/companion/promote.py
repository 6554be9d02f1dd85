"""Promote the last runs to the recorded results: what ``make record`` does.

Nothing is recorded that is damaged, incomplete or was made by other code than the checkout's, and every change of a
verdict is said aloud.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from lowdim.companion import cache, normalise, readme, results, seeds
from lowdim.companion.catalogue import ChapterInfo, available
from lowdim.companion.claims import load_claims
from lowdim.companion.execute import Say, aloud
from lowdim.companion.provenance import changed, chapter_hashes, file_digest, measured_otherwise, measuring_hashes

PROFILES = ("quick", "study", "full")
LOOSE = ("bench.json", "mutation.json", "times.json")  # results of the whole book


class Refused(Exception):
    """A run that may not be recorded; the message says why."""


@dataclass
class Report:
    """What recording did: names of recorded, unchanged and refused files."""

    recorded: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def record(root: Path, say: Say = aloud) -> Report:
    """Record every run under ``build/runs`` that may be recorded, and print what changed."""
    report = Report()
    for info in available(root):
        for profile in PROFILES:
            run = root / "build" / "runs" / profile
            if results.result_path(info, run).is_file():
                _one(f"{profile}/{info.stem}", report, say, partial(_record_chapter, info, profile, root, say))
            if (run.parent / "seeds" / profile / f"{info.stem}.json").is_file():
                _one(f"seeds/{profile}/{info.stem}", report, say, partial(_record_seeds, info, profile, root))
    for name in LOOSE:
        source = root / "build" / "runs" / name
        if source.is_file():
            _one(name, report, say, partial(_copy_json, source, root / "book" / "results" / name))
    if (root / "README.md").is_file() and readme.update(root):
        report.recorded.append("README.md")
        say("  recorded  README.md")
    return report


def _one(name: str, report: Report, say: Say, action: Callable[[], bool]) -> None:
    try:
        wrote = action()
    except (Refused, results.ResultError) as error:
        report.refused.append(name)
        say(f"  REFUSED   {name}: {error}")
        return
    (report.recorded if wrote else report.unchanged).append(name)
    say(f"  {'recorded ' if wrote else 'unchanged'} {name}")


def _record_chapter(info: ChapterInfo, profile: str, root: Path, say: Say) -> bool:
    run = root / "build" / "runs" / profile
    fresh = results.read_result(results.result_path(info, run))
    old = _recorded(info, profile, root, say)
    check_current(fresh, info, root)
    check_complete(fresh, old, info, root)
    files = _files(fresh, run)
    notebook = _checked_notebook(info, run, root) if profile == "quick" else None
    _say_changes(old, fresh, say)
    folder = root / "book" / "results" / profile
    whole = all((folder / name).is_file() and (folder / name).read_bytes() == new for name, new in files.items())
    wrote = old is None or not whole or not same(old, fresh)
    if wrote:
        for name, content in files.items():
            results.write_atomic(folder / name, content)
        _remove_others(folder, info, files)
        results.write_atomic(results.result_path(info, folder), results.result_path(info, run).read_bytes())
    if notebook is not None and notebook != info.notebook(root).read_bytes():
        results.write_atomic(info.notebook(root), notebook)
        wrote = True
    return wrote


def _recorded(info: ChapterInfo, profile: str, root: Path, say: Say) -> dict[str, Any] | None:
    try:
        return results.load_recorded(info, profile, root)
    except results.ResultError as error:
        say(f"  the recorded result is replaced: {error}")
        return None


def check_current(fresh: Mapping[str, Any], info: ChapterInfo, root: Path) -> None:
    """Raise :class:`Refused` unless ``fresh`` was made at seed 0 by the sources in the checkout."""
    if fresh["seed"] != 0:
        raise Refused(f"it ran at seed {fresh['seed']}; recorded results are of seed 0")
    stale = stale_parts(fresh, info, root)
    if stale:
        again = f"lowdim run {info.number} --profile {fresh['profile']}"
        raise Refused(f"changed since it ran: {', '.join(stale)}; run `{again}`")


def stale_parts(fresh: Mapping[str, Any], info: ChapterInfo, root: Path) -> list[str]:
    """What changed since a result was made. A quick result belongs to the page as it is; a slow one to what measured it
    alone: the experiments' code and the weights, not the text and the figures around it.
    """
    if fresh["profile"] not in ("study", "full"):
        return changed(fresh["hashes"], chapter_hashes(info, root))
    return measured_otherwise(fresh["hashes"], measuring_hashes(info, root))


def check_complete(fresh: Mapping[str, Any], old: Mapping[str, Any] | None, info: ChapterInfo, root: Path) -> None:
    """Raise :class:`Refused` when claims that the profile decides are missing.

    A full result may be partial, since it is measured unit by unit, but it must not lose a claim recorded before.
    """
    decided = {claim.id for claim in load_claims(info.number, root).decided_by(fresh["profile"])}
    if fresh["profile"] == "full":
        decided = decided & set(old["claims"] if old else ())
    missing = sorted(decided - set(fresh["claims"]))
    if missing:
        raise Refused(f"claims not measured: {', '.join(missing)}")


def same(old: Mapping[str, Any], fresh: Mapping[str, Any]) -> bool:
    """Whether two results say the same and come from the same sources; times and dates may differ."""
    keys = ("claims", "numbers", "figures", "hashes", "versions", "device", "arrays")
    return all(old.get(key) == fresh.get(key) for key in keys)


def _files(result: Mapping[str, Any], run: Path) -> dict[str, bytes]:
    """The figures, films and arrays of a result, each checked against the hash that the result holds."""
    found = {}
    for entry in results.files(result):
        path = run / entry["file"]
        if not path.is_file() or file_digest(path) != entry["sha256"]:
            raise Refused(f"{entry['file']} is missing or damaged; run the chapter again")
        found[entry["file"]] = path.read_bytes()
    return found


def _remove_others(folder: Path, info: ChapterInfo, files: Mapping[str, bytes]) -> None:
    """Remove figures and arrays of the chapter that its new result no longer has."""
    for path in [*folder.glob(f"figures/{info.number}-*"), *folder.glob(f"{info.stem}.npz")]:
        if path.relative_to(folder).as_posix() not in files:
            path.unlink()


def _checked_notebook(info: ChapterInfo, run: Path, root: Path) -> bytes:
    """The notebook with the outputs of its executed copy, whose sources must be those of the checkout. Tags may have
    changed since; those of the checkout stay.
    """
    path = run / "notebooks" / f"{info.stem}.ipynb"
    if not path.is_file():
        raise Refused("it ran without its notebook; stored outputs come from `lowdim run`")
    executed, source = normalise.read_notebook(path), normalise.read_notebook(info.notebook(root))
    if [(c.cell_type, c.source) for c in executed.cells] != [(c.cell_type, c.source) for c in source.cells]:
        raise Refused("the executed notebook is not the one in the checkout; run the chapter again")
    return normalise.notebook_bytes(normalise.normalise(executed, source))


def _say_changes(old: Mapping[str, Any] | None, fresh: Mapping[str, Any], say: Say) -> None:
    if old is None:
        return
    for drift in results.compare(old, fresh):
        say(f"  !! VERDICT {drift.message}" if drift.kind == "verdict" else f"     {drift.message}")


def _record_seeds(info: ChapterInfo, profile: str, root: Path) -> bool:
    path = root / "build" / "runs" / "seeds" / profile / f"{info.stem}.json"
    fresh = seeds.read_seeds(path)
    stale = stale_parts(fresh, info, root)
    if stale:
        raise Refused(f"changed since they ran: {', '.join(stale)}; run the seeds again")
    target = seeds.seeds_path(info, profile, root)
    if target.is_file() and target.read_bytes() == path.read_bytes():
        return False
    results.write_atomic(target, path.read_bytes())
    return True


def _copy_json(source: Path, target: Path) -> bool:
    try:
        value = json.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Refused(f"{source.name} cannot be read: {error}") from error
    if target.is_file() and json.loads(target.read_text(encoding="utf-8")) == value:
        return False
    cache.write_json(target, value)
    return True
