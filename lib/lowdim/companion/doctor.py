"""What this machine has, what is missing, and what each profile costs: ``lowdim doctor``."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from lowdim.companion import timing
from lowdim.companion.catalogue import CHAPTERS, ChapterInfo, available
from lowdim.companion.environment import available_cores, default_workers
from lowdim.companion.formats import counted
from lowdim.companion.provenance import commit_label
from lowdim.companion.results import ResultError, load_recorded

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


def find_browser() -> str | None:
    """A browser for the page checks: ``$CHROMIUM``, else the first known one on the path."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).is_file() else None
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def report(root: Path) -> str:
    """The whole examination as text."""
    sections = {
        "machine": machine(),
        "packages": packages(),
        "checkout": checkout(root),
        "data (LOWDIM_DATA)": data(),
        "weights": weights(root),
        "cost of the recorded runs": costs(root),
    }
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections.items())


def machine() -> list[str]:
    """Python, cores, memory and accelerators."""
    import torch

    memory = psutil.virtual_memory()
    lines = [
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()} ({sys.prefix})",
        f"{available_cores()} cores; chapters run {default_workers()} side by side",
        f"{memory.total / 1e9:.0f} GB of memory, {memory.available / 1e9:.0f} GB free",
        f"{shutil.disk_usage('.').free / 1e9:.0f} GB of disk free",
        f"PyTorch {torch.__version__}, vector instructions {torch.backends.cpu.get_cpu_capability()}",
    ]
    for index in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(index)
        lines.append(f"cuda:{index}: {found.name}, {found.total_memory / 1e9:.0f} GB")
    if torch.backends.mps.is_available():
        lines.append("mps: Apple GPU")
    if not torch.cuda.is_available():
        lines.append("no CUDA device: the full profile cannot run here")
    browser = find_browser()
    lines.append(f"browser: {browser}" if browser else "browser: none; page checks are skipped (set CHROMIUM to one)")
    return lines


def packages() -> list[str]:
    """Which of the package's dependencies are installed, by extra; what is missing, and how to get it."""
    from packaging.requirements import Requirement

    wanted: dict[str, list[str]] = {}
    for text in metadata.requires("lowdim") or []:
        need = Requirement(text)
        extra = str(need.marker).split('"')[1] if need.marker and "extra" in str(need.marker) else "core"
        if need.name != "lowdim":
            wanted.setdefault(extra, []).append(need.name)
    lines = []
    for extra, names in wanted.items():
        missing = [name for name in names if not _installed(name)]
        how = "" if extra == "core" else f': pip install -c constraints.txt "lowdim[{extra}]"'
        lines.append(f"{extra}: missing {', '.join(missing)}{how}" if missing else f"{extra}: all {len(names)} there")
    return lines


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def checkout(root: Path) -> list[str]:
    """Where the book is, its commit and its chapters."""
    there = available(root)
    if not (root / "book").is_dir():
        return [f"none at {root}; chapters run from the installed package, without notebooks"]
    numbers = ", ".join(info.number for info in there) or "none"
    return [f"{root}, commit {commit_label(root)}", f"chapters with a notebook: {numbers}"]


def data() -> list[str]:
    """The data sets that need files, and the state of those in the folder named by ``LOWDIM_DATA``."""
    from lowdim.data.catalogue import DATA_SETS, examine
    from lowdim.data.local import VARIABLE, data_folder

    folder = data_folder()
    if folder is None:
        wanted = ", ".join(found.title for found in DATA_SETS if found.files)
        return [f"not set; all a quick run needs is generated or installed. Full runs may use {wanted}"]
    if not folder.is_dir():
        return [f"{VARIABLE}: {folder} is not a folder"]
    lines = [str(folder)]
    for found in DATA_SETS:
        lines += [f"{found.title}: {line}" for line in examine(found)]
    return lines


def weights(root: Path) -> list[str]:
    """The shipped models: whether their files are those that their cards describe."""
    packaged = Path(__file__).resolve().parents[1] / "_models"
    place = root / "models" if (root / "models").is_dir() else packaged
    folders = sorted(path for path in place.glob("*") if path.is_dir())
    if not folders:
        return ["none here"]
    from lowdim.model_store import load_card

    lines = []
    for folder in folders:
        try:
            load_card(folder)
            lines.append(f"{folder.name}: intact")
        except Exception as error:  # whatever is wrong with it belongs in the report
            lines.append(f"{folder.name}: DAMAGED: {error}")
    return lines


def costs(root: Path) -> list[str]:
    """Recorded seconds and memory of each profile, and those of the last runs on this machine."""
    lines: list[str] = []
    for profile in ("quick", "study", "full"):
        recorded = [result for info in CHAPTERS if (result := _recorded(info, profile, root, lines))]
        if not recorded:
            lines.append(f"{profile}: nothing recorded yet")
            continue
        seconds = [result["wall_seconds"] for result in recorded]
        memory = max(result["peak_memory_bytes"] for result in recorded)
        devices = ", ".join(sorted({result["device"] for result in recorded}))
        line = f"{profile}: {counted(len(recorded), 'chapter')}, {_time(sum(seconds))} one after the other on {devices}"
        lines.append(f"{line}, at most {memory / 1e9:.1f} GB")
        here = timing.read(root / "build" / "runs" / profile)
        if here:
            total = sum(facts["seconds"] for facts in here.values())
            lines.append(f"{' ' * len(profile)}  on this machine: {counted(len(here), 'chapter')}, {_time(total)}")
    return lines


def _recorded(info: ChapterInfo, profile: str, root: Path, lines: list[str]) -> dict[str, Any] | None:
    """A recorded result; a damaged one is left out, and ``lines`` say so."""
    try:
        return load_recorded(info, profile, root if (root / "book").is_dir() else None)
    except FileNotFoundError:
        return None
    except ResultError as error:
        lines.append(f"{profile}: DAMAGED: {error}")
        return None


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
