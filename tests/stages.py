"""Everything that `make test` checks, stage by stage, with a summary at the end.

    python tests/stages.py                 all stages
    python tests/stages.py --only unit     some of them
    python tests/stages.py --list          their names

A failing stage does not stop the later ones, so that one run shows all that is wrong; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lowdim.companion.environment import default_workers
from lowdim.companion.timing import note_command

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / "build" / "test"
NOT_UNIT = ("notebooks", "book", "mutation")


@dataclass(frozen=True)
class Stage:
    """A command and how its skipped tests are taken: ``"fine"``, ``"loud"`` (counted aloud) or ``"fail"``."""

    name: str
    what: str
    command: tuple[str, ...]
    skips: str = "fine"


@dataclass
class Done:
    """How a stage ended."""

    stage: Stage
    seconds: float
    problems: list[str] = field(default_factory=list)
    tests: int = 0
    skipped: int = 0


def stages(jobs: int) -> list[Stage]:
    """All stages in order; ``jobs`` processes side by side where a stage can."""
    python = sys.executable
    pytest = (python, "-m", "pytest", "-q")
    ignored = tuple(f"--ignore=tests/{name}" for name in NOT_UNIT)
    side_by_side = ("-n", str(jobs)) if jobs > 1 else ()
    copies = ("-p", "nbcompare", "--nb-executed", "build/runs/quick/notebooks", "notebooks")
    browser = "fail" if os.environ.get("REQUIRE_BROWSER") == "1" else "loud"
    run = (python, "-m", "lowdim.companion.cli")
    return [
        Stage("lint", "style", (python, "-m", "ruff", "check", ".")),
        Stage("format", "layout", (python, "-m", "ruff", "format", "--check", ".")),
        Stage("types", "annotations", (python, "-m", "mypy")),
        Stage("unit", "unit tests", (*pytest, *side_by_side, *ignored, "tests")),
        Stage("run", "every chapter executed", (*run, "run", "--all", "-j", str(jobs))),
        Stage("stored", "stored outputs against fresh ones", (*pytest, *copies), "fail"),
        Stage("recorded", "recorded numbers, hashes, another seed", (*pytest, "tests/notebooks"), "fail"),
        Stage("pages", "pages built, warnings are errors", (*run, "book", "-j", str(jobs))),
        Stage("browser", "pages in a browser", (*pytest, "tests/book"), browser),
    ]


def perform(stage: Stage) -> Done:
    """Run one stage; its output goes where ours goes."""
    print(f"\n=== {stage.name}: {stage.what}", flush=True)
    report = REPORTS / f"{stage.name}.xml"
    report.unlink(missing_ok=True)
    command = [*stage.command, f"--junitxml={report}"] if "pytest" in stage.command else list(stage.command)
    start = time.perf_counter()
    status = subprocess.run(command, cwd=ROOT).returncode
    done = Done(stage, time.perf_counter() - start)
    if status != 0:
        done.problems.append(f"exit status {status}")
    if report.is_file():
        done.tests, done.skipped = counted(report)
        if stage.skips == "fail" and done.skipped:
            done.problems.append(f"{done.skipped} skipped, and none may be")
    return done


def counted(report: Path) -> tuple[int, int]:
    """Tests and skipped tests of a JUnit report."""
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    return tuple(sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "skipped"))  # type: ignore[return-value]


def summary(done: Sequence[Done]) -> str:
    """A line for each stage, and a loud one where checks were skipped."""
    lines = ["", "=== summary"]
    for one in done:
        tests = f"{one.tests} tests" if one.tests else ""
        word = "FAILED" if one.problems else "passed"
        lines.append(
            f"  {word}  {one.stage.name:<9} {one.seconds:7.1f} s  {tests:<11}{', '.join(one.problems)}".rstrip()
        )
    lines += [
        f"  !!! {one.skipped} checks of {one.stage.name!r} were SKIPPED"
        for one in done
        if one.stage.skips == "loud" and one.skipped
    ]
    lines.append(f"  {sum(one.seconds for one in done):.0f} s in all")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """Run the stages asked for; 1 when any failed."""
    parser = argparse.ArgumentParser(description="Check everything, stage by stage.")
    parser.add_argument("--only", metavar="NAME,NAME", help="these stages alone")
    parser.add_argument("--list", action="store_true", help="show the stages and end")
    parser.add_argument("-j", "--jobs", type=int, default=default_workers(), help="processes side by side")
    arguments = parser.parse_args(argv)
    chosen = stages(arguments.jobs)
    if arguments.list:
        print("\n".join(f"{stage.name:<9} {stage.what}" for stage in chosen))
        return 0
    if arguments.only:
        names = arguments.only.split(",")
        unknown = set(names) - {stage.name for stage in chosen}
        if unknown:
            parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(s.name for s in chosen)}")
        chosen = [stage for stage in chosen if stage.name in names]
    REPORTS.mkdir(parents=True, exist_ok=True)
    done = [perform(stage) for stage in chosen]
    print(summary(done))
    if not arguments.only:
        note_command(ROOT, "test", sum(one.seconds for one in done))
    return int(any(one.problems for one in done))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
