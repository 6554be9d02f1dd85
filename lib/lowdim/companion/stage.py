"""Build the pages from a staged copy of the book, so that what is shown is either the last run or what is committed.

``build/site`` holds the configuration, the pages, the notebooks with their stored outputs and the results. Only files
that changed are copied, so that an unchanged book is built in seconds.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lowdim.companion.catalogue import available
from lowdim.companion.imports import package_folder
from lowdim.companion.provenance import digest, text_digest
from lowdim.companion.results import write_atomic

Source = Literal["run", "committed"]
BASE_URL = "LOWDIM_BASE_URL"

_PAGES = (".md", ".ipynb", ".rst")
_STAMP = ".stamp"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class BuildFailure(Exception):
    """The pages could not be built; the message holds what the builder printed."""


@dataclass(frozen=True)
class Staged:
    """What staging changed: files written, and files that vanished (paths in the site)."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def site_folder(root: Path) -> Path:
    """Where the book is staged."""
    return root / "build" / "site"


def start_page(root: Path) -> Path:
    """The first page of the built book."""
    return site_folder(root) / "_build" / "html" / "index.html"


def stage(root: Path, source: Source) -> Staged:
    """Bring ``build/site`` up to date with the committed book, or with the last quick run laid over it."""
    site = site_folder(root)
    plan = _plan(root, source)
    written, removed = [], []
    for path in [p for p in site.rglob("*") if p.is_file()] if site.is_dir() else []:
        name = path.relative_to(site).as_posix()
        if name not in plan and not name.startswith("_build/") and name != _STAMP:
            path.unlink()
            removed.append(name)
    for name, origin in plan.items():
        content = origin.read_bytes()
        if name == "_config.yml":
            content = with_base_url(content.decode(), os.environ.get(BASE_URL, "")).encode()
        target = site / name
        if not target.is_file() or target.read_bytes() != content:
            write_atomic(target, content)
            written.append(name)
    return Staged(tuple(written), tuple(removed))


def _plan(root: Path, source: Source) -> dict[str, Path]:
    """Path in the site -> the file it is copied from."""
    plan = {name: root / name for name in ("_config.yml", "_toc.yml")}
    for folder in ("book", "notebooks"):
        for path in sorted((root / folder).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and "__pycache__" not in name and "/." not in name:
                plan[name] = path
    if source == "run":
        plan |= _last_run(root)
    return plan


def _last_run(root: Path) -> dict[str, Path]:
    run = root / "build" / "runs" / "quick"
    plan: dict[str, Path] = {}
    for info in available(root):
        for pattern in (f"{info.stem}.json", f"figures/{info.number}-*"):
            plan |= {f"book/results/quick/{p.relative_to(run).as_posix()}": p for p in run.glob(pattern)}
        executed = run / "notebooks" / f"{info.stem}.ipynb"
        if executed.is_file():
            plan[f"notebooks/{executed.name}"] = executed
    return plan


def with_base_url(config: str, url: str) -> str:
    """The configuration with ``html.baseurl`` filled in where it is empty: a publishing workflow knows its address."""
    return re.sub(r'^(\s+baseurl:\s*)""\s*$', rf'\g<1>"{url}"', config, flags=re.MULTILINE) if url else config


def build(root: Path, source: Source) -> Path:
    """Stage and build with warnings as errors; returns the start page.

    Raises :class:`BuildFailure` with the builder's output when a page has a warning or an error.
    """
    site = site_folder(root)
    change = stage(root, source)
    stamp = digest([text_digest(path) for path in sorted(package_folder().rglob("*.py"))])
    known = (site / _STAMP).read_text() if (site / _STAMP).is_file() else ""
    # Until the build succeeds there is no stamp: a failed build must not hide its warnings the next time.
    (site / _STAMP).unlink(missing_ok=True)
    if change.removed:
        shutil.rmtree(site / "_build", ignore_errors=True)
    # A page shows results and uses code that Sphinx does not know it depends on.
    every = known != stamp or any(not name.endswith(_PAGES) for name in change.written)
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(site)]
    command += ["--path-output", str(site), "-W", "--keep-going", "-q", *(["--all"] if every else [])]
    environment = os.environ | {"LOWDIM_ROOT": str(root), "LOWDIM_BOOK": str(site / "book")}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, encoding="utf-8")
    if done.returncode != 0 or not start_page(root).is_file():
        raise BuildFailure(_ANSI.sub("", done.stdout + done.stderr).strip())
    (site / _STAMP).write_text(stamp)
    return start_page(root)
