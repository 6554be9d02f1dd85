"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    directions: int
    """Random directions behind each law of the length of ``J u``."""
    gaussian_pictures: int
    """Pairs of marked and unmarked stationary Gaussian pictures."""
    noise_draws: int
    """Draws of white noise behind the law of p-values."""
    steps: int
    """Steps of DDIM over the whole schedule."""
    pairs: int
    """Marked faces behind each rate."""
    attacks: tuple[str, ...]
    """Attacks on them."""
    negatives: int
    """Unmarked faces behind the threshold under each attack."""
    other_keys: int
    """Keys that were not written: each with each of these faces."""
    jacobian_faces: int
    """Faces at which the network is perturbed."""
    jacobian_directions: int
    """Random directions at each of them."""
    shown: int
    """Faces in the gallery."""
    calibration_negatives: int
    """Unmarked faces that set the threshold."""
    fresh_negatives: int
    """Unmarked faces that test it."""
    ablation_pairs: int
    """Marked faces behind each point of an ablation."""
    depths: tuple[float, ...]
    """Levels of injection as shares of the schedule."""
    large_size: int
    """Side of the faces of the large network."""
    large_channels: tuple[int, ...]
    """Its channels."""
    large_steps: int
    """Its training steps."""
    large_batch: int
    """Faces in a step."""
    large_pairs: int
    """Marked faces behind each of its rates."""


MILD = ("as saved", "noise 0.05", "blur 0.7", "JPEG 75", "resize 75 %", "brightness ±20 %", "erase 10 %")
HARSH = ("JPEG 75, 4:2:0", "crop 90 %", "rotation 5°", "DiffPure 0.1T", "DiffPure 0.2T", "DiffPure 0.3T")

_QUICK = Settings(
    directions=2_000,
    gaussian_pictures=200,
    noise_draws=4_000,
    steps=20,
    pairs=24,
    attacks=("as saved", "noise 0.05", "JPEG 75", "DiffPure 0.1T"),
    negatives=8,
    other_keys=999,
    jacobian_faces=8,
    jacobian_directions=16,
    shown=6,
    calibration_negatives=99,
    fresh_negatives=20,
    ablation_pairs=4,
    depths=(0.3, 1.0),
    large_size=32,
    large_channels=(8, 16),
    large_steps=10,
    large_batch=8,
    large_pairs=4,
)
_SMOKE = replace(
    _QUICK,
    directions=200,
    gaussian_pictures=20,
    noise_draws=200,
    steps=10,
    pairs=2,
    negatives=2,
    other_keys=99,
    jacobian_faces=1,
    jacobian_directions=2,
    shown=2,
    fresh_negatives=4,
    ablation_pairs=2,
    depths=(0.3, 1.0),
    large_size=16,
    large_steps=2,
    large_pairs=2,
)
_STUDY = replace(
    _QUICK,
    directions=20_000,
    gaussian_pictures=500,
    noise_draws=20_000,
    pairs=32,
    depths=(0.1, 0.2, 0.3, 0.5, 1.0),
    attacks=(*MILD, *HARSH),
    negatives=16,
    calibration_negatives=400,
    fresh_negatives=1_000,
    ablation_pairs=8,
)
_FULL = replace(
    _STUDY,
    steps=50,
    pairs=500,
    negatives=200,
    jacobian_faces=32,
    jacobian_directions=64,
    shown=8,
    calibration_negatives=1_000,
    fresh_negatives=5_000,
    ablation_pairs=200,
    depths=(0.1, 0.2, 0.3, 0.5, 0.7, 1.0),
    large_size=64,
    large_channels=(64, 128, 128, 192),
    large_steps=3_000,
    large_batch=64,
    large_pairs=300,
)

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
