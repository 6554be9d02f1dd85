"""Eight Gaussians on a circle in the plane: the data of the experiments in two dimensions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.distributions import MoLRG

RADIUS, SPREAD = 2.0, 0.15


def centres() -> Tensor:
    """The centres (8, 2) of the modes."""
    angle = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
    return RADIUS * torch.stack([angle.cos(), angle.sin()], -1)


def eight_gaussians(weights: tuple[float, ...] | None = None) -> MoLRG:
    """Eight isotropic Gaussians of standard deviation :data:`SPREAD` at distance :data:`RADIUS` from the origin."""
    identity = torch.eye(2, dtype=torch.float64)
    variances = torch.full((2,), SPREAD**2, dtype=torch.float64)
    return MoLRG([identity] * 8, [variances] * 8, centres(), weights)


def balanced_sample(n: int, generator: torch.Generator) -> Tensor:
    """About ``n`` samples of the eight Gaussians, equally many in each mode: a reference that no mode is short of."""
    each = torch.randn(8, -(-n // 8), 2, generator=generator, dtype=torch.float64)
    return (centres()[:, None] + SPREAD * each).flatten(0, 1)


def quasi_noise(n: int, generator: torch.Generator) -> Tensor:
    """``n`` points (n, 2) of standard normal noise, spread evenly (scrambled Sobol), so that few judge like many."""
    seed = int(torch.randint(2**31, (1,), generator=generator))
    uniform = torch.quasirandom.SobolEngine(2, scramble=True, seed=seed).draw(n, dtype=torch.float64)
    return torch.special.ndtri(uniform.clamp(1e-6, 1 - 1e-6))


def in_mode(x: Tensor) -> Tensor:
    """Whether samples (N, 2) lie within three standard deviations of the centre of a mode; 0.989 of the data do."""
    return torch.cdist(x, centres().to(x)).amin(1) < 3 * SPREAD
