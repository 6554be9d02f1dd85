"""A training process that another process kills, at a moment that nobody chose, and starts again."""

import os
import subprocess
import sys
import time
from pathlib import Path

import torch

from lowdim.training.checkpoints import load_newest
from lowdim.training.loop import train
from training.test_loop import assert_same, setup

STEPS, EVERY = 1200, 5
PROGRAM = """
import sys
from pathlib import Path
from training.test_kill import run

run(Path(sys.argv[1]))
"""


def run(folder: Path | None) -> dict[str, torch.Tensor]:
    """Train the small net of the loop's tests and return its weights and their average."""
    parts = setup()
    for _ in train(**parts, steps=STEPS, generator=torch.Generator().manual_seed(7), checkpoint=folder, every=EVERY):
        pass
    average = {f"ema.{key}": value for key, value in parts["ema"].module.state_dict().items()}
    return {**parts["model"].state_dict(), **average}


def train_until_killed(folder: Path, after: int) -> None:
    """Start a process that trains, and kill it as soon as it has written a checkpoint later than step ``after``."""
    tests = Path(__file__).resolve().parents[1]
    environment = os.environ | {"PYTHONPATH": str(tests)}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], env=environment, stderr=subprocess.PIPE)
    try:
        while process.poll() is None and newest(folder) <= after:
            time.sleep(0.005)
    finally:
        process.kill()
        _, said = process.communicate()
    assert said == b"", said.decode()


def newest(folder: Path) -> int:
    return max((int(path.stem.split("-")[1]) for path in folder.glob("step-*.json")), default=0)


def test_killed_twice_from_outside_it_ends_at_the_same_weights_bit_for_bit(tmp_path):
    reached = [0]
    for _ in range(2):
        train_until_killed(tmp_path, reached[-1])
        reached.append(load_newest(tmp_path)["step"])
    assert 0 < reached[1] < reached[2] < STEPS  # the second process went on where the first was killed
    assert_same(run(None), run(tmp_path))
