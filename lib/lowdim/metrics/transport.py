"""Distances between clouds of samples by optimal transport."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite


def sliced_wasserstein(
    x: Tensor, y: Tensor, generator: torch.Generator | None = None, projections: int | None = None
) -> float:
    r"""Sliced Wasserstein distance of order 2, :math:`\big(\mathbb E_\theta W_2^2(\theta^\top x,\theta^\top
    y)\big)^{1/2}`, by POT (``ot.sliced_wasserstein_distance``).

    ``x`` and ``y`` are samples ``(N, *shape)`` and ``(M, *shape)``, compared as flat vectors. The mean is over
    ``projections`` random directions (100 by default) from ``generator``. Points of the plane need none: without a
    generator their directions (25 by default) are spread evenly over the half circle, which is more exact than four
    times as many random ones, and the same for every comparison.

    Two samples of the same law are not at distance zero; give the distance between two fresh ones beside it. Raises
    ``ValueError`` for samples of different shapes, less than one projection, or no generator outside the plane.
    """
    import ot

    for name, samples in (("x", x), ("y", y)):
        check_finite(name, samples)
    if x.shape[1:] != y.shape[1:] or not len(x) or not len(y):
        raise ValueError(
            f"y: shape {tuple(y.shape)} is not allowed; give at least one sample of shape {(*x.shape[1:],)}"
        )
    if projections is not None:
        check_count("projections", projections)
    a, b = x.flatten(1).double(), y.flatten(1).double()
    if generator is not None:
        shape = (a.shape[1], 100 if projections is None else projections)
        directions = torch.randn(shape, generator=generator, dtype=a.dtype, device=generator.device)
        directions = directions / directions.norm(dim=0)
    elif a.shape[1] == 2:
        directions = _even_directions(25 if projections is None else projections)
    else:
        raise ValueError(f"generator: None is not allowed for samples of {a.shape[1]} entries; give a torch.Generator")
    return float(ot.sliced_wasserstein_distance(a, b.to(a.device), projections=directions.to(a.device), p=2))


def _even_directions(count: int) -> Tensor:
    """Unit vectors (2, count) at equal angles over the half circle."""
    angle = math.pi * torch.arange(count, dtype=torch.float64) / count
    return torch.stack([angle.cos(), angle.sin()])
