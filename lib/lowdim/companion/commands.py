"""What each command of :mod:`lowdim.companion.cli` does; heavy modules are imported where they are used."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lowdim.companion import catalogue
from lowdim.companion.formats import counted

if TYPE_CHECKING:
    from lowdim.companion.catalogue import ChapterInfo
    from lowdim.companion.execute import Job, Outcome
    from lowdim.companion.stage import Source


def checkout() -> Path:
    """The checkout of the book, or a ``ValueError`` saying how to get one."""
    root = catalogue.find_root()
    if root is None:
        raise ValueError("no checkout of the book is found from here; change into one or set LOWDIM_ROOT to its folder")
    return root


def working_root() -> Path:
    """The checkout, or the current folder where an installed wheel works without one."""
    return catalogue.find_root() or Path.cwd()


def run(arguments: Namespace) -> int:
    """Execute chapters as notebooks, or experiment by experiment."""
    from lowdim.companion.execute import Job, run_chapters
    from lowdim.companion.runner import run_without_notebook

    plain = arguments.no_notebook or arguments.experiment or arguments.profile in ("study", "full")
    root = working_root() if plain else checkout()
    infos = _infos(arguments.chapters, root, notebooks=not plain)
    if arguments.experiment and len(infos) != 1:
        raise ValueError("experiment: name the one chapter that it belongs to")
    device = _device(arguments.device, arguments.profile)
    jobs = [Job(info, arguments.profile, seed, device) for info in infos for seed in arguments.seeds]
    if plain:
        outcomes = run_without_notebook(
            jobs, root, experiments=arguments.experiment, workers=arguments.jobs, force=arguments.force
        )
    else:
        outcomes = run_chapters(jobs, root, workers=arguments.jobs, force=arguments.force)
    return _summed_up(outcomes)


def _infos(names: Sequence[str], root: Path, *, notebooks: bool) -> list[catalogue.ChapterInfo]:
    infos = list(dict.fromkeys(catalogue.find(name) for name in names))
    there = catalogue.available(root) if notebooks else [i for i in catalogue.CHAPTERS if catalogue.has_module(i)]
    missing = [info for info in infos if info not in there]
    if missing:
        choices = ", ".join(f"{info.number} ({info.name})" for info in there) or "none yet"
        kind = "notebook" if notebooks else "module"
        raise ValueError(f"chapter: {', '.join(i.stem for i in missing)} has no {kind} yet; choose from {choices}")
    return infos or there


def _device(name: str | None, profile: str) -> str:
    from lowdim.profile import check_device

    name = name or ("cuda" if profile == "full" else "cpu")
    return name if name == "cpu" else str(check_device(name))


def _summed_up(outcomes: Sequence[Outcome]) -> int:
    failed = [outcome for outcome in outcomes if outcome.state == "failed"]
    ran = sum(outcome.state == "ran" for outcome in outcomes)
    rest = f"{len(outcomes) - ran - len(failed)} unchanged, {len(failed)} failed"
    print(f"{counted(len(outcomes), 'run')}: {ran} new, {rest}")
    for outcome in failed:
        print(f"  failed: {outcome.job.info.stem} ({outcome.job.run_name})", file=sys.stderr)
    return int(bool(failed))


def book(arguments: Namespace) -> int:
    """Execute every chapter at the quick profile and build the pages from the run."""
    from lowdim.companion import timing
    from lowdim.companion.execute import Job, run_chapters

    root, start = checkout(), time.perf_counter()
    jobs: list[Job] = [Job(info) for info in catalogue.available(root)]
    outcomes = run_chapters(jobs, root, workers=arguments.jobs)
    status = _summed_up(outcomes)
    status = _build(root, "run") or status
    kind = "book" if any(outcome.state == "ran" for outcome in outcomes) else "book unchanged"
    timing.note_command(root, kind, time.perf_counter() - start)
    return status


def html(arguments: Namespace) -> int:
    """Build the pages from the committed outputs."""
    return _build(checkout(), "committed")


def _build(root: Path, source: Source) -> int:
    from lowdim.companion import stage

    print("building the pages ...", flush=True)
    try:
        page = stage.build(root, source)
    except stage.BuildFailure as error:
        print(f"{error}\nthe pages have warnings or errors (above)", file=sys.stderr)
        return 1
    print(f"the book starts at {page.as_uri()}")
    return 0


def record(arguments: Namespace) -> int:
    """Promote the last runs to the recorded results."""
    from lowdim.companion.promote import record as promote

    report = promote(checkout())
    total = [f"{len(report.recorded)} recorded", f"{len(report.unchanged)} unchanged", f"{len(report.refused)} refused"]
    print(", ".join(total))
    return int(bool(report.refused))


def carry(arguments: Namespace) -> int:
    """Carry recorded slow results over to code that computes the same."""
    from lowdim.companion.carry import NotCarried, carry

    return _for_slow_results(arguments, carry, NotCarried, "carried")


def redraw(arguments: Namespace) -> int:
    """Draw the figures of recorded slow results again."""
    from lowdim.companion.redraw import NotDrawn, redraw

    return _for_slow_results(arguments, redraw, NotDrawn, "drawn")


def _for_slow_results(
    arguments: Namespace,
    work: Callable[[ChapterInfo, str, Path], list[str]],
    refusal: type[ValueError],
    done: str,
) -> int:
    """Do ``work`` for every recorded study and full result of the chapters, and say what was done to what."""
    from lowdim.companion.results import recorded_path

    root, failed = checkout(), False
    for info in _infos(arguments.chapters, root, notebooks=False):
        for profile in ("study", "full"):
            if not recorded_path(info, profile, root).is_file():
                continue
            try:
                names = work(info, profile, root)
                outcome = f"{', '.join(names)} {done}" if names else "current"
                print(f"{profile}/{info.stem}: {outcome}", flush=True)
            except refusal as error:
                print(f"{profile}/{info.stem}: not {done}: {error}", file=sys.stderr, flush=True)
                failed = True
    return int(failed)


def verify(arguments: Namespace) -> int:
    """Recompute quick claims here and compare with the recorded ones."""
    from lowdim.companion.verify import report
    from lowdim.companion.verify import verify as recompute

    root = working_root()
    found = [recompute(info, root) for info in _infos(arguments.chapters, root, notebooks=False)]
    print("\n".join(report(verification) for verification in found))
    return int(not all(verification.passed for verification in found))


def claims(arguments: Namespace) -> int:
    """Print the claims of chapters: the recorded verdict of each, what it states, and where that stands."""
    from lowdim.companion.shelf import load_shelf, load_shelves, settled
    from lowdim.companion.verdicts import run_verdicts_text

    shelves = [load_shelf(name) for name in arguments.chapters] or load_shelves()
    for shelf in shelves:
        print(f"{shelf.info.number} {shelf.info.title}")
        for claim in shelf.claims:
            print(run_verdicts_text([(claim, settled(shelf, claim))]))
            print(f"    {claim.statement} [{claim.source}]")
        print()
    if not shelves:
        print("no chapter has claims yet")
    return 0


def sweep(arguments: Namespace) -> int:
    """Run an experiment over a grid and print its best points."""
    from lowdim.companion import sweep as sweeps

    slurm = {key: value[0] for key, value in sweeps.parse_grid(arguments.slurm).items()}
    if arguments.job_script:
        with sweeps.slurm_cluster(slurm) as cluster:
            print(cluster.job_script())
        return 0
    info = catalogue.find(arguments.chapter)
    experiment = arguments.experiment or sweeps.only_experiment(info)
    plan = sweeps.Sweep(info, experiment, sweeps.parse_grid(arguments.grid), arguments.profile)
    sweeps.check(plan)
    root = working_root()
    with sweeps.connected(arguments.cluster, arguments.jobs, slurm) as client:
        points = sweeps.run_sweep(plan, root, client)
    path = sweeps.write_summary(plan, points, root)
    print(sweeps.best_table(points, arguments.by, arguments.largest))
    print(f"all points: {path}")
    return int(any("error" in point for point in points))


def train(arguments: Namespace) -> int:
    """Train a shipped model again."""
    from lowdim import recipes

    folder = recipes.train(
        arguments.name,
        arguments.profile,
        arguments.seed,
        arguments.device,
        arguments.out,
        resume=not arguments.restart,
    )
    print(f"trained: {folder}")
    return 0


def doctor(arguments: Namespace) -> int:
    """Show what this machine has."""
    from lowdim.companion import doctor as examination

    print(examination.report(working_root()))
    return 0


def bench(arguments: Namespace) -> int:
    """Time the library against its peers."""
    from lowdim.companion.bench import run_benchmarks

    _, failed = run_benchmarks(checkout(), arguments.names)
    return int(bool(failed))
