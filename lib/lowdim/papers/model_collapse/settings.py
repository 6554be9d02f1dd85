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
    collapse_runs: int
    """Independent runs of each recursion."""


_QUICK = Settings(regression_samples=100_000, descent_steps=3_000, collapse_runs=12)
_SMOKE = replace(_QUICK, regression_samples=2_000, descent_steps=50, collapse_runs=2)

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_QUICK, full=_QUICK)
