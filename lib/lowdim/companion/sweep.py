"""Parameter sweeps over Dask: the same points on this machine, on a Slurm cluster, or on any Dask scheduler.

Every finished point is kept under ``build/sweeps``, keyed by the code and its parameters; the same command again runs
only what is missing.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lowdim.companion import cache
from lowdim.companion.catalogue import ChapterInfo, find, load_module
from lowdim.companion.environment import default_workers, repeatable
from lowdim.companion.execute import Say, aloud
from lowdim.companion.provenance import digest, module_hashes, versions

RESERVED = ("profile", "seed", "device")
SLURM_DEFAULTS = {"cores": 1, "processes": 1, "memory": "8GB", "walltime": "01:00:00"}


@dataclass(frozen=True)
class Sweep:
    """What to sweep: an experiment of a chapter and, for each of its parameters, the values to try."""

    info: ChapterInfo
    experiment: str
    grid: Mapping[str, tuple[Any, ...]]
    profile: str = "quick"
    seed: int = 0
    device: str = "cpu"

    def points(self) -> list[dict[str, Any]]:
        """Every combination of the values, in the order of the grid."""
        return [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]


def parse_value(text: str) -> Any:
    """A value of a grid: a Python literal where it reads as one, else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def parse_grid(entries: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """``["rank=1,2,4", "seed=0,1"]`` as a grid; commas inside brackets belong to the value."""
    grid: dict[str, tuple[Any, ...]] = {}
    for entry in entries:
        name, equals, values = entry.partition("=")
        if not (name.isidentifier() and equals and values):
            raise ValueError(f"grid: {entry!r} is not allowed; write name=value,value,...")
        if name in grid:
            raise ValueError(f"grid: {name!r} is given twice; put all its values into one entry")
        grid[name] = tuple(parse_value(value.strip()) for value in _split(values))
    return grid


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def check(sweep: Sweep) -> None:
    """Raise a ``ValueError`` naming the choices unless the chapter has the experiment and it takes the parameters."""
    experiments = load_module(sweep.info).EXPERIMENTS
    if sweep.experiment not in experiments:
        raise ValueError(
            f"experiment: {sweep.experiment!r} is unknown in chapter {sweep.info.number}; "
            f"choose one of {', '.join(experiments)}"
        )
    signature = inspect.signature(experiments[sweep.experiment]).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.values()):
        return
    allowed = [*RESERVED, *[name for name in list(signature)[3:] if name not in RESERVED]]
    unknown = [name for name in sweep.grid if name not in allowed]
    if unknown:
        raise ValueError(
            f"grid: {', '.join(unknown)} is not a parameter of {sweep.experiment!r}; choose from {', '.join(allowed)}"
        )


def only_experiment(info: ChapterInfo) -> str:
    """The chapter's experiment where it has one; a ``ValueError`` naming the choices where it has several."""
    names = list(load_module(info).EXPERIMENTS)
    if len(names) != 1:
        raise ValueError(f"experiment: chapter {info.number} has several; choose one of {', '.join(names)}")
    return names[0]


