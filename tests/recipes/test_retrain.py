"""Every recipe runs from its command in the smallest size, and one that is killed ends at the same files."""

import json
import os
import shlex
import signal
import subprocess
import sys

import pytest

from lowdim import recipes
from lowdim.companion.cli import main
from lowdim.model_store import checkout, load_card
from lowdim.training import loop

KILLED_AT = """
import os, signal, sys
from lowdim.companion.cli import main
from lowdim.training import loop

take = loop._Run.step


def step(run, number):
    if number == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return take(run, number)


loop._Run.step = step
sys.exit(main(sys.argv[2:]))
"""


def one_of_each_kind():
    """The first recipe of each module."""
    kinds = {recipes.load_recipe(name).score: name for name in reversed(recipes.names())}
    return sorted(kinds.values())


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """``trained(name)``: the files of an undisturbed smoke run, made once."""
    place, made = tmp_path_factory.mktemp("trained"), {}

    def run(name):
        if name not in made:
            assert main(["train", name, "--profile", "smoke", "--out", str(place / name)]) == 0
            made[name] = contents(place / name)
        return made[name]

    return run


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_trains_from_its_command(trained, name):
    assert "card.json" in trained(name)
    assert any(file.endswith(".safetensors") for file in trained(name))


@pytest.mark.skipif(checkout() is None, reason="the shipped models are in the repository")
def test_every_shipped_model_says_a_command_that_trains_it(trained):
    shipped = [path.parent.name for path in (checkout() / "models").glob("*/card.json")]
    assert shipped
    for name in shipped:
        program, command, *arguments = shlex.split(load_card(name).command)
        assert (program, command, arguments[0]) == ("lowdim", "train", name)
        assert name in recipes.names()
        assert json.loads(trained(name)["card.json"])["name"] == name


@pytest.mark.parametrize("name", one_of_each_kind())
def test_stopped_between_checkpoints_it_ends_at_the_same_files(trained, tmp_path, monkeypatch, name):
    class Stopped(BaseException):
        pass

    settings = recipes.load_recipe(name).profiles["smoke"]
    stop, take, seen = settings.every + 2, loop._Run.step, []

    def step(run, number):
        if number == stop and stop not in seen:
            seen.append(stop)
            raise Stopped
        seen.append(number)
        return take(run, number)

    monkeypatch.setattr(loop._Run, "step", step)
    arguments = ["train", name, "--profile", "smoke", "--out", str(tmp_path / name)]
    with pytest.raises(Stopped):
        main(arguments)
    assert not (tmp_path / name).exists()
    assert main(arguments) == 0
    assert seen[seen.index(stop) + 1] == settings.every + 1  # at most one interval is done again
    assert contents(tmp_path / name) == trained(name)


def test_killed_by_the_system_it_ends_at_the_same_files(trained, tmp_path):
    """The process of the command dies at step 7 without a word; the same command goes on from step 4."""
    arguments = ["train", "digits", "--profile", "smoke", "--out", str(tmp_path / "digits")]
    done = subprocess.run([sys.executable, "-c", KILLED_AT, "7", *arguments], capture_output=True, env=os.environ)
    assert done.returncode == (-signal.SIGKILL if os.name == "posix" else signal.SIGTERM), done.stderr.decode()
    left = tmp_path / "digits.checkpoints"
    assert [path.name for path in left.glob("*.json")] == ["step-00000004.json"]
    assert main(arguments) == 0
    assert contents(tmp_path / "digits") == trained("digits")
    assert not left.exists()
