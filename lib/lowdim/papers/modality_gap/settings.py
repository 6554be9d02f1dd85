"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    problems: int
    """Random problems behind each identity of the parallel model."""
    lemma_draws: int
    """Random rows behind the lemma of Theorem 3.2."""
    bound_problems: int
    """Random matched problems behind its bound."""
    pressure_draws: int
    """Draws of 1024 random pairs behind each pressure."""
    growth_starts: int
    """Random starts behind the sign of the initial growth."""
    sphere_starts: int
    """Starts of the free features on the sphere."""
    sphere_times: int
    """Times at which they are drawn."""
    first_starts: int
    """Initialisations of the toy's towers followed for ten steps."""
    latent_seeds: int
    """Towers trained side by side for each setting of the toy."""
    latent_steps: int
    """Their optimiser steps."""
    mitigation_seeds: int
    """Towers trained side by side for each mitigation."""
    faces: int
    """Training pairs of a face and a caption."""
    face_tests: int
    """Held-out pairs."""
    face_size: int
    """Pixels a side."""
    face_channels: tuple[int, ...]
    """Channels of the image tower, one stride-two stage each."""
    text_width: int
    """Width of the text tower."""
    text_layers: int
    """Its transformer layers; 0 is a bag of embeddings."""
    embedding: int
    """Dimension of the shared embedding."""
    face_batch: int
    """Pairs in a batch."""
    face_rate: float
    """Learning rate."""
    face_starts: int
    """Starts of the towers of faces followed for ten steps."""
    face_steps: int
    """Optimiser steps of each model."""
    face_temperatures: tuple[float, ...]
    """Fixed temperatures tried on faces."""
    face_mitigations: tuple[str, ...]
    """Names of the mitigations tried on faces."""
    mismatch_rates: tuple[float, ...]
    """Shares of captions that belong to another face."""


_SMOKE = Settings(
    problems=6,
    lemma_draws=500,
    bound_problems=4,
    pressure_draws=2,
    growth_starts=4,
    sphere_starts=2,
    sphere_times=12,
    first_starts=4,
    latent_seeds=2,
    latent_steps=10,
    mitigation_seeds=2,
    faces=96,
    face_tests=48,
    face_size=16,
    face_channels=(4, 8),
    text_width=16,
    text_layers=0,
    embedding=8,
    face_batch=32,
    face_starts=2,
    face_rate=2e-3,
    face_steps=8,
    face_temperatures=(0.01, 0.07, 0.4),
    face_mitigations=("hard swap 0.1",),
    mismatch_rates=(0.0, 0.5),
)
_QUICK = replace(
    _SMOKE,
    problems=60,
    lemma_draws=20_000,
    bound_problems=40,
    pressure_draws=8,
    growth_starts=100,
    sphere_starts=8,
    sphere_times=121,
    first_starts=100,
    latent_seeds=3,
    latent_steps=100,
    mitigation_seeds=3,
    faces=2048,
    face_tests=512,
    face_size=32,
    face_channels=(16, 32, 64),
    text_width=64,
    embedding=32,
    face_batch=64,
    face_starts=16,
    face_rate=3e-3,
    face_steps=300,
    face_temperatures=(0.01, 0.07),
    mismatch_rates=(0.0, 0.5, 0.9),
)
_STUDY = replace(
    _QUICK,
    latent_seeds=5,
    latent_steps=800,
    mitigation_seeds=5,
    face_steps=500,
    face_temperatures=(0.01, 0.02, 0.07, 0.4),
    mismatch_rates=(0.0, 0.9),
)
_FULL = replace(
    _STUDY,
    latent_seeds=16,
    mitigation_seeds=16,
    faces=50_000,
    face_tests=2048,
    face_size=64,
    face_channels=(64, 128, 256, 512),
    text_width=256,
    text_layers=4,
    embedding=256,
    face_batch=1024,
    face_rate=5e-4,
    face_steps=400,
    face_temperatures=(0.01, 0.02, 0.04, 0.07, 0.1, 0.4),
    face_mitigations=("hard swap 0.1", "soft swap 0.05", "schedule", "softplus", "slower rate"),
    mismatch_rates=(0.0, 0.2, 0.5, 0.8),
)

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
