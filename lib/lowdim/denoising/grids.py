"""Grids of noise levels: float64 tensors ``(steps + 1,)``, strictly descending, ending at 0.

A sampler takes one step between neighbours, so a grid of ``steps + 1`` levels costs ``steps`` steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.denoising.conversions import alpha_bar_to_sigma, linear_beta_alpha_bars


def check_sigmas(sigmas: Tensor | Sequence[float]) -> Tensor:
    """The grid as a float64 CPU tensor, when it is a valid one, else a ``ValueError``.

    Valid: one axis, at least two levels, finite, strictly descending, the last at least 0. A grid may end above 0: then
    sampling stops at that level.
    """
    grid = torch.as_tensor(sigmas, dtype=torch.float64, device="cpu")
    if grid.dim() != 1 or grid.shape[0] < 2:
        raise ValueError(f"sigmas: shape {tuple(grid.shape)} is not allowed; give at least two levels on one axis")
    if not bool(torch.isfinite(grid).all()) or bool((grid[1:] >= grid[:-1]).any()) or float(grid[-1]) < 0:
        raise ValueError(
            f"sigmas: {[f'{s:.4g}' for s in grid[:4].tolist()]} ... {float(grid[-1]):.4g} is not allowed; "
            "levels must be finite, strictly descending and >= 0"
        )
    return grid


def _check_range(sigma_min: float, sigma_max: float) -> None:
    if not 0 < sigma_min < sigma_max < math.inf:
        raise ValueError(
            f"sigma_min, sigma_max: {sigma_min!r}, {sigma_max!r} are not allowed; need 0 < sigma_min < sigma_max < inf"
        )


def _then_zero(sigmas: Tensor) -> Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def edm_sigmas(steps: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0) -> Tensor:
    """Levels evenly spaced in ``sigma^(1/rho)`` from ``sigma_max`` to ``sigma_min``, then 0 (EDM, eq. 5).

    ``sigma_i = (sigma_max^(1/rho) + i/(steps-1) (sigma_min^(1/rho) - sigma_max^(1/rho)))^rho``, ``i < steps``. One step
    goes from ``sigma_max`` straight to 0.
    """
    check_count("steps", steps)
    _check_range(sigma_min, sigma_max)
    if not rho > 0:
        raise ValueError(f"rho: {rho!r} is not allowed; give a number > 0")
    root = torch.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), steps, dtype=torch.float64)
    return _then_zero(root**rho)


def log_sigmas(steps: int, sigma_min: float = 0.002, sigma_max: float = 80.0) -> Tensor:
    """Levels evenly spaced in ``log sigma`` from ``sigma_max`` to ``sigma_min``, then 0."""
    check_count("steps", steps)
    _check_range(sigma_min, sigma_max)
    return _then_zero(torch.linspace(math.log(sigma_max), math.log(sigma_min), steps, dtype=torch.float64).exp())


def vp_sigmas(
    steps: int, *, train_steps: int = 1000, beta_start: float = 1e-4, beta_end: float = 0.02, last: int | None = None
) -> Tensor:
    """Levels at evenly spaced timesteps of the linear-beta VP process, then 0: the grid of DDIM (Song et al. 2021).

    The timesteps are ``0, r, 2r, ..., (steps - 1) r`` with ``r = train_steps // steps`` (diffusers calls this spacing
    "leading"), so the first level lies below the largest trained one. ``last`` replaces ``train_steps`` in ``r``, for
    a grid that starts near an earlier timestep. For other spacings index :func:`linear_beta_alpha_bars` yourself.
    """
    alpha_bars = linear_beta_alpha_bars(train_steps, beta_start, beta_end)
    end = train_steps if last is None else check_count("last", last, most=train_steps)
    check_count("steps", steps, most=end)
    timesteps = torch.arange(steps) * (end // steps)
    return _then_zero(alpha_bar_to_sigma(alpha_bars[timesteps]).flip(0))
