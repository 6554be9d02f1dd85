"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    adam_steps: int
    """Steps of Adam on the linear denoiser."""
    risk_noises: int
    """Noises for each digit behind a mean."""
    pythagoras_noises: int
    """Noises for each of 300 digits behind the three errors of Pythagoras."""
    pairs: int
    """Noisy images behind each linear fit."""
    molrg_points: int
    """Points of the mixture of subspaces behind each fit."""
    dial_steps: int
    """Heun steps of the samples along the family."""
    score_pairs: int
    """Pairs behind each linearity score."""
    moment_pairs: int
    """Pairs of disjoint sets of digits at each size."""
    face_points: int
    """Faces behind the covariance of the Gaussian model of faces."""


_QUICK = Settings(
    adam_steps=3_000,
    risk_noises=4,
    pythagoras_noises=100,
    pairs=30_000,
    molrg_points=200_000,
    dial_steps=18,
    score_pairs=400,
    moment_pairs=8,
    face_points=2_000,
)
_SMOKE = replace(
    _QUICK,
    adam_steps=20,
    risk_noises=1,
    pythagoras_noises=2,
    pairs=400,
    molrg_points=2_000,
    dial_steps=4,
    score_pairs=10,
    moment_pairs=1,
    face_points=100,
)
_STUDY = replace(_QUICK, risk_noises=8)
_FULL = _STUDY

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
