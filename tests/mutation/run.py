"""Break the project on purpose, one fault at a time, and see whether the checks turn red.

``python tests/mutation/run.py`` reads ``faults.yml`` beside it, plants each fault in a throw-away copy of the working
tree, runs the command that ought to notice, and writes ``book/results/mutation.json`` with the share of faults caught.
A command that fails before the fault is planted proves nothing, so each distinct command first runs on a clean copy.

A fault is a mapping with ``name``, ``file``, ``find`` (text that occurs exactly once), ``replace`` and ``command``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


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


def copy_tree(target: Path) -> None:
    """Copy what git tracks, and what it does not ignore, to ``target``; built artefacts under ``build`` come along."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    if (ROOT / "build").is_dir():
        shutil.copytree(ROOT / "build", target / "build", symlinks=True)


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


def check_clean(commands: set[str]) -> None:
    """Raise unless every command passes on a copy without a fault."""
    with tempfile.TemporaryDirectory() as folder:
        copy_tree(Path(folder))
        for command in sorted(commands):
            if not passes(command, Path(folder)):
                raise SystemExit(f"red before any fault was planted: {command}")


def main() -> int:
    """Run the faults whose name contains the argument (all without one); exit 1 when one goes unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="?", default="", help="run the faults whose name contains this text")
    parser.add_argument("--faults", type=Path, default=HERE / "faults.yml")
    arguments = parser.parse_args()
    faults = [fault for fault in load_faults(arguments.faults) if arguments.only in fault.name]
    if not faults:
        raise SystemExit(f"only: no fault's name contains {arguments.only!r}")
    check_clean({fault.command for fault in faults})
    caught = {}
    for fault in faults:
        caught[fault.name] = is_caught(fault)
        print(f"{'caught' if caught[fault.name] else 'MISSED'}  {fault.name}", flush=True)
    score = sum(caught.values()) / len(caught)
    print(f"{sum(caught.values())} of {len(caught)} faults caught")
    if not arguments.only:
        result = {"score": score, "faults": len(caught), "missed": [name for name, ok in caught.items() if not ok]}
        path = ROOT / "book/results/mutation.json"
        path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if score == 1 else 1


if __name__ == "__main__":
    sys.exit(main())
