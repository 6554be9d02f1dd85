"""Start a process, watch how much memory it and its children use, and end all of them when asked."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

INTERVAL = 0.2  # seconds between two looks at the memory


class Stopped(Exception):
    """The run was interrupted before this process ended."""


@dataclass(frozen=True)
class Finished:
    """A process that ended: its exit status, wall time and the largest memory of its children taken together."""

    status: int
    seconds: float
    peak_memory_bytes: int


def launch(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path | None, stop: threading.Event
) -> Finished:
    """Run ``command`` to its end, its output in ``log`` (``None``: where ours goes).

    When ``stop`` is set, or on an interrupt, the process and its children are ended and :class:`Stopped` is raised.
    """
    start = time.perf_counter()
    peak = 0
    with log.open("wb") if log else nullcontext() as output:
        process = psutil.Popen(
            list(command), env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            while True:
                peak = max(peak, children_memory(process))
                try:
                    status = process.wait(timeout=INTERVAL)
                    break
                except psutil.TimeoutExpired:
                    if stop.is_set():
                        raise Stopped(command[0]) from None
        finally:
            end_tree(process)
    return Finished(int(status), time.perf_counter() - start, peak)


def children_memory(process: psutil.Process) -> int:
    """Resident bytes of all processes below ``process``."""
    total = 0
    with suppress(psutil.Error):
        for child in process.children(recursive=True):
            with suppress(psutil.Error):
                total += child.memory_info().rss
    return total


def end_tree(process: psutil.Process, grace: float = 5.0) -> None:
    """End ``process`` and everything below it: politely, then by force after ``grace`` seconds."""
    alive = []
    with suppress(psutil.Error):
        alive = [*process.children(recursive=True), process]
    for one in alive:
        with suppress(psutil.Error):
            one.terminate()
    _, stubborn = psutil.wait_procs(alive, timeout=grace)
    for one in stubborn:
        with suppress(psutil.Error):
            one.kill()
