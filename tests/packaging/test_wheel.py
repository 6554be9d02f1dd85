"""The wheel, built once without a network, unpacked and used where there is no checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w"]
    done = subprocess.run([*command, str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def names(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Runs Python, or the command line, in an empty folder with the unpacked wheel before everything else."""
    place = tmp_path_factory.mktemp("place")
    zipfile.ZipFile(wheel).extractall(place / "site")
    (place / "work").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOWDIM_")}
    environment["PYTHONPATH"] = str(place / "site")

    def run(*arguments):
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=place / "work", env=environment, capture_output=True, text=True)

    return run


def test_every_module_and_data_file_is_in_it(names):
    package = ROOT / "lib" / "lowdim"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {path.relative_to(package.parent).as_posix() for path in files if not path.name.startswith(".")}
    assert expected <= names


def test_claims_results_and_weights_are_in_it(names):
    for folder, target, pattern in (
        ("book/claims", "lowdim/_book/claims", "*.yml"),
        ("book/results", "lowdim/_book/results", "*.json"),
        ("models", "lowdim/_models", "*/*"),
        ("models", "lowdim/_models", "*.safetensors"),
    ):
        for path in filter(Path.is_file, (ROOT / folder).rglob(pattern)):
            assert f"{target}/{path.relative_to(ROOT / folder).as_posix()}" in names


def test_nothing_else_is_in_it(names):
    tops = {name.split("/")[0].split("-")[0] for name in names}
    assert tops == {"lowdim"}
    assert not [name for name in names if "__pycache__" in name or "/." in name]


def test_it_is_small(wheel):
    assert wheel.stat().st_size < 40e6


def test_it_finds_its_claims_without_a_checkout(installed):
    code = "import lowdim; from lowdim.companion.claims import load_all; print(lowdim.__file__, *load_all())"
    done = installed("-c", code)
    assert done.returncode == 0, done.stderr
    file, *chapters = done.stdout.split()
    assert ROOT not in Path(file).parents
    assert set(chapters) == {path.name[:2] for path in (ROOT / "book/claims").glob("*.yml")}


def test_its_weights_are_whole_without_a_checkout(installed):
    shipped = sorted(path.parent.name for path in (ROOT / "models").glob("*/card.json"))
    code = (
        "import importlib; from lowdim.model_store import load_card\n"
        f"for name in {shipped}:\n"
        "    module, _, function = load_card(name).loader.rpartition('.')\n"
        "    getattr(importlib.import_module(module), function)(name)"
    )
    done = installed("-c", code)
    assert done.returncode == 0, done.stderr
    told = installed("-m", "lowdim.companion.cli", "doctor").stdout
    assert all(f"{name}: intact" in told for name in shipped), told


def test_its_command_line_says_what_needs_a_checkout(installed):
    done = installed("-m", "lowdim.companion.cli", "html")
    assert done.returncode == 2
    assert "checkout" in done.stderr
    done = installed("-m", "lowdim.companion.cli", "claims")
    assert done.returncode == 0, done.stderr
