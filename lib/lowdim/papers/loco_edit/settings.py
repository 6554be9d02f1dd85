"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    bound_draws: int
    """Random mixtures behind the bound on linearity."""
    gaussian_faces: int
    """Faces behind the Gaussian on which edits are exact."""
    rank_paths: int
    """Sampling paths of the network on digits whose Jacobians are formed."""
    arm_steps: int
    """Optimiser steps of the two networks that differ in what they predict."""
    line_points: int
    """Faces at which linearity is measured."""
    power_model: str
    """The network whose Jacobian is formed in full beside the products: 16 or 32 pixels a side."""
    power_count: int
    """Leading singular vectors compared."""
    portraits: int
    """Faces that are edited."""
    others: int
    """Faces to which each of their edits is transferred."""
    strengths: int
    """Strengths of each edit, an odd number."""
    sampler_steps: int
    """Steps from the noise level of an edit to the image."""
    told: int
    """Faces edited by label."""
    trained_size: int
    """Pixels a side of the faces on which the larger network is trained."""
    trained_channels: tuple[int, ...]
    """Channels of the networks trained in the full profile."""
    trained_steps: int
    """Their optimiser steps."""
    trained_batch: int
    """Images in a step."""
    trained_points: int
    """Points at which their Jacobians are formed."""
    photographs: str
    """Images of the second network: ``faces`` or ``cifar10``."""


_QUICK = Settings(
    bound_draws=500,
    gaussian_faces=1_500,
    rank_paths=2,
    arm_steps=500,
    line_points=2,
    power_model="faces-16-4096",
    power_count=5,
    portraits=1,
    others=6,
    strengths=17,
    sampler_steps=6,
    told=1,
    trained_size=16,
    trained_channels=(8, 8),
    trained_steps=8,
    trained_batch=8,
    trained_points=1,
    photographs="faces",
)
_SMOKE = replace(
    _QUICK,
    bound_draws=20,
    gaussian_faces=60,
    rank_paths=1,
    arm_steps=4,
    line_points=1,
    power_model="digits",
    others=2,
    strengths=5,
    sampler_steps=1,
    told=1,
    trained_steps=2,
)
_STUDY = replace(
    _QUICK,
    rank_paths=4,
    arm_steps=1_500,
    line_points=4,
    power_model="faces-32",
    portraits=2,
    others=8,
    told=2,
)
_FULL = replace(
    _STUDY,
    portraits=8,
    others=50,
    told=16,
    sampler_steps=20,
    trained_size=64,
    trained_channels=(64, 128, 128),
    trained_steps=4_000,
    trained_batch=128,
    trained_points=8,
    photographs="cifar10",
)

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
