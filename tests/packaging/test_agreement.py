"""What is written in several files must agree: versions, pins, extras, commands."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lowdim

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def needs(extra=None, seen=()):
    """The requirements of the project or of one extra, extras that it names included."""
    found = []
    for text in PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]:
        requirement = Requirement(text)
        if requirement.name == "lowdim":
            for other in requirement.extras - set(seen):
                found += needs(other, (*seen, other))
        else:
            found.append(requirement)
    return found


def test_one_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["version"] == lowdim.__version__ == str(citation["version"])


def test_the_lock_holds_every_requirement_at_a_fitting_version():
    locked = pins()
    for extra in (None, *PROJECT["optional-dependencies"]):
        for requirement in needs(extra):
            name = canonicalize_name(requirement.name)
            assert name in locked, f"{name}: run `make lock`"
            assert requirement.specifier.contains(locked[name], prereleases=True), requirement


def test_the_lock_is_plain():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^+@\s]+", line) for line in lines)


def test_this_environment_is_the_locked_one():
    different = []
    for name, version in pins().items():
        try:
            installed = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            continue
        if installed != version:
            different.append(f"{name}: {installed} here, {version} in constraints.txt")
    assert not different


def test_conda_makes_the_same_environment():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python = next(entry for entry in conda["dependencies"] if isinstance(entry, str) and entry.startswith("python="))
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python.removeprefix("python="))
    entries = next(entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict))
    assert f"torch=={pins()['torch']}" in entries
    assert entries.index(f"torch=={pins()['torch']}") == 0
    assert "-c constraints.txt" in entries
    extras = re.search(r'-e "\.\[(.*)\]"', (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert extras is not None
    assert f"-e .[{extras.group(1)}]" in entries


def test_the_pipeline_runs_make_test_and_requires_a_browser():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "make test" in script
    assert "REQUIRE_BROWSER=1" in script
    assert "set -euo pipefail" in script
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert "jobs" in workflow, path


@pytest.mark.parametrize(
    "target", ["book", "html", "test", "serve", "record", "study", "full", "bench", "lint", "clean"]
)
def test_make_knows_its_targets(target):
    done = subprocess.run(["make", "-n", target, f"PYTHON={sys.executable}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_make_alone_is_help():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True)
    assert "make book" in done.stdout
