"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    regression_samples: int
    """Samples behind each regressed slope."""
    descent_steps: int
    """Steps of gradient descent on the linear autoencoder."""
    bound_runs: int
    """Runs against the bound for finitely many samples."""
    paths: int
    """Paths behind the telescoping identity."""
    law_rounds: int
    """Rounds of Reflow against the law of a ridge."""
    linear_pool: int
    """Pairs in each round of the trained linear flow."""
    linear_steps: int
    """Its optimiser steps a round."""
    linear_rounds: int
    """Its rounds."""
    collapse_runs: int
    """Independent runs of each recursion."""


_QUICK = Settings(
    regression_samples=400_000,
    descent_steps=1_000,
    collapse_runs=12,
    bound_runs=20,
    paths=4_000,
    law_rounds=200,
    linear_pool=20_000,
    linear_steps=400,
    linear_rounds=6,
)
_SMOKE = replace(
    _QUICK,
    regression_samples=2_000,
    descent_steps=50,
    collapse_runs=2,
    bound_runs=3,
    paths=500,
    law_rounds=4,
    linear_pool=500,
    linear_steps=10,
    linear_rounds=2,
)

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_QUICK, full=_QUICK)