def run_point(
    number: str, experiment: str, settings: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """One point of a sweep, in whatever process it is sent to: its claims' values, its numbers, and its seconds."""
    import torch

    torch.set_num_threads(1)
    start = time.perf_counter()
    function = load_module(find(number)).EXPERIMENTS[experiment]
    record = function(settings["profile"], settings["seed"], settings["device"], **parameters)
    numbers = {name: number.value for name, number in record.numbers.items()}
    return {"values": record.claims | numbers, "seconds": round(time.perf_counter() - start, 3)}


def run_sweep(sweep: Sweep, root: Path, client: Any, say: Say = aloud) -> list[dict[str, Any]]:
    """Run the missing points of ``sweep`` on ``client`` (a Dask client) and return all of them, in the grid's order.

    Each has ``parameters``, ``values``, ``seconds`` and ``key``; a point that failed has ``error`` instead of values
    and is tried again next time.
    """
    from dask.distributed import as_completed

    folder = root / "build" / "sweeps" / f"{sweep.info.stem}-{sweep.experiment}"
    base = [module_hashes(sweep.info, root), versions(), sweep.experiment]
    points: dict[str, dict[str, Any]] = {}
    futures = {}
    for point in sweep.points():
        settings = {name: point.get(name, getattr(sweep, name)) for name in RESERVED}
        parameters = {name: value for name, value in point.items() if name not in RESERVED}
        key = digest([*base, settings, parameters])
        points[key] = {"key": key, "parameters": point}
        known = _known(folder / f"{key}.json", key)
        if known is not None:
            points[key] = known
            continue
        # Seeded jobs must run again when asked to: Dask's own results are not reused.
        future = client.submit(run_point, sweep.info.number, sweep.experiment, settings, parameters, pure=False)
        futures[future] = key
    say(f"  {len(points)} points, {len(points) - len(futures)} of them finished before")
    for future in as_completed(list(futures)):
        key = futures[future]
        if future.status != "finished":
            points[key]["error"] = f"{type(future.exception()).__name__}: {future.exception()}"
            say(f"  FAILED  {_label(points[key])}: {points[key]['error']}")
            continue
        points[key] |= future.result()
        cache.write_json(folder / f"{key}.json", points[key])
        say(f"  done    {_label(points[key])}: {points[key]['seconds']} s")
    return list(points.values())


def _known(path: Path, key: str) -> dict[str, Any] | None:
    """A finished point, ``None`` where there is none or its file is damaged."""
    try:
        point = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return point if isinstance(point, dict) and point.get("key") == key and "values" in point else None


def _label(point: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in point["parameters"].items())


def write_summary(sweep: Sweep, points: Sequence[Mapping[str, Any]], root: Path) -> Path:
    """All points of a sweep as one file, ``build/sweeps/NN-name-experiment.json``."""
    path = root / "build" / "sweeps" / f"{sweep.info.stem}-{sweep.experiment}.json"
    head = {"chapter": sweep.info.number, "experiment": sweep.experiment, "profile": sweep.profile}
    grid = {name: list(values) for name, values in sweep.grid.items()}
    cache.write_json(path, head | {"grid": grid, "versions": versions(), "points": list(points)})
    return path


def best_table(points: Sequence[Mapping[str, Any]], by: str | None, largest: bool, rows: int = 10) -> str:
    """The best points as a text table, ordered by the value ``by`` (default: the first one measured)."""
    done = [point for point in points if "values" in point]
    if not done:
        return "no point finished"
    names = list(done[0]["values"])
    if by is not None and by not in names:
        raise ValueError(f"by: {by!r} is not measured; choose one of {', '.join(names)}")
    by = by or names[0]
    done.sort(key=lambda point: _order(point["values"].get(by), largest))
    head = [*done[0]["parameters"], by]
    table = [head, *([*map(str, p["parameters"].values()), f"{p['values'][by]:.6g}"] for p in done[:rows])]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in table)


def _order(value: float | None, largest: bool) -> tuple[bool, float]:
    missing = value is None or value != value
    return missing, 0.0 if missing else (-float(value) if largest else float(value))  # type: ignore[arg-type]


def slurm_cluster(options: Mapping[str, Any]) -> Any:
    """A Slurm cluster of single-threaded workers; ``options`` are those of ``dask_jobqueue.SLURMCluster``."""
    from dask_jobqueue import SLURMCluster

    exports = [f"export {name}={value}" for name, value in repeatable().items()]
    return SLURMCluster(**{**SLURM_DEFAULTS, "job_script_prologue": exports, **options})


@contextmanager
def connected(cluster: str, workers: int | None = None, slurm: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """A Dask client for ``"local"``, ``"slurm"`` or the address of a scheduler, closed at the end.

    Anything else raises a ``ValueError``.
    """
    if cluster not in ("local", "slurm") and "://" not in cluster:
        raise ValueError(
            f"cluster: {cluster!r} is not allowed; choose local, slurm or an address such as tcp://host:8786"
        )
    import dask
    from dask.distributed import Client, LocalCluster

    if cluster == "local":
        # Workers are new processes: the variables act before they load PyTorch.
        with (
            dask.config.set({"distributed.nanny.pre-spawn-environ": repeatable()}),
            LocalCluster(
                n_workers=workers or default_workers(), threads_per_worker=1, host="127.0.0.1", dashboard_address=None
            ) as here,
            Client(here) as client,
        ):
            yield client
    elif cluster == "slurm":
        with slurm_cluster(slurm or {}) as there, Client(there) as client:
            there.scale(jobs=workers or 4)
            yield client
    else:
        with Client(cluster, timeout="20s") as client:
            yield client
