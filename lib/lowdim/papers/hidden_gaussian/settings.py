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
    held_out_pairs: int
    """The same on held-out images, where the effect is far above the floor."""
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
    net_steps: int
    """Optimiser steps of the networks on digits."""
    law_steps: int
    """Optimiser steps of those that differ in their law of noise levels."""
    net_width: int
    """Width of the networks on digits."""
    net_samples: int
    """Samples drawn from each network."""


_QUICK = Settings(
    adam_steps=3_000,
    risk_noises=4,
    pythagoras_noises=50,
    pairs=30_000,
    held_out_pairs=10_000,
    molrg_points=200_000,
    dial_steps=18,
    score_pairs=400,
    moment_pairs=8,
    face_points=2_000,
    net_steps=2_000,
    law_steps=1_000,
    net_width=192,
    net_samples=128,
)
_SMOKE = replace(
    _QUICK,
    adam_steps=20,
    risk_noises=1,
    pythagoras_noises=2,
    pairs=400,
    held_out_pairs=400,
    molrg_points=2_000,
    dial_steps=4,
    score_pairs=10,
    moment_pairs=1,
    face_points=100,
    net_steps=6,
    law_steps=4,
    net_width=32,
    net_samples=8,
)
_STUDY = replace(_QUICK, risk_noises=8, net_steps=6_000, law_steps=4_000)
_FULL = _STUDY

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
