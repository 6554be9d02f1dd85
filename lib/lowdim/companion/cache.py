"""The store of finished runs: one folder a run, complete when its manifest is there, checked before every use."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lowdim.companion.provenance import file_digest
from lowdim.companion.results import write_atomic

MANIFEST = "manifest.json"


class DamagedEntry(Exception):
    """An entry of the store whose files are not what its manifest says."""


@dataclass(frozen=True)
class Entry:
    """A complete run in the store: its folder, its files (path -> SHA-256) and facts noted when it ran."""

    folder: Path
    files: dict[str, str]
    facts: dict[str, Any]


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader finds the old file or the new one, never half of it."""
    write_atomic(path, (json.dumps(value, indent=1, sort_keys=True) + "\n").encode())


def lookup(cache: Path, key: str) -> Entry | None:
    """The entry of ``key`` after checking every file, or ``None`` when there is none.

    Raises :class:`DamagedEntry`, naming the file, when the entry is incomplete or a file differs from its hash.
    """
    folder = cache / key
    if not folder.is_dir():
        return None
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        entry = Entry(folder, dict(manifest["files"]), dict(manifest["facts"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedEntry(f"{key[:12]}/{MANIFEST} cannot be read ({error})") from error
    for name, digest in entry.files.items():
        path = folder / name
        if not path.is_file():
            raise DamagedEntry(f"{key[:12]}/{name} is missing")
        if file_digest(path) != digest:
            raise DamagedEntry(f"{key[:12]}/{name} is not what was stored")
    return entry


def store(cache: Path, key: str, work: Path, facts: dict[str, Any]) -> Entry:
    """Move the files of ``work`` into the store under ``key``, manifest last, and return the entry."""
    files = {p.relative_to(work).as_posix(): file_digest(p) for p in sorted(work.rglob("*")) if p.is_file()}
    write_json(work / MANIFEST, {"files": files, "facts": facts})
    discard(cache, key)
    cache.mkdir(parents=True, exist_ok=True)
    try:
        work.rename(cache / key)
    except OSError:
        # Another process stored the same run in this moment.
        entry = lookup(cache, key)
        if entry is None:
            raise
        return entry
    return Entry(cache / key, files, facts)


def prune(cache: Path, facts: Mapping[str, Any], keep: int = 3) -> None:
    """Remove all but the newest ``keep`` entries that share ``facts`` (chapter, profile, ...): versions of one run."""
    alike = []
    for path in cache.glob(f"*/{MANIFEST}"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(path.read_text(encoding="utf-8"))["facts"]
            if all(known.get(name) == value for name, value in facts.items()):
                alike.append((path.stat().st_mtime, path.parent))
    for _, folder in sorted(alike, reverse=True)[keep:]:
        shutil.rmtree(folder, ignore_errors=True)


def discard(cache: Path, key: str) -> None:
    """Remove the entry of ``key``, whatever state it is in."""
    shutil.rmtree(cache / key, ignore_errors=True)


def install(entry: Entry, run: Path, prefix: str) -> None:
    """Make the files of ``run`` that begin with ``prefix`` (in any folder below it) those of ``entry``.

    Files that are equal already are left alone, so that a later build sees no change.
    """
    for path in list(run.rglob(f"{prefix}*")) if run.is_dir() else []:
        if path.is_file() and path.relative_to(run).as_posix() not in entry.files:
            path.unlink()
    for name, digest in entry.files.items():
        target = run / name
        if target.is_file() and file_digest(target) == digest:
            continue
        write_atomic(target, (entry.folder / name).read_bytes())
