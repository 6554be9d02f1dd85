"""A velocity fitted without descent: ridge regression on random cosine features of (x, t), in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.papers.model_collapse.pairs import Pairs


class FeatureVelocity:
    r"""``v(x, t) = W phi(x, t)`` with :math:`\phi=(\sqrt{2/m}\cos(w_k^\top(x,t)+b_k),\ x,\ t,\ 1)`, m random cosines.

    ``fit`` is ridge regression of ``x1 - x0`` at several random times for each pair, with the penalty ``ridge`` times
    the number of rows on everything but the constant.
    """

    def __init__(self, d: int, features: int, ridge: float, generator: torch.Generator, bandwidth: float = 1.0) -> None:
        self.ridge = ridge
        self.frequencies = torch.randn(d + 1, features, generator=generator, dtype=torch.float64) / bandwidth
        self.phases = 2 * math.pi * torch.rand(features, generator=generator, dtype=torch.float64)
        self.weights = torch.zeros(features + d + 2, d, dtype=torch.float64)

    def features(self, x: Tensor, t: Tensor) -> Tensor:
        """Phi (B, m + d + 2)."""
        point = torch.cat([x, t[:, None]], 1)
        return torch.cat([self._waves(point), point, torch.ones(len(x), 1, dtype=x.dtype)], 1)

    def _waves(self, point: Tensor) -> Tensor:
        waves = torch.addmm(self.phases, point, self.frequencies).cos_()
        return waves.mul_(math.sqrt(2 / len(self.phases)))

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """The velocity (B, d)."""
        point, cosines = torch.cat([x, t[:, None]], 1), len(self.phases)
        straight = torch.addmm(self.weights[-1], point, self.weights[cosines:-1])
        return straight.addmm_(self._waves(point), self.weights[:cosines])

    def fit(self, pairs: Pairs, times: int, generator: torch.Generator) -> FeatureVelocity:
        """A velocity with the same features, fitted to ``pairs`` at ``times`` random times each."""
        x0, x1 = (side.repeat(times, 1) for side in pairs)
        t = torch.rand(len(x1), generator=generator, dtype=x1.dtype)
        phi = self.features(x0 + t[:, None] * (x1 - x0), t)
        penalty = torch.full((phi.shape[1],), self.ridge * len(phi), dtype=phi.dtype)
        penalty[-1] = 0.0
        fitted = FeatureVelocity.__new__(FeatureVelocity)
        fitted.ridge, fitted.frequencies, fitted.phases = self.ridge, self.frequencies, self.phases
        rows = phi.numpy()
        gram = torch.from_numpy(rows.T @ rows)  # NumPy sees that it is symmetric and computes one half
        fitted.weights = torch.linalg.solve(gram + torch.diag(penalty), phi.T @ (x1 - x0))
        return fitted
