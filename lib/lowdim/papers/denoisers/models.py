"""The data models of the primer: two lines in the plane, and a Gaussian, a mixture and a set of points in R^8."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.distributions import Distribution, Empirical, Gaussian, MoLRG
from lowdim.seeding import make_generator

LINE_ANGLES = (15.0, 80.0)
"""Angles in degrees of the two lines; far from perpendicular, so that their joint Gaussian is clearly elongated."""

CONTINUOUS = ("Gaussian", "mixture")
"""The models of :func:`eight_dimensions` whose posterior is not a finite sum."""


def two_lines(device: str = "cpu") -> MoLRG:
    """Two Gaussians of variance one, each on a line through the origin of the plane, equally likely."""
    angles = torch.tensor(LINE_ANGLES, dtype=torch.float64) * math.pi / 180
    bases = [torch.stack([a.cos(), a.sin()])[:, None] for a in angles]
    return MoLRG(bases, [torch.ones(1, dtype=torch.float64)] * 2).to(device=device)


def drawn_points(model: Distribution, count: int, generator: torch.Generator) -> Empirical:
    """``count`` samples of ``model``, kept as an empirical set."""
    return Empirical(model.sample(count, generator))


def orthonormal(n: int, rank: int, generator: torch.Generator) -> Tensor:
    """A random ``(n, rank)`` matrix with orthonormal columns."""
    return torch.linalg.qr(torch.randn(n, rank, generator=generator, dtype=torch.float64)).Q


def eight_dimensions(seed: int, device: str = "cpu") -> dict[str, Distribution]:
    """A Gaussian of rank five, a mixture of unequal ranks, weights and means whose subspaces are not orthogonal, and
    forty points, all in R^8: general enough that a formula which holds only in a special case fails on one of them.
    """
    generator = make_generator(seed, "denoisers", "eight-dimensions")
    spectrum = torch.logspace(0.5, -1.5, 5, dtype=torch.float64)
    gaussian = Gaussian(torch.ones(8, dtype=torch.float64) / 2, orthonormal(8, 5, generator), spectrum)
    ranks = (1, 2, 3)
    mixture = MoLRG(
        bases=[orthonormal(8, rank, generator) for rank in ranks],
        eigenvalues=[torch.linspace(1.5, 0.5, rank, dtype=torch.float64) for rank in ranks],
        means=[0.5 * torch.randn(8, generator=generator, dtype=torch.float64) for _ in ranks],
        weights=torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64),
    )
    models = {"Gaussian": gaussian, "mixture": mixture, "points": drawn_points(mixture, 40, generator)}
    return {name: model.to(device=device) for name, model in models.items()}


def add_noise(x0: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """``x0 + sigma * noise`` with fresh Gaussian noise."""
    noise = torch.randn(x0.shape, generator=generator, dtype=x0.dtype, device=x0.device)
    return x0 + sigma * noise
