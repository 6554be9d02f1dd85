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


def in_mode(x: Tensor) -> Tensor:
    """Whether samples (N, 2) lie within three standard deviations of the centre of a mode; 0.989 of the data do."""
    return torch.cdist(x, centres().to(x)).amin(1) < 3 * SPREAD
