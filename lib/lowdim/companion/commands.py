"""What each command of :mod:`lowdim.companion.cli` does; heavy modules are imported where they are used."""

from __future__ import annotations

import argparse
from pathlib import Path

from lowdim.companion import catalogue


def checkout() -> Path:
    """The checkout of the book, or a ``ValueError`` saying how to get one."""
    root = catalogue.find_root()
    if root is None:
        raise ValueError("no checkout of the book is found from here; change into one or set LOWDIM_ROOT to its folder")
    return root


def run(arguments: argparse.Namespace) -> int:
    """Execute chapters as notebooks, or without them."""
    from lowdim.companion.execute import Job, run_chapters

    root = checkout()
    infos = [catalogue.find(name) for name in arguments.chapters] or catalogue.available(root)
    jobs = [Job(info, arguments.profile, arguments.seed, arguments.device) for info in infos]
    outcomes = run_chapters(jobs, root, workers=arguments.jobs, force=arguments.force)
    return int(any(outcome.state == "failed" for outcome in outcomes))
