"""Distances between clouds of samples by optimal transport."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.checks import check_finite


def sliced_wasserstein(x: Tensor, y: Tensor, generator: torch.Generator, projections: int = 100) -> float:
    r"""Sliced Wasserstein distance of order 2, :math:`\big(\mathbb E_\theta W_2^2(\theta^\top x,\theta^\top
    y)\big)^{1/2}` over ``projections`` random directions, by POT (``ot.sliced_wasserstein_distance``).

    ``x`` and ``y`` are samples ``(N, *shape)`` and ``(M, *shape)``, compared as flat vectors. Two samples of the same
    law are not at distance zero; give the distance between two fresh ones beside it. Raises ``ValueError`` for samples
    of different shapes or less than one projection.
    """
    import ot

    for name, samples in (("x", x), ("y", y)):
        check_finite(name, samples)
    if x.shape[1:] != y.shape[1:] or not len(x) or not len(y):
        raise ValueError(
            f"y: shape {tuple(y.shape)} is not allowed; give at least one sample of shape {(*x.shape[1:],)}"
        )
    if projections < 1:
        raise ValueError(f"projections: {projections!r} is not allowed; give a whole number of at least 1")
    a, b = x.flatten(1).double(), y.flatten(1).double()
    directions = torch.randn(a.shape[1], projections, generator=generator, dtype=a.dtype, device=generator.device)
    directions = (directions / directions.norm(dim=0)).to(a.device)
    return float(ot.sliced_wasserstein_distance(a, b.to(a.device), projections=directions, p=2))
