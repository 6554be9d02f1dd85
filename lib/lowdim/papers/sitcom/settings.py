"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    signals: int
    """Signals behind each mean on exact priors."""
    tuning_signals: int
    """Other signals, on which the guidance of DPS is tuned."""
    dps_levels: tuple[int, ...]
    """Numbers of levels of DPS."""
    stopping_signals: int
    """Signals for each noise level and rule in the experiments on stopping."""
    inner: int
    """Inner steps a level."""
    langevin: int
    """Langevin steps a level of DAPS."""
    long_inner: int
    """The larger number of inner steps."""
    law_runs: int
    """Runs behind the law of a result."""
    mode_runs: int
    """Runs behind the weights of modes."""
    phase_signals: int
    """Signals whose amplitudes are measured."""
    phase_runs: int
    """Runs for each of them."""
    mri_faces: int
    """Complex faces behind the Gaussian prior of the scan."""
    mri_scans: int
    """Scans."""
    gallery_levels: int
    """Levels of the network's run on each of the eight tasks."""
    task_images: int
    """Faces measured in each of the eight tasks at each noise level."""
    face_tasks: tuple[str, ...]
    """Tasks on which solvers are compared with the network."""
    face_images: int
    """Faces behind each of these means."""
    face_tuning: int
    """Other faces, on which the baselines are tuned."""
    face_levels: int
    """Levels of SITCOM there."""
    face_dps_levels: tuple[int, ...]
    """Numbers of levels of DPS there."""
    face_peer_steps: tuple[int, ...]
    """Evaluations of DiffPIR, DDRM and DAPS there."""
    face_closeness: tuple[float, ...]
    """Weights of the closeness term."""
    trained_size: int
    """Pixels a side of the faces on which a larger network is trained."""
    trained_channels: tuple[int, ...]
    """Channels of the networks trained in the full profile."""
    trained_steps: int
    """Their optimiser steps."""
    trained_batch: int
    """Images in a step."""
    photographs: str
    """Images of the second network: ``faces`` or ``cifar10``."""
    grid: tuple[tuple[int, ...], tuple[int, ...]]
    """Numbers of levels and of inner steps that are crossed on the larger faces."""


_QUICK = Settings(
    signals=32,
    tuning_signals=16,
    dps_levels=(20, 100, 400),
    stopping_signals=32,
    inner=20,
    langevin=50,
    long_inner=100,
    law_runs=2_000,
    mode_runs=400,
    phase_signals=12,
    phase_runs=20,
    mri_faces=200,
    mri_scans=4,
    gallery_levels=6,
    task_images=1,
    face_tasks=("box-inpainting",),
    face_images=1,
    face_tuning=1,
    face_levels=4,
    face_dps_levels=(4, 6, 8),
    face_peer_steps=(6,),
    face_closeness=(0.05, 1.5),
    trained_size=16,
    trained_channels=(8, 8),
    trained_steps=8,
    trained_batch=8,
    photographs="faces",
    grid=((2, 4), (2,)),
)
_SMOKE = replace(
    _QUICK,
    signals=3,
    tuning_signals=2,
    dps_levels=(4, 6, 8),
    stopping_signals=2,
    inner=3,
    langevin=3,
    long_inner=6,
    law_runs=50,
    mode_runs=12,
    phase_signals=2,
    phase_runs=4,
    mri_faces=20,
    mri_scans=1,
    gallery_levels=1,
    face_images=1,
    face_levels=2,
    face_dps_levels=(2, 3, 4),
    face_peer_steps=(3, 10),
    trained_steps=2,
)
_STUDY = replace(
    _QUICK,
    signals=200,
    tuning_signals=100,
    dps_levels=(20, 100, 400, 1000),
    stopping_signals=100,
    law_runs=20_000,
    mode_runs=4_000,
    phase_signals=40,
    mri_scans=16,
    task_images=4,
    face_tasks=("super-resolution", "box-inpainting", "random-inpainting", "gaussian-blur"),
    face_images=4,
    face_tuning=2,
    face_levels=20,
    face_dps_levels=(20, 100, 1000),
    face_peer_steps=(100, 300),
    face_closeness=(0.05, 0.5, 1.0, 1.5),
)
_FULL = replace(
    _STUDY,
    mri_scans=64,
    task_images=64,
    face_images=64,
    face_tuning=16,
    trained_size=64,
    trained_channels=(64, 128, 128),
    trained_steps=4_000,
    trained_batch=128,
    photographs="cifar10",
    grid=((4, 8, 20, 40), (5, 20, 40)),
)

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
