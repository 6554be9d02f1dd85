"""A dial between remembering a training set and the Gaussian model of it."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.distributions import Empirical, Gaussian
from lowdim.distributions.base import check_draws
from lowdim.distributions.numerics import draw_indices


class Smoothed:
    """The exact denoiser of ``1/N sum_i N(m_i, h Sigma)`` with ``m_i = mu + sqrt(1 - h) (y_i - mu)``.

    ``mu`` and ``Sigma`` are mean and covariance of the points ``y_i``, and so of every member of the family: ``h = 0``
    is the empirical law of the points, ``h = 1`` the Gaussian. All components share one covariance, so with ``S = h
    Sigma + sigma^2 I`` and ``G = h Sigma S^-1``

        ``D(x) = G x + (I - G) sum_i w_i m_i,  w_i ~ exp(-(x - m_i)^T S^-1 (x - m_i) / 2)``:

    the empirical denoiser of the points ``S^{-1/2} m_i`` at noise level 1, seen through ``S^{1/2}``.

    ``points`` is ``(N, *shape)``. Raises ``ValueError`` unless ``0 <= h <= 1``.
    """

    def __init__(self, points: Tensor, h: float) -> None:
        if not 0 <= h <= 1:
            raise ValueError(f"h: {h!r} is not allowed; give a number from 0 to 1")
        self.h = h
        self.law = Gaussian.from_samples(points.double())
        flat = points.flatten(1).double()
        mean = flat.mean(0)
        self.means = mean + (1 - h) ** 0.5 * (flat - mean)
        values, self.axes = torch.linalg.eigh(self.law.covariance())
        self.values = values.clamp(min=0)
        self.shape = points.shape[1:]

    def __call__(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """The posterior mean at ``x (B, *shape)`` for one noise level ``sigma > 0``."""
        variance = float(sigma) ** 2
        if not variance > 0:
            raise ValueError(f"sigma: {sigma!r} is not allowed; give a number above 0")
        roots = (self.h * self.values + variance).sqrt()
        whitened = Empirical(self.means @ self.axes / roots)
        z = x.flatten(1).double() @ self.axes
        centre = whitened(z / roots, 1.0) * roots
        gains = self.h * self.values / roots.square()
        return ((gains * z + (1 - gains) * centre) @ self.axes.T).reshape(x.shape).to(x.dtype)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` draws ``(n, *shape)`` of the law itself, float64."""
        check_draws(n, generator)
        equal = self.means.new_zeros(len(self.means)).log_softmax(0)
        noise = torch.randn(n, len(self.values), generator=generator, dtype=torch.float64)
        spread = noise * (self.h * self.values).sqrt() @ self.axes.T
        return (self.means[draw_indices(equal, n, generator)] + spread).reshape(n, *self.shape)
