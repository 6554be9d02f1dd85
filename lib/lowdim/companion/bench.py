"""Timings against peers: runs every file of ``benchmarks/`` and keeps what it returns.

A benchmark is a Python file with ``NAME``, ``DESCRIPTION`` and ``run()``, which returns each measure's value and unit,
``{"peer / ours, n = 512": {"value": 3.2, "unit": "ratio"}}``; ratios carry from machine to machine, seconds do not. A
measure may say what it is asked to be, ``"at_least": 2.0``; the pages show whether it is.
Each runs in a process of its own with one thread.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lowdim.companion.cache import write_json
from lowdim.companion.environment import available_cores, kernel_environment
from lowdim.companion.execute import Say, aloud
from lowdim.companion.launch import launch
from lowdim.companion.provenance import commit_label, versions


def benchmark_files(root: Path, names: Sequence[str] = ()) -> list[Path]:
    """The benchmarks in the checkout, or those named; an unknown name raises a ``ValueError`` naming the choices."""
    files = {path.stem: path for path in sorted((root / "benchmarks").glob("*.py")) if path.stem[0] not in "._"}
    unknown = [name for name in names if name not in files]
    if unknown:
        raise ValueError(f"benchmark: {', '.join(unknown)} is unknown; choose from {', '.join(files) or 'none yet'}")
    return [files[name] for name in names] if names else list(files.values())


def run_benchmarks(root: Path, names: Sequence[str] = (), say: Say = aloud) -> tuple[dict[str, Any], list[str]]:
    """Run the benchmarks one after the other; returns their results and the names of those that failed.

    All results together are written to ``build/runs/bench.json``.
    """
    found: dict[str, Any] = {}
    failed: list[str] = []
    for file in benchmark_files(root, names):
        say(f"  start   {file.stem}")
        outcome = _run(file, root)
        if "error" in outcome:
            failed.append(file.stem)
            say(f"  FAILED  {file.stem}: {outcome['error']}")
            continue
        found[file.stem] = outcome
        say(f"  done    {outcome['name']}: {outcome['description']}")
        for name, measure in outcome["result"].items():
            say(f"          {name}: {measure['value']:.3g} {measure['unit']}".rstrip())
    path = root / "build" / "runs" / "bench.json"
    known = json.loads(path.read_text(encoding="utf-8"))["benchmarks"] if names and path.is_file() else {}
    facts = {"versions": versions(), "commit": commit_label(root), "cores": available_cores()}
    write_json(path, facts | {"benchmarks": known | found})
    return found, failed


def _run(file: Path, root: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        answer, log = Path(folder) / "answer.json", Path(folder) / "log.txt"
        command = [sys.executable, "-m", "lowdim.companion.bench", str(file), str(answer)]
        done = launch(command, kernel_environment(1), root, log, threading.Event())
        if done.status != 0 or not answer.is_file():
            tail = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
            return {"error": " / ".join(tail) or f"status {done.status}"}
        seconds = {"seconds": round(done.seconds, 2)}
        return json.loads(answer.read_text(encoding="utf-8")) | seconds


def load(file: Path) -> Any:
    """Import a benchmark by its path and check that it has what a benchmark needs."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{file.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    missing = [name for name in ("NAME", "DESCRIPTION", "run") if not hasattr(module, name)]
    if missing:
        raise ValueError(f"{file.name} does not define {', '.join(missing)}")
    return module


def main(argv: Sequence[str]) -> int:
    """The program of a benchmark's process: run the file ``argv[0]``, write its answer to ``argv[1]``."""
    module = load(Path(argv[0]))
    measures = {name: _measure(name, found) for name, found in module.run().items()}
    answer = {"name": module.NAME, "description": module.DESCRIPTION, "result": measures}
    Path(argv[1]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


def _measure(name: str, found: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(found) - {"value", "unit", "at_least"})
    if unknown or not math.isfinite(found["value"]):
        raise ValueError(f"{name}: {found} is not allowed; give a finite value, its unit and, if any, at_least")
    measure: dict[str, Any] = {"value": float(found["value"]), "unit": str(found["unit"])}
    return measure | ({"at_least": float(found["at_least"])} if "at_least" in found else {})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
