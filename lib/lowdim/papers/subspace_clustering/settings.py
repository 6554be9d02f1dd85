"""The sizes at which the chapter runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowdim.profile import Profiles


@dataclass(frozen=True)
class Settings:
    """Sizes of one profile."""

    noises: int
    """Noise draws behind each Monte Carlo loss."""
    snr_levels: int
    """Noise levels of the curves of Jacobian rank."""
    rank_draws: int
    """Noisy points behind each of their values."""
    switch_ranks: tuple[int, ...]
    """Ranks d at which the switch of the Jacobian is located."""
    gap_samples: int
    """Samples behind each mean squared error."""
    trials: int
    """Random problems in each cell of a phase diagram."""
    mean_trials: int
    """Random problems behind each mean error below the step."""
    bound_draws: int
    """Random problems for the bound under noise, over all cells."""
    cluster_trials: int
    """Random problems in each cell where K-subspaces runs."""
    restarts: int
    """Random starts of K-subspaces up to d = 4, the best of which counts."""
    hard_restarts: int
    """Random starts above d = 4, where local optima abound and restarts cost most."""
    identifiability_runs: int
    """Single starts behind each share of wrong perfect fits."""
    joint_runs: int
    """Those of them repeated with jointly orthogonal blocks, which is slower."""
    trained_ranks: tuple[int, ...]
    """Ranks d of the trained network with one block."""
    trained_copies: int
    """Its trained copies in each cell."""
    trained_steps: int
    """Optimiser steps of each trained network of the theory."""
    cluster_ranks: tuple[int, ...]
    """Ranks d of the trained network with two blocks."""
    cluster_copies: int
    """Its problems in each cell."""
    trained_restarts: int
    """Starts of each of them; the one with the best objective counts."""
    digit_restarts: int
    """Random starts of K-subspaces on the digits."""
    network_points: int
    """Images at which the Jacobian of a network is taken."""
    network_levels: int
    """Noise levels of its curve."""
    disc_points: int
    """Discs that make up the exact denoiser."""
    disc_tests: int
    """Discs at which its Jacobian is taken."""
    disc_channels: tuple[int, ...]
    """Channels of the network trained on discs."""
    disc_steps: int
    """Its optimiser steps."""
    net_ratios: tuple[float, ...]
    """Samples of a cluster over its rank, from 3 upwards, at which an MLP is trained."""
    net_dimensions: tuple[int, ...]
    """Ambient dimensions n of these."""
    net_replicates: int
    """Independent repetitions, each with new data and weights."""
    net_width: int
    """Width of the MLP."""
    net_depth: int
    """Its residual blocks."""
    net_steps: int
    """Its optimiser steps."""


_QUICK = Settings(
    noises=8_000,
    snr_levels=29,
    rank_draws=100,
    switch_ranks=(2, 4, 6, 8, 12, 16),
    gap_samples=8_000,
    trials=20,
    mean_trials=400,
    bound_draws=4_200,
    cluster_trials=10,
    restarts=50,
    hard_restarts=10,
    identifiability_runs=400,
    joint_runs=40,
    trained_ranks=(2, 4, 6),
    trained_copies=8,
    trained_steps=800,
    cluster_ranks=(3,),
    cluster_copies=2,
    trained_restarts=4,
    digit_restarts=4,
    network_points=8,
    network_levels=14,
    disc_points=40_000,
    disc_tests=8,
    disc_channels=(16, 32),
    disc_steps=60,
    net_ratios=(3.0, 300.0),
    net_dimensions=(16,),
    net_replicates=1,
    net_width=128,
    net_depth=2,
    net_steps=800,
)
_SMOKE = replace(
    _QUICK,
    noises=2_000,
    snr_levels=9,
    rank_draws=4,
    switch_ranks=(4, 6),
    gap_samples=500,
    trials=2,
    mean_trials=20,
    bound_draws=168,
    cluster_trials=2,
    restarts=2,
    hard_restarts=1,
    identifiability_runs=20,
    joint_runs=8,
    trained_ranks=(4,),
    trained_copies=1,
    trained_steps=20,
    cluster_copies=1,
    trained_restarts=2,
    digit_restarts=1,
    network_points=1,
    network_levels=3,
    disc_points=4_000,
    disc_tests=2,
    disc_channels=(8,),
    disc_steps=2,
    net_dimensions=(8, 16),
    net_width=8,
    net_depth=1,
    net_steps=4,
)
_STUDY = replace(
    _QUICK,
    noises=100_000,
    rank_draws=400,
    gap_samples=100_000,
    trials=100,
    mean_trials=4_000,
    cluster_trials=50,
    restarts=200,
    hard_restarts=200,
    identifiability_runs=4_000,
    joint_runs=400,
    trained_ranks=tuple(range(2, 9)),
    trained_copies=20,
    trained_steps=1_500,
    cluster_ranks=(2, 3, 4),
    cluster_copies=6,
    trained_restarts=20,
    digit_restarts=50,
    network_points=32,
    network_levels=20,
    disc_points=200_000,
    disc_tests=30,
    disc_steps=6_000,
    net_ratios=(3.0, 10.0, 30.0, 100.0, 300.0),
    net_dimensions=(16, 32),
    net_replicates=3,
    net_steps=9_000,
)
_FULL = _STUDY

PROFILES = Profiles(smoke=_SMOKE, quick=_QUICK, study=_STUDY, full=_FULL)
