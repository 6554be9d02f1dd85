"""Robustness over seeds: the results of one chapter and profile at several seeds, put side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lowdim.companion.catalogue import ChapterInfo, book_folder
from lowdim.companion.claims import NOT_MEASURED
from lowdim.companion.results import read_sealed, result_path, write_sealed
from lowdim.metrics.means import half_width


def seeds_path(info: ChapterInfo, profile: str, root: Path | None = None) -> Path:
    """Where the recorded summary over seeds of a chapter and profile lies, whether or not it exists."""
    return result_path(info, book_folder(root) / "results" / "seeds" / profile)


def load_seeds(info: ChapterInfo, profile: str, root: Path | None = None) -> dict[str, Any] | None:
    """The recorded summary over seeds, or ``None`` when there is none."""
    path = seeds_path(info, profile, root)
    return read_seeds(path) if path.is_file() else None


def seeds_summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One summary of results of the same chapter, profile, device and code at different seeds.

    Each claim and number gets its values seed by seed (null where a run has none), their mean and the t-interval of the
    mean. Raises ``ValueError`` when the runs do not belong together or a seed appears twice.
    """
    if not runs:
        raise ValueError("runs: none given; give the results of at least one seed")
    first = runs[0]
    for key in ("chapter", "profile", "device", "hashes"):
        if any(run[key] != first[key] for run in runs):
            raise ValueError(f"runs: they differ in {key}; give results of one chapter, profile, device and code")
    seeds = [run["seed"] for run in runs]
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"runs: seeds {seeds} hold one twice; give each seed once")
    kept = {key: first[key] for key in ("chapter", "profile", "device", "versions", "hashes", "commit", "recorded")}
    return kept | {
        "seeds": seeds,
        "wall_seconds": [run["wall_seconds"] for run in runs],
        "claims": {name: _claim(name, runs) for name in _names("claims", runs)},
        "numbers": {name: _number(name, runs) for name in _names("numbers", runs)},
    }


def write_seeds(path: Path, summary: Mapping[str, Any]) -> None:
    """Seal, check and write a summary, like a result."""
    write_sealed(path, summary, "seeds")


def read_seeds(path: Path) -> dict[str, Any]:
    """Read a summary; a damaged or edited one raises :class:`~lowdim.companion.results.ResultError`."""
    return read_sealed(path, "seeds")


def mean_and_interval(values: Sequence[float | None]) -> tuple[float | None, list[float] | None]:
    r"""Mean of ``values`` and its t-interval, :math:`\bar x \pm t_{0.975,\,n-1}\, s / \sqrt n`.

    Both are ``None`` when a value is missing (it must not vanish from an average); the interval needs two values.
    """
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None, None
    mean = math.fsum(known) / len(known)
    half = half_width(known)
    return mean, None if math.isnan(half) else [mean - half, mean + half]


def _names(section: str, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted({name for run in runs for name in run[section]})


def _claim(name: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    entries = [run["claims"].get(name, {}) for run in runs]
    values = [entry.get("value") for entry in entries]
    mean, interval = mean_and_interval(values)
    verdicts = [entry.get("verdict", NOT_MEASURED) for entry in entries]
    return {"values": values, "verdicts": verdicts, "mean": mean, "t_interval": interval}


def _number(name: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    entries = [run["numbers"].get(name, {}) for run in runs]
    values = [entry.get("value") for entry in entries]
    mean, interval = mean_and_interval(values)
    unit = next(entry["unit"] for entry in entries if entry)
    return {"values": values, "unit": unit, "mean": mean, "t_interval": interval}
