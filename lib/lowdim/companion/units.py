"""Units of work: one experiment of a chapter at one seed, kept on disk as soon as it is finished.

A unit's key hashes the code its experiment imports, the weights, the versions and the parameters, but neither notebook,
claims nor figures: a sentence or a legend that changes costs no GPU hours. Claims are judged when the units are put
together.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from lowdim.companion import cache
from lowdim.companion.catalogue import load_module
from lowdim.companion.chapter import Chapter, peak_memory
from lowdim.companion.provenance import EXPERIMENT, digest, measuring_hashes, versions
from lowdim.record import Number, Record


@dataclass(frozen=True)
class Unit:
    """A finished unit: what it measured, and what that cost."""

    record: Record
    seconds: float
    peak_memory_bytes: int


def unit_key(chapter: Chapter, experiment: str) -> str:
    """The key under which a unit of ``chapter`` (its profile, seed and device) is stored."""
    root = chapter.root or Path.cwd()
    parameters = [chapter.profile, chapter.seed, chapter.device, experiment]
    found = measuring_hashes(chapter.info, root)
    hashes = {"code": found[f"{EXPERIMENT}{experiment}"], "weights": found["weights"]}
    return digest([chapter.info.number, parameters, hashes, versions()])


def load_unit(store: Path, key: str) -> Unit | None:
    """The unit stored under ``key``, ``None`` when there is none.

    Raises :class:`~lowdim.companion.cache.DamagedEntry` when its files are not what was stored.
    """
    entry = cache.lookup(store, key)
    if entry is None:
        return None
    saved = json.loads((entry.folder / "record.json").read_text(encoding="utf-8"))
    with np.load(entry.folder / "arrays.npz", allow_pickle=False) as arrays:
        record = Record(
            {name: float(value) for name, value in saved["claims"].items()},
            {name: Number(**number) for name, number in saved["numbers"].items()},
            {name: arrays[name] for name in arrays.files},
        )
        for name, table in saved["tables"].items():
            record.table(name, table["columns"], table["rows"])
    return Unit(record, entry.facts["seconds"], entry.facts["peak_memory_bytes"])


def run_unit(chapter: Chapter, experiment: str, store: Path, key: str) -> Unit:
    """Run one experiment and store it; the entry is complete or not there, whenever the process is killed.

    What it measured is stored before anything is asked of it: a claim without an entry costs no second run.
    """
    start = time.perf_counter()
    record = load_module(chapter.info).EXPERIMENTS[experiment](chapter.profile, chapter.seed, chapter.device)
    seconds = round(time.perf_counter() - start, 3)
    store.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".unit-", dir=store))
    try:
        numbers = {name: asdict(number) for name, number in record.numbers.items()}
        tables = {name: asdict(table) for name, table in record.tables.items()}
        # NaN and infinities stay readable for Python; judging turns them into a verdict.
        saved = {"claims": record.claims, "numbers": numbers, "tables": tables}
        (work / "record.json").write_text(json.dumps(saved), encoding="utf-8")
        np.savez_compressed(work / "arrays.npz", allow_pickle=False, **record.arrays)
        unit = Unit(record, seconds, peak_memory())
        facts = {"seconds": seconds, "peak_memory_bytes": unit.peak_memory_bytes, "experiment": experiment}
        facts |= {"chapter": chapter.info.stem, "profile": chapter.profile, "seed": chapter.seed}
        cache.store(store, key, work, facts)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return unit


class Assembly(Chapter):
    """A chapter whose experiments are units that ran already, perhaps in other processes."""

    @property
    def experiments(self) -> tuple[str, ...]:
        """The names of the chapter's experiments, in its order."""
        return tuple(load_module(self.info).EXPERIMENTS)

    def use(self, units: Mapping[str, Unit], *, draw: bool = True) -> dict[str, str]:
        """Take ``units`` (experiment -> unit): judge them in the chapter's order and ``draw`` figures and films.

        Returns, for each unit that is left out since its record is not allowed (see
        :meth:`~lowdim.companion.chapter.Chapter.run`), the reason.
        """
        self._units = dict(units)
        refused: dict[str, str] = {}
        stored = {name: _replay(self._units[name].record) for name in self._module.EXPERIMENTS if name in self._units}
        pictures = {"FIGURES": self._module.FIGURES, "FILMS": self._films}
        self._module = SimpleNamespace(EXPERIMENTS=stored, **pictures)  # type: ignore[assignment]
        for name in stored:
            try:
                self.run(name)
            except ValueError as error:
                refused[name] = str(error)
                del self._units[name]
        if draw:
            self.draw()
        return refused

    def _result(self) -> dict[str, Any]:
        units = self._units.values()
        cost = {
            "wall_seconds": round(sum(unit.seconds for unit in units), 3),
            "peak_memory_bytes": max((unit.peak_memory_bytes for unit in units), default=0),
        }
        return super()._result() | cost


def _replay(record: Record) -> Any:
    return lambda profile, seed, device: record
