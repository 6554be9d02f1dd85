"""Carry recorded slow results over to code that has changed without changing what it computes.

A better error message or a moved function ages a study of many hours by its hash. Smoke runs of both codes tell whether
it changed more than that: the commit that measured the result and the checkout run every aged experiment, and every
claim, number and array must have the same bits. What differs between two runs of the same code (a time) is left out of
the comparison, and so is an array that is recorded no more. The result keeps its commit and says to which it was
carried.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lowdim.companion import provenance, results, seeds
from lowdim.companion.catalogue import ChapterInfo
from lowdim.companion.environment import kernel_environment
from lowdim.companion.execute import Say, aloud

# Runs in trees of any age, so it uses nothing but the registry and what a record has always had.
_PROGRAM = """
import hashlib, json, sys
from lowdim.companion.catalogue import find, load_module
found = {}
for name in sys.argv[2:]:
    record = load_module(find(sys.argv[1])).EXPERIMENTS[name]("smoke", 0, "cpu")
    found |= {f"{name}: claim {key}": repr(float(value)) for key, value in record.claims.items()}
    found |= {f"{name}: number {key}": repr(float(number.value)) for key, number in record.numbers.items()}
    for key, value in record.arrays.items():
        bits = hashlib.sha256(value.tobytes()).hexdigest()
        found[f"{name}: array {key}"] = f"{value.dtype} {value.shape} {bits}"
print("\\n" + json.dumps(found))
"""

Measure = Callable[[Path, str, Sequence[str]], Mapping[str, str]]
"""What experiments measure in a tree: ``(tree, chapter, experiments)`` to entries ``experiment: what`` as text."""


class NotCarried(ValueError):
    """A recorded result cannot be carried to today's code; the message says why."""


def carry(
    info: ChapterInfo, profile: str, root: Path, *, measure: Measure | None = None, say: Say = aloud
) -> list[str]:
    """Carry the recorded result of a slow ``profile``, and its summary over seeds, to the code in ``root``.

    Returns the experiments that were carried: none when the result is current. Raises :class:`NotCarried` when there is
    no result, weights or an experiment's measured values changed, or the commit is not there or did not measure it.
    """
    result = results.load_recorded(info, profile, root)
    if result is None:
        raise NotCarried(f"chapter {info.number} has no recorded {profile} result")
    now = provenance.measuring_hashes(info, root)
    aged = provenance.measured_otherwise(result["hashes"], now)
    if "weights" in aged or "code" in aged:
        raise NotCarried(f"chapter {info.number}, {profile}: {' and '.join(aged)} changed; run it again")
    names = [name.removeprefix(provenance.EXPERIMENT) for name in aged]
    gone = [name for name in names if provenance.EXPERIMENT + name not in now]
    if gone:
        raise NotCarried(f"chapter {info.number}, {profile}: {', '.join(gone)} is no experiment any more")
    if names:
        changes = _git(root, "status", "--porcelain", "--", "lib", "models").stdout.strip()
        if changes:
            raise NotCarried(f"lib or models has changes that no commit holds ({changes.splitlines()[0]}); commit them")
        with _tree_of(result["commit"], root) as then:
            _check_origin(info, result, then, names)
            say(f"  comparing  {info.stem}: {', '.join(names)}")
            _compare(info, names, then, root, measure or smoke)
        _rewrite(info, profile, root, {name: now[provenance.EXPERIMENT + name] for name in names})
    return names


def smoke(tree: Path, chapter: str, experiments: Sequence[str]) -> Mapping[str, str]:
    """Run experiments at smoke size and seed 0 with the package in ``tree``, in a process of their own."""
    environment = kernel_environment(1, {"PYTHONPATH": str(tree / "lib"), "LOWDIM_ROOT": str(tree)})
    command = [sys.executable, "-c", _PROGRAM, chapter, *experiments]
    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NotCarried(f"{', '.join(experiments)}: no smoke run in {tree.name}: {last}")
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _tree_of(commit: str | None, root: Path) -> Iterator[Path]:
    """The files of ``commit`` in a temporary folder. Where the checkout had other changes (``-dirty``), the hashes tell
    whether they touched the code that measured.
    """
    if not commit or commit == "unknown":
        raise NotCarried("the result does not say which commit measured it")
    commit = commit.removesuffix("-dirty")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "then"
        made = _git(root, "worktree", "add", "--detach", str(tree), commit)
        if made.returncode:
            raise NotCarried(f"commit {commit} is not in this repository: {made.stderr.strip()}")
        try:
            yield tree
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def _git(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True)


def _check_origin(info: ChapterInfo, result: Mapping[str, Any], tree: Path, names: list[str]) -> None:
    """The commit's code is the one that measured the result; one that was carried before names its own."""
    then = provenance.measuring_hashes(info, tree)
    carried = result.get("carried", {}).get("experiments", {})
    for name in names:
        key = provenance.EXPERIMENT + name
        if carried.get(name, result["hashes"][key]) != then.get(key):
            raise NotCarried(f"{name}: the code of {result['commit']} is not what the recorded result was made with")


def _compare(info: ChapterInfo, names: Sequence[str], then: Path, root: Path, measure: Measure) -> None:
    old, new = measure(then, info.number, names), measure(root, info.number, names)
    other = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    other -= {key for key in old.keys() - new.keys() if ": array " in key}
    suspects = sorted({key.partition(":")[0] for key in other})
    if suspects:  # what the same code does not repeat says nothing
        again = measure(root, info.number, suspects)
        other = {key for key in other if new.get(key) == again.get(key)}
    empty = [name for name in names if not any(key.startswith(f"{name}: ") for key in new.keys() - other)]
    if other or empty:
        raise NotCarried(f"{'; '.join(sorted(other)) or ', '.join(empty)} differs; run it again")


def _rewrite(info: ChapterInfo, profile: str, root: Path, hashes: Mapping[str, str]) -> None:
    """Give the result and its summary over seeds the new hashes; the first ones stay beside them."""
    path = results.recorded_path(info, profile, root)
    kept: list[tuple[Path, Callable[[Path], dict[str, Any]], Callable[[Path, Mapping[str, Any]], None]]]
    kept = [(path, results.read_result, results.write_result)]
    summary = seeds.seeds_path(info, profile, root)
    if summary.is_file():
        kept.append((summary, seeds.read_seeds, seeds.write_seeds))
    label = provenance.commit_label(root).removesuffix("-dirty")  # results may have changed, code has not
    for file, read, write in kept:
        data = {key: value for key, value in read(file).items() if key != "integrity"}
        first = data.get("carried", {}).get("experiments", {})
        for name, value in hashes.items():
            key = provenance.EXPERIMENT + name
            if key in data["hashes"]:
                first = {name: data["hashes"][key]} | first
                data["hashes"] = data["hashes"] | {key: value}
        data["carried"] = {"commit": label, "experiments": first}
        write(file, data)
