"""Environment variables that make a run repeatable: one thread, one instruction set, no surprises from the machine.

They act only when set before NumPy and PyTorch are loaded, so a runner puts them into the environment of the process
that it starts. This module imports nothing heavy.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)

# Matrix products, SVDs and training differ in the last digits between instruction sets; AVX2 is what every recent
# x86-64 machine has.
INSTRUCTION_SET = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2",
}


def available_cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def default_workers() -> int:
    """As many chapters side by side as the machine has cores, and not more than four."""
    return max(1, min(available_cores(), 4))


def repeatable(threads: int = 1, machine: str | None = None) -> dict[str, str]:
    """The variables to set for a run of ``threads`` threads; the instruction set is fixed on x86-64 only."""
    if threads < 1:
        raise ValueError(f"threads: {threads!r} is not allowed; give a whole number of at least 1")
    found = dict.fromkeys(THREAD_VARIABLES, str(threads))
    if (machine or platform.machine()).lower() in ("x86_64", "amd64"):
        found |= INSTRUCTION_SET
    return found


def kernel_environment(
    threads: int = 1, extra: Mapping[str, str] | None = None, base: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment of a process that executes a notebook: ``base`` (ours by default), :func:`repeatable`
    and ``extra``.

    A matplotlib backend chosen outside is dropped, since it would leave the notebook without pictures, and kernels are
    taken from this Python environment before the user's own.
    """
    found = dict(os.environ if base is None else base)
    found.pop("MPLBACKEND", None)
    found |= repeatable(threads)
    found |= {
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    return found | dict(extra or {})
