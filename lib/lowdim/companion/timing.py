"""What runs cost: noted beside the results of each run, compared with the book's budgets."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lowdim.companion.cache import write_json

FILE = "timing.json"
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Budget:
    """What one chapter may cost at a profile; ``None`` where nothing is asked for."""

    seconds: float
    memory_bytes: float | None = None
    unit: str = "chapter"


BUDGETS = {
    "smoke": Budget(10),
    "quick": Budget(90, 3e9),
    "study": Budget(15 * 60),
    "full": Budget(8 * 60, unit="experiment"),
}


def note(run: Path, stem: str, facts: dict[str, Any]) -> None:
    """Merge what the chapter ``stem`` cost into the notes of the run folder ``run``."""
    with _LOCK:
        known = read(run)
        known[stem] = facts
        write_json(run / FILE, known)


def read(run: Path) -> dict[str, dict[str, Any]]:
    """The notes of a run folder, stem -> facts; empty when there are none or they cannot be read."""
    try:
        return json.loads((run / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def note_command(root: Path, name: str, seconds: float) -> None:
    """Merge the seconds that a command of the whole book took into ``build/runs/times.json``."""
    with _LOCK:
        path = root / "build" / "runs" / "times.json"
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        write_json(path, known | {name: round(seconds, 1)})


def beyond(profile: str, seconds: float, peak_memory_bytes: int) -> tuple[str, bool]:
    """What of the budget is exceeded, in words (empty: nothing), and whether anything is exceeded twice over."""
    budget = BUDGETS[profile]
    parts, twice = [], seconds > 2 * budget.seconds
    if seconds > budget.seconds:
        parts.append(f"{seconds:.0f} s of {budget.seconds:.0f} s")
    if budget.memory_bytes and peak_memory_bytes > budget.memory_bytes:
        parts.append(f"{peak_memory_bytes / 1e9:.1f} GB of {budget.memory_bytes / 1e9:.0f} GB")
        twice = twice or peak_memory_bytes > 2 * budget.memory_bytes
    return " and ".join(parts), twice
