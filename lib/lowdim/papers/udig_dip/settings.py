"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    signals: int
    """Signals behind each mean in closed form."""
    limit_rounds: int
    """Rounds of the schemes with pixels for a network."""
    draws: int
    """Draws of noise behind the error of the linearised network."""
    size: int
    """Side of images."""
    widths: tuple[int, ...]
    """Widths of the untrained network's levels."""
    steps: int
    """Updates of the weights in a round."""
    curve_task: str
    """What the curves of the methods are drawn for."""
    curve_slices: int
    """Images behind these curves."""
    curve_updates: int
    """Updates of each method there."""
    noisy_size: int
    """Side of the images that are only noisy."""
    noisy_slices: int
    """Their number."""
    noisy_updates: int
    """Updates of the deep image prior on them."""
    input_levels: tuple[float, ...]
    """Noise of the inputs that are compared."""
    input_slices: int
    """Images there."""
    input_updates: int
    """Updates there."""
    tasks: tuple[str, ...]
    """Tasks of the comparison."""
    mismatch_tasks: tuple[str, ...]
    """Tasks on which phantoms and brain slices are compared."""
    slices: int
    """Images of each task."""
    updates: int
    """Updates of every method there."""
    dds_levels: int
    """Levels of DDS there."""
    dps_levels: int
    """Levels of DPS there, each with a gradient."""
    purify_levels: tuple[float, ...]
    """Levels of purification that are compared."""
    purify_slices: int
    """Images there."""
    purify_updates: int
    """Updates there."""


_QUICK = Settings(
    signals=50,
    limit_rounds=400,
    draws=2_000,
    size=64,
    widths=(16, 32, 64),
    steps=10,
    curve_task="mri-4",
    curve_slices=1,
    curve_updates=200,
    noisy_size=32,
    noisy_slices=1,
    noisy_updates=300,
    input_levels=(0.05, 1.0),
    input_slices=1,
    input_updates=100,
    tasks=("ct-18",),
    mismatch_tasks=("ct-18",),
    slices=1,
    updates=20,
    dds_levels=8,
    dps_levels=8,
    purify_levels=(0.02, 0.2),
    purify_slices=1,
    purify_updates=20,
)
_SMOKE = replace(
    _QUICK,
    signals=4,
    limit_rounds=6,
    draws=20,
    size=16,
    widths=(8, 8),
    steps=2,
    curve_updates=4,
    noisy_size=16,
    noisy_updates=6,
    input_updates=4,
    tasks=("mri-4", "ct-18"),
    slices=2,
    updates=4,
    dds_levels=3,
    dps_levels=3,
    purify_updates=4,
)
_STUDY = replace(
    _QUICK,
    signals=200,
    draws=20_000,
    size=48,
    curve_slices=8,
    curve_updates=800,
    noisy_size=48,
    noisy_slices=6,
    noisy_updates=1_000,
    input_levels=(0.05, 0.2, 0.5, 1.0),
    input_slices=6,
    input_updates=300,
    tasks=("mri-4", "mri-8", "ct-30", "ct-18"),
    mismatch_tasks=("mri-4", "ct-18"),
    slices=8,
    updates=800,
    dds_levels=100,
    dps_levels=200,
    purify_levels=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    purify_slices=4,
    purify_updates=150,
)
_FULL = replace(
    _STUDY,
    size=128,
    curve_slices=16,
    curve_updates=1_500,
    noisy_size=64,
    noisy_updates=2_000,
    input_updates=800,
    tasks=("mri-4", "mri-8", "mri-4-gaussian", "ct-60", "ct-30", "ct-18"),
    purify_slices=8,
    purify_updates=300,
)

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
