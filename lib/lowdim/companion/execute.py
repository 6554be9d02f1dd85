"""Execute chapters: papermill in processes of their own, side by side, and nothing twice.

A run is stored under a key that hashes everything that decides it (:mod:`lowdim.companion.provenance`), so a changed
helper runs again the chapters that use it and no others, and an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from lowdim.companion import cache, normalise, timing
from lowdim.companion.catalogue import ChapterInfo
from lowdim.companion.environment import available_cores, default_workers, kernel_environment
from lowdim.companion.launch import Finished, launch
from lowdim.companion.provenance import chapter_hashes, versions

Say = Callable[[str], None]
aloud: Say = partial(print, flush=True)

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TRACEBACK_LINES = 25


class ChapterFailure(Exception):
    """A chapter that could not be executed; the message says where and why."""


@dataclass(frozen=True)
class Job:
    """One chapter to execute, with its parameters."""

    info: ChapterInfo
    profile: str = "quick"
    seed: int = 0
    device: str = "cpu"

    @property
    def parameters(self) -> dict[str, Any]:
        """What the parameters cell of the notebook will hold."""
        return {"profile": self.profile, "seed": self.seed, "device": self.device}

    @property
    def run_name(self) -> str:
        """The folder under ``build/runs``: the profile, and the seed and device where they are not the usual ones."""
        usual = ("cpu", "cuda") if self.profile == "full" else ("cpu",)
        parts = [self.profile]
        parts += [f"seed{self.seed}"] if self.seed else []
        parts += [self.device.replace(":", "")] if self.device not in usual else []
        return "-".join(parts)


@dataclass
class Outcome:
    """How a job ended: ``state`` is ``"ran"``, ``"cached"`` or ``"failed"``; the cost is that of the run itself, also
    where it was cached.
    """

    job: Job
    state: str
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    failure: str = ""


def runs_folder(root: Path, job: Job) -> Path:
    """Where the results of ``job`` are put for reading."""
    return root / "build" / "runs" / job.run_name


def run_chapters(
    jobs: Sequence[Job], root: Path, *, workers: int | None = None, force: bool = False, say: Say = aloud
) -> list[Outcome]:
    """Execute ``jobs``, ``workers`` at a time, and put their results under ``build/runs``.

    A failing chapter does not stop the others; its report is printed and kept in its :class:`Outcome`.
    """
    workers = workers or default_workers()
    _sweep_away(root / "build" / "work")
    stop = threading.Event()
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            waiting = [pool.submit(_run, job, root, force, workers, stop, say) for job in jobs]
            outcomes = [future.result() for future in waiting]
        except BaseException:  # an interrupt: end what runs, start nothing more
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return outcomes


def _run(job: Job, root: Path, force: bool, workers: int, stop: threading.Event, say: Say) -> Outcome:
    name = f"{job.info.stem} ({job.run_name})"
    store = root / "build" / "cache"
    try:
        key = run_key(job, root)
        entry = None if force else _lookup(store, key, name, say)
        state = "cached"
        if entry is None:
            say(f"  start   {name}")
            entry, state = _execute(job, root, store, key, workers, stop), "ran"
        cache.install(entry, runs_folder(root, job), job.info.stem)
        if state == "cached":
            _use_tags(job, root)
    except ChapterFailure as error:
        _forget(job, root)
        say(f"  FAILED  {name}\n{error}")
        return Outcome(job, "failed", failure=str(error))
    seconds, memory = entry.facts["seconds"], entry.facts["peak_memory_bytes"]
    timing.note(
        runs_folder(root, job),
        job.info.stem,
        {"seconds": seconds, "peak_memory_bytes": memory, "cached": state == "cached"},
    )
    when = " when it ran" if state == "cached" else ""
    over, _ = timing.beyond(job.profile, seconds, memory)
    budget = f"; over budget: {over}" if over else ""
    say(f"  {state:<7} {name}: {seconds:.1f} s, {memory / 2**20:.0f} MiB{when}{budget}")
    return Outcome(job, state, seconds, memory)


def run_key(job: Job, root: Path) -> str:
    """The key of a run in the store: the chapter's hashes, the parameters and the versions installed here."""
    try:
        return chapter_hashes(job.info, root, {**job.parameters, "versions": versions()})["key"]
    except (ValueError, SyntaxError, OSError) as error:
        raise ChapterFailure(f"    the sources cannot be read: {error}") from error


def _use_tags(job: Job, root: Path) -> None:
    """Give the stored copy of the notebook the tags that its source has now: they are no part of the key."""
    path = runs_folder(root, job) / "notebooks" / f"{job.info.stem}.ipynb"
    if not path.is_file():
        return
    try:
        source = normalise.with_parameters(normalise.read_notebook(job.info.notebook(root)), job.parameters)
    except ValueError as error:
        raise ChapterFailure(f"    {error}") from error
    tagged = normalise.notebook_bytes(normalise.normalise(normalise.read_notebook(path), source))
    if tagged != path.read_bytes():
        path.write_bytes(tagged)


