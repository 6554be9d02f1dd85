"""Break the project on purpose, one fault at a time, and see whether the checks turn red.

``python tests/mutation/run.py`` reads ``faults.yml`` beside it, plants each fault in a throw-away copy of the working
tree, runs the command that ought to notice, and writes ``book/results/mutation.json`` with the share of faults caught.
A command that fails before the fault is planted proves nothing, so each distinct command first runs on a clean copy.
What was found is kept under ``build/mutation`` as long as no file of the tree changes: an interrupted run goes on.

A fault is a mapping with ``name``, ``file``, ``find`` (text that occurs exactly once), ``replace`` and ``command``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from lowdim.companion.environment import default_workers

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = ROOT / "build" / "mutation"


@dataclass(frozen=True)
class Fault:
    """One planted fault and the command that ought to notice it."""

    name: str
    file: str
    find: str
    replace: str
    command: str


def load_faults(path: Path) -> list[Fault]:
    """The faults of a YAML file; a fault whose text is not found exactly once is refused by name."""
    faults = [Fault(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]
    for fault in faults:
        count = (ROOT / fault.file).read_text(encoding="utf-8").count(fault.find)
        if count != 1:
            raise ValueError(f"fault {fault.name!r}: find occurs {count} times in {fault.file}; it must occur once")
    return faults


def tree_files() -> list[str]:
    """What git tracks, and what it does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def copy_tree(target: Path) -> None:
    """Copy the tree's files to ``target``; the cache of executed notebooks comes along."""
    for name in tree_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    if (ROOT / "build" / "cache").is_dir():
        shutil.copytree(ROOT / "build" / "cache", target / "build" / "cache", symlinks=True)


def passes(command: str, tree: Path) -> bool:
    """Whether ``command`` exits with 0 in ``tree``, with that tree's package ahead of the installed one."""
    env = os.environ | {"PYTHONPATH": str(tree / "lib"), "LOWDIM_ROOT": str(tree), "OMP_NUM_THREADS": "1"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    done = subprocess.run(command, shell=True, cwd=tree, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode == 0


def is_caught(fault: Fault) -> bool:
    """Plant ``fault`` in a fresh copy and say whether its command turns red."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy_tree(tree)
        target = tree / fault.file
        target.write_text(target.read_text(encoding="utf-8").replace(fault.find, fault.replace), encoding="utf-8")
        return not passes(fault.command, tree)


def is_green(command: str) -> bool:
    """Whether ``command`` passes on a copy without a fault."""
    with tempfile.TemporaryDirectory() as folder:
        copy_tree(Path(folder))
        return passes(command, Path(folder))


def tree_state() -> str:
    """A hash of the tree's files, but for the result of this program."""
    state = hashlib.sha256()
    for name in sorted(tree_files()):
        if name != "book/results/mutation.json":
            state.update(name.encode() + b"\0" + hashlib.sha256((ROOT / name).read_bytes()).digest())
    return state.hexdigest()


def kept(question: str, answer: Callable[[], bool], state: str) -> bool:
    """The answer to ``question`` about the tree in ``state``, from an earlier run where there is one."""
    path = KEPT / hashlib.sha256(f"{state}\0{question}".encode()).hexdigest()
    if path.is_file() and path.read_text() in ("yes", "no"):
        return path.read_text() == "yes"
    found = answer()
    KEPT.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text("yes" if found else "no")
    draft.replace(path)
    return found


def check_clean(commands: Iterable[str], state: str, pool: ThreadPoolExecutor) -> None:
    """Raise unless every command passes on a copy without a fault."""
    commands = sorted(set(commands))
    green = pool.map(lambda command: kept(command, lambda: is_green(command), state), commands)
    red = [command for command, ok in zip(commands, green, strict=True) if not ok]
    if red:
        raise SystemExit("red before any fault was planted: " + "; ".join(red))


def main() -> int:
    """Run the faults whose name contains the argument (all without one); exit 1 when one goes unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="?", default="", help="run the faults whose name contains this text")
    parser.add_argument("--faults", type=Path, default=HERE / "faults.yml")
    parser.add_argument("--jobs", type=int, default=default_workers(), help="faults side by side")
    arguments = parser.parse_args()
    faults = [fault for fault in load_faults(arguments.faults) if arguments.only in fault.name]
    if not faults:
        raise SystemExit(f"only: no fault's name contains {arguments.only!r}")
    state, caught = tree_state(), {}
    with ThreadPoolExecutor(arguments.jobs) as pool:
        check_clean((fault.command for fault in faults), state, pool)
        found = pool.map(lambda fault: kept(repr(fault), lambda: is_caught(fault), state), faults)
        for fault, ok in zip(faults, found, strict=True):
            caught[fault.name] = ok
            print(f"{'caught' if ok else 'MISSED'}  {fault.name}", flush=True)
    score = sum(caught.values()) / len(caught)
    print(f"{sum(caught.values())} of {len(caught)} faults caught")
    if not arguments.only:
        result = {"score": score, "faults": len(caught), "missed": [name for name, ok in caught.items() if not ok]}
        path = ROOT / "book/results/mutation.json"
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if score == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
