"""The sizes at which the chapter on ViDiDi runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    exact_clips: int = 100
    """Clips behind the identities and the invariance."""
    noise_frames: int = 200_000
    """Pixels of noise, over 16 frames each, behind the gains."""
    batches: int = 4000
    """Batches that the schedule is simulated for."""
    neighbours: int = 400
    """Clips whose nearest neighbours are looked up in pixels."""
    pairs: int = 4000
    """Pairs behind the canonical correlations."""
    videos: int = 640
    """Training videos of the small encoder."""
    tests: int = 256
    """Videos that it never saw."""
    channels: tuple[int, ...] = (8, 16, 48)
    """Its widths."""
    side: int = 24
    """Pixels a side of its clips."""
    passes: int = 20
    """Passes of VICReg over the videos, a multiple of four."""
    other_passes: int = 4
    """Passes of the other frameworks and of the ablations, which the study decides."""
    batch: int = 32
    """Videos in a batch."""
    rate: float = 8e-3
    """Learning rate."""
    starts: int = 1
    """Paired trainings of each framework, with and without derivatives."""
    ablations: int = 1
    """Trainings of each ablation."""
    large: int = 0
    """Training videos of R3D-18; 0 trains the small encoder in its place."""
    large_side: int = 64
    """Its pixels a side."""
    large_passes: int = 4
    """Passes over them."""
    large_batch: int = 16
    """Videos in a batch."""


QUICK = Settings()
PROFILES = Profiles(
    smoke=replace(
        QUICK,
        exact_clips=6,
        noise_frames=2000,
        batches=400,
        neighbours=48,
        pairs=400,
        videos=32,
        tests=24,
        channels=(4, 4, 8),
        side=16,
        passes=4,
        batch=16,
        starts=2,
        large=8,
        large_side=16,
        large_passes=1,
        large_batch=8,
    ),
    quick=QUICK,
    study=replace(
        QUICK,
        videos=2048,
        tests=1024,
        channels=(16, 32, 64),
        side=28,
        passes=24,
        other_passes=24,
        batch=64,
        rate=4e-3,
        starts=5,
        ablations=3,
    ),
    full=replace(
        QUICK,
        tests=1024,
        large=4096,
        large_side=64,
        large_passes=12,
        large_batch=128,
    ),
)