def _lookup(store: Path, key: str, name: str, say: Say) -> cache.Entry | None:
    try:
        return cache.lookup(store, key)
    except cache.DamagedEntry as error:
        say(f"  damaged {name}: stored run {error}; running it again")
        return None


def _execute(job: Job, root: Path, store: Path, key: str, workers: int, stop: threading.Event) -> cache.Entry:
    work = _work_folder(root)
    try:
        source = _prepare(job, root, work)
        done = launch(
            [sys.executable, "-m", "lowdim.companion.worker", str(work / "job.json")],
            _environment(job, root, work, workers),
            root,
            work / "log.txt",
            stop,
        )
        _check_outcome(job, root, work, done)
        executed = normalise.read_notebook(work / "executed.ipynb")
        run = work / "run"
        normalise.write_notebook(normalise.normalise(executed, source), run / "notebooks" / f"{job.info.stem}.ipynb")
        if not (run / f"{job.info.stem}.json").is_file():
            raise ChapterFailure("    the notebook wrote no result; its last cell must call chapter.finish()")
        if run_key(job, root) != key:
            raise ChapterFailure("    its sources changed while it ran; run it again")
        name = {"chapter": job.info.stem, **job.parameters}
        cost = {"seconds": round(done.seconds, 2), "peak_memory_bytes": done.peak_memory_bytes}
        entry = cache.store(store, key, run, name | cost)
        cache.prune(store, name)
        return entry
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _work_folder(root: Path) -> Path:
    parent = root / "build" / "work"
    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=parent))


def _sweep_away(parent: Path) -> None:
    """Remove work folders that an interrupted process left behind."""
    for folder in parent.iterdir() if parent.is_dir() else []:
        owner = folder.name.partition("-")[0]
        if not (owner.isdigit() and psutil.pid_exists(int(owner))):
            shutil.rmtree(folder, ignore_errors=True)


def _prepare(job: Job, root: Path, work: Path) -> normalise.NotebookNode:
    """Write the notebook with its parameters and the worker's job; return that notebook."""
    try:
        notebook = normalise.with_parameters(normalise.read_notebook(job.info.notebook(root)), job.parameters)
    except ValueError as error:
        raise ChapterFailure(f"    {error}") from error
    (work / "run").mkdir()
    normalise.write_notebook(notebook, work / "source.ipynb")
    task = {
        "source": str(work / "source.ipynb"),
        "target": str(work / "executed.ipynb"),
        "folder": str(root / "notebooks"),
        "timeout": None,
    }
    (work / "job.json").write_text(json.dumps(task), encoding="utf-8")
    return notebook


def _environment(job: Job, root: Path, work: Path, workers: int) -> dict[str, str]:
    # One thread where outputs are compared; the slow profiles share the machine's cores.
    threads = 1 if job.profile in ("smoke", "quick") else max(1, available_cores() // workers)
    return kernel_environment(threads, {"LOWDIM_RUN_DIR": str(work / "run"), "LOWDIM_ROOT": str(root)})


def _check_outcome(job: Job, root: Path, work: Path, done: Finished) -> None:
    """Raise a :class:`ChapterFailure` with cell, source and traceback unless the worker succeeded."""
    file = work / "job.outcome.json"
    if not file.is_file():
        tail = _tail((work / "log.txt").read_text(encoding="utf-8", errors="replace").splitlines())
        raise ChapterFailure(f"    the process ended with status {done.status} before the notebook did\n{tail}")
    outcome = json.loads(file.read_text(encoding="utf-8"))
    if outcome["ok"]:
        return
    kept = root / "build" / "failed" / f"{job.info.stem}-{job.run_name}.ipynb"
    if (work / "executed.ipynb").is_file():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(work / "executed.ipynb", kept)
    where = "outside a cell" if outcome["cell"] is None else f"in cell {outcome['cell']}"
    source = "\n".join(f"    | {line}" for line in outcome["source"].splitlines())
    trace = _tail([line for chunk in outcome["traceback"] for line in chunk.splitlines()])
    parts = [f"    {outcome['error']}", f"    {where} of {job.info.stem}.ipynb:", source, trace]
    parts += [f"    what ran so far: {kept.relative_to(root)}"] if kept.is_file() else []
    raise ChapterFailure("\n".join(part for part in parts if part))


def _tail(lines: Sequence[str]) -> str:
    clean = [_ANSI.sub("", line).rstrip() for line in lines]
    return "\n".join(f"    {line}" for line in clean[-_TRACEBACK_LINES:] if line)


def _forget(job: Job, root: Path) -> None:
    """Remove what an earlier run of a failed chapter left, so that no page shows it as this one's."""
    cache.install(cache.Entry(Path(), {}, {}), runs_folder(root, job), job.info.stem)
