"""Run chapters without their notebooks: several seeds, slow studies, machines without notebook tools.

Each chapter and seed is a process of its own that runs the experiments one by one and keeps every finished one
(:mod:`lowdim.companion.units`); interrupted, it goes on where it stopped. The same module is that process's program.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lowdim.companion import cache, results, seeds, timing
from lowdim.companion.catalogue import ChapterInfo, find, load_module
from lowdim.companion.claims import load_claims
from lowdim.companion.environment import available_cores, default_workers, kernel_environment
from lowdim.companion.execute import Job, Outcome, Say, aloud
from lowdim.companion.launch import Stopped, launch


@dataclass(frozen=True)
class Task:
    """What one process is asked to do; plain values, so that it travels as JSON."""

    chapter: str
    profile: str
    seed: int
    device: str
    experiments: tuple[str, ...]  # empty: those that the profile is large enough for
    force: bool
    draw: bool
    run: str
    store: str


def run_without_notebook(
    jobs: Sequence[Job],
    root: Path,
    *,
    experiments: Sequence[str] = (),
    workers: int | None = None,
    force: bool = False,
    build: Path | None = None,
    draw: bool = True,
    say: Say = aloud,
) -> list[Outcome]:
    """Run the experiments of each job (or those named) unit by unit and write results under ``build/runs``.

    Unless they are named, experiments whose every claim a larger profile decides are left to it; ``smoke`` runs all.

    ``build`` is the folder to work in, by default that of ``root``.

    Where a chapter is run at several seeds, their summary is written to ``build/runs/seeds``. Seeds without 0 calibrate
    bounds: theirs goes to ``build/runs/other-seeds`` and is never recorded, and so does that of a part of the
    experiments which leaves a claim unmeasured that the profile decides.

    Figures and films are drawn unless ``draw`` is false; of several seeds, for those that are recorded alone.

    A failing unit does not stop the others: the result holds what was measured, the outcome's state is ``"failed"``.
    An unknown experiment raises a ``ValueError`` naming the choices before anything is started.
    """
    for info in {job.info for job in jobs} if experiments else ():
        _check_experiments(info, experiments)
    on_gpu = any(job.device != "cpu" for job in jobs)
    workers = workers or (1 if on_gpu else default_workers())
    build = build or root / "build"
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            tasks = [_task(job, build, tuple(experiments), force, draw and _worth_drawing(job, jobs)) for job in jobs]
            pairs = zip(jobs, tasks, strict=True)
            waiting = [pool.submit(_run, job, task, root, workers, stop) for job, task in pairs]
            outcomes = [future.result() for future in waiting]
        except BaseException:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    for outcome in outcomes:
        name = f"{outcome.job.info.stem} ({outcome.job.run_name})"
        say(f"  {outcome.state:<7} {name}: {outcome.seconds:.1f} s, {outcome.peak_memory_bytes / 2**20:.0f} MiB")
    _summarise_seeds([outcome.job for outcome in outcomes if outcome.state != "failed"], build, experiments, say)
    return outcomes


def _check_experiments(info: ChapterInfo, names: Sequence[str]) -> None:
    known = load_module(info).EXPERIMENTS
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(
            f"experiment: {', '.join(map(repr, unknown))} is unknown in chapter {info.number}; "
            f"choose one of {', '.join(known)}"
        )


def _worth_drawing(job: Job, jobs: Sequence[Job]) -> bool:
    """Whether the figures of ``job`` will be seen: over several seeds, only seed 0 of a slow profile is recorded."""
    alike = [other for other in jobs if (other.info, other.profile) == (job.info, job.profile)]
    return len(alike) == 1 or (job.seed == 0 and job.profile in ("study", "full"))


def _task(job: Job, build: Path, experiments: tuple[str, ...], force: bool, draw: bool) -> Task:
    run, store = result_folder(job, build, experiments), build / "units"
    return Task(
        job.info.number, job.profile, job.seed, job.device, experiments, force, draw, run=str(run), store=str(store)
    )


def _run(job: Job, task: Task, root: Path, workers: int, stop: threading.Event) -> Outcome:
    if stop.is_set():
        raise Stopped(job.info.stem)
    run = Path(task.run)
    threads = 1 if job.profile in ("smoke", "quick") else max(1, available_cores() // workers)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "task.json"
        file.write_text(json.dumps(asdict(task)), encoding="utf-8")
        environment = kernel_environment(threads, {"LOWDIM_RUN_DIR": str(run), **_root_variable(root)})
        done = launch([sys.executable, "-m", "lowdim.companion.runner", str(file)], environment, root, None, stop)
        answer = _answer(file)
    if not answer:
        return Outcome(job, "failed", failure=f"the process ended with status {done.status}")
    facts = {"seconds": answer["seconds"], "peak_memory_bytes": answer["peak_memory_bytes"], "cached": False}
    timing.note(run, job.info.stem, facts | {"units": answer["units"]})
    state = "failed" if answer["failed"] else ("ran" if answer["ran"] else "cached")
    return Outcome(job, state, facts["seconds"], facts["peak_memory_bytes"], ", ".join(answer["failed"]))


def result_folder(job: Job, build: Path, experiments: Sequence[str] = ()) -> Path:
    """Where a run goes. What is recorded of a quick run is its notebook's, so one without a notebook, and one of a part
    of the experiments, are results of their own.
    """
    suffix = ("-partial" if experiments else "-plain") if job.profile in ("smoke", "quick") else ""
    return build / "runs" / f"{job.run_name}{suffix}"


def _root_variable(root: Path) -> dict[str, str]:
    # Without a checkout (an installed wheel) the package finds its own copy of the claims.
    return {"LOWDIM_ROOT": str(root)} if (root / "book").is_dir() else {}


def _answer(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return json.loads(file.with_suffix(".answer.json").read_text(encoding="utf-8"))
    return {}


def _summarise_seeds(jobs: Sequence[Job], build: Path, experiments: Sequence[str], say: Say) -> None:
    for stem, profile in dict.fromkeys((job.info.stem, job.profile) for job in jobs):
        mine = [job for job in jobs if (job.info.stem, job.profile) == (stem, profile)]
        if len(mine) < 2:
            continue
        runs = [results.read_result(result_folder(job, build, experiments) / f"{stem}.json") for job in mine]
        decided = {claim.id for claim in load_claims(runs[0]["chapter"]).decided_by(profile)}
        complete = all(decided <= run["claims"].keys() for run in runs)
        kind = "seeds" if complete and any(job.seed == 0 for job in mine) else "other-seeds"
        path = build / "runs" / kind / profile / f"{stem}.json"
        seeds.write_seeds(path, seeds.seeds_summary(runs))
        say(f"  seeds   {stem}: {', '.join(str(job.seed) for job in mine)} summed up in {path}")


def work(task: Task) -> dict[str, Any]:
    """Run or load the units of ``task``, put them together and write the result; returns what that cost."""
    from lowdim.companion import units
    from lowdim.companion.chapter import Chapter

    options: dict[str, Any] = {"profile": task.profile, "seed": task.seed, "device": task.device}
    chapter = Chapter(task.chapter, **options)
    assembly = units.Assembly(task.chapter, **options)
    experiments = assembly.experiments
    wanted = set(task.experiments) or set(experiments) - assembly.claims.left_to_larger(task.profile)
    done: dict[str, units.Unit] = {}
    ran, failed = [], []
    for name in experiments:
        key = units.unit_key(chapter, name)
        label = f"{chapter.info.stem} seed {task.seed} {name}"
        unit = None if task.force and name in wanted else _stored(Path(task.store), key, label)
        if unit is None and name in wanted:
            print(f"  start   {label}", flush=True)
            try:
                unit = units.run_unit(chapter, name, Path(task.store), key)
            except Exception:  # the other units go on
                print(f"  FAILED  {label}\n{_indented(traceback.format_exc())}", flush=True)
                failed.append(name)
                continue
            ran.append(name)
            print(f"  done    {label}: {unit.seconds:.1f} s", flush=True)
        if unit is not None:
            done[name] = unit
    for name, reason in assembly.use(done, draw=task.draw).items():
        print(f"  FAILED  {chapter.info.stem} seed {task.seed} {name}: {reason}", flush=True)
        failed.append(name)
        del done[name]
    assembly.finish(partial=bool(failed or task.experiments))
    return {
        "ran": ran,
        "failed": failed,
        "units": {name: unit.seconds for name, unit in done.items()},
        "seconds": round(sum(unit.seconds for unit in done.values()), 2),
        "peak_memory_bytes": max((unit.peak_memory_bytes for unit in done.values()), default=0),
    }


def _stored(store: Path, key: str, label: str) -> Any:
    from lowdim.companion import units

    try:
        return units.load_unit(store, key)
    except cache.DamagedEntry as error:
        print(f"  damaged {label}: stored unit {error}; running it again", flush=True)
        return None


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-25:])


def main(argv: Sequence[str]) -> int:
    """The program of the process that :func:`run_without_notebook` starts: one task, its answer beside it."""
    file = Path(argv[0])
    values = json.loads(file.read_text(encoding="utf-8"))
    try:
        answer = work(Task(**values | {"experiments": tuple(values["experiments"])}))
    except ValueError as error:
        print(f"  FAILED  {find(values['chapter']).stem}: {error}", flush=True)
        return 1
    file.with_suffix(".answer.json").write_text(json.dumps(answer), encoding="utf-8")
    return int(bool(answer["failed"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
