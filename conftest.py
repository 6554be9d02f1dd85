"""For every test run: kernels inherit one thread and one instruction set, which act before PyTorch is loaded."""

import os
from pathlib import Path

import pytest

from lowdim.companion.environment import repeatable

os.environ.update(repeatable())
os.environ.pop("MPLBACKEND", None)  # a backend chosen outside would leave the kernels without pictures


def pytest_configure(config: pytest.Config) -> None:
    """Keep what nbval's kernels write apart from the results of `lowdim run`."""
    if config.option.nbval or config.option.nbval_lax:
        folder = Path(__file__).parent / "build" / "runs" / "nbval"
        os.environ.setdefault("LOWDIM_RUN_DIR", str(folder))
