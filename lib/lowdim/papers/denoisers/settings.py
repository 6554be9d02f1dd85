"""The sizes at which the primer runs."""

from __future__ import annotations

from dataclasses import dataclass

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile. Nothing needs an accelerator: larger profiles draw more samples and take more steps."""

    points: int
    """Evaluation points of each identity that holds point by point."""
    importance_samples: int
    """Prior draws behind each Monte Carlo posterior covariance."""
    samples: int
    """Noisy samples behind each mean squared error."""
    curve_levels: int
    """Noise levels of the error curves."""
    steps: tuple[int, ...]
    """Step counts at which samplers are compared with the closed form; the larger half decides the slope."""
    ancestral_samples: int
    """Samples behind the variance that ancestral sampling loses."""
    memorised_samples: int
    """Images drawn with the denoiser of a training set."""
    training_images: int
    """Digits in that training set."""
    training_steps: int
    """Optimiser steps of the small network."""
    evaluation_samples: int
    """Noisy samples behind its excess loss."""


PROFILES = Profiles(
    smoke=Settings(
        points=4,
        importance_samples=4_000,
        samples=2_000,
        curve_levels=5,
        steps=(8, 16, 32, 64),
        ancestral_samples=2_000,
        memorised_samples=8,
        training_images=60,
        training_steps=60,
        evaluation_samples=4_000,
    ),
    quick=Settings(
        points=32,
        importance_samples=100_000,
        samples=40_000,
        curve_levels=13,
        steps=(8, 16, 32, 64, 128, 256),
        ancestral_samples=60_000,
        memorised_samples=200,
        training_images=1_500,
        training_steps=1_500,
        evaluation_samples=50_000,
    ),
    study=Settings(
        points=128,
        importance_samples=1_000_000,
        samples=400_000,
        curve_levels=25,
        steps=(8, 16, 32, 64, 128, 256, 512, 1024),
        ancestral_samples=400_000,
        memorised_samples=1_000,
        training_images=1_500,
        training_steps=20_000,
        evaluation_samples=500_000,
    ),
    full=Settings(
        points=256,
        importance_samples=4_000_000,
        samples=2_000_000,
        curve_levels=33,
        steps=(8, 16, 32, 64, 128, 256, 512, 1024, 2048),
        ancestral_samples=1_000_000,
        memorised_samples=4_000,
        training_images=1_500,
        training_steps=40_000,
        evaluation_samples=2_000_000,
    ),
)
