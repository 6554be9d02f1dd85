"""The empirical distribution of a set of points: what a model that has memorised its training set would sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.distributions.base import Distribution, check_weights
from lowdim.distributions.numerics import chunk_rows, draw_indices, wide_dtype
from lowdim.distributions.operators import check_measurement, operator_action


class Empirical(Distribution):
    """``x0 = p_i`` with probability ``pi_i``.

    The denoiser is a softmax-weighted mean, ``D(x, sigma) = sum_i w_i p_i`` with
    ``w_i`` proportional to ``pi_i exp(-|x - p_i|^2 / (2 sigma^2))``. Points are visited in chunks with a running
    log-sum-exp, in float64: distances are divided by ``sigma^2``.

    Args:
        points: ``(N, *event_shape)``.
        weights: ``N`` positive numbers that sum to one; default equal.

    """

    def __init__(self, points: Tensor, weights: Tensor | Sequence[float] | None = None) -> None:
        check_finite("points", points)
        if points.dim() < 2 or points.shape[0] < 1 or points[0].numel() < 1:
            raise ValueError(f"points: shape {tuple(points.shape)} is not allowed; give (N, ...) with N >= 1")
        log_weights = check_weights(weights, points.shape[0], points.new_zeros(0, dtype=wide_dtype(points.device)))
        self._set(points, log_weights)

    def _set(self, points: Tensor, log_weights: Tensor) -> None:
        super().__init__(points.shape[1:], points.dtype, points.device)
        self.points = points
        self._flat = points.reshape(points.shape[0], -1)
        self._log_weights = log_weights
        self._rows = min(points.shape[0], chunk_rows(self.n))
        wide = log_weights.dtype
        blocks = zip(self._flat.split(self._rows), log_weights.split(self._rows), strict=True)
        self._centre = sum((logs.exp() @ block.to(wide) for block, logs in blocks), torch.zeros((), dtype=wide))

    def _replace(self, points: Tensor, log_weights: Tensor) -> Empirical:
        made = object.__new__(Empirical)
        made._set(points, log_weights)
        return made

    @property
    def weights(self) -> Tensor:
        """The probabilities ``(N,)`` of the points."""
        return self._log_weights.exp().to(self.dtype)

    def to(self, dtype: torch.dtype | None = None, device: str | torch.device | None = None) -> Empirical:
        """The same law with its tensors in ``dtype`` and on ``device``."""
        points = self.points.to(device=device or self.device, dtype=dtype or self.dtype)
        return self._replace(points, self._log_weights.to(points.device, wide_dtype(points.device)))

    def posterior(self, y: Tensor, operator: Any, noise_std: float) -> Empirical:
        """The same points with weights multiplied by ``exp(-|y - A(p_i)|^2 / (2 noise_std^2))``.

        See :meth:`Distribution.posterior`; here the operator may be non-linear.
        """
        action = operator_action(operator, self.event_shape)
        logs = []
        for block in self._flat.split(self._rows):
            rows = action(block).to(self._log_weights)
            measured = check_measurement(y, rows.shape[1], noise_std, rows)
            logs.append(-(measured - rows).square().sum(1) / (2 * noise_std**2))
        return self._replace(self.points, torch.log_softmax(self._log_weights + torch.cat(logs), 0))

    @property
    def _width(self) -> int:
        return self._rows

    def _sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self._flat[draw_indices(self._log_weights, n, generator)]

    def _scan(self, x: Tensor, variance: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Blocks of centred points ``(c, n)`` with ``log pi_i - (|p_i|^2 - 2 <x, p_i>) / (2 sigma^2)``, ``(B, c)``."""
        for block, logs in zip(self._flat.split(self._rows), self._log_weights.split(self._rows), strict=True):
            points = block.to(self._centre) - self._centre
            yield points, logs + (x @ points.T - 0.5 * points.square().sum(1)) / variance

    def _reduce(self, x: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Log-sum-exp ``(B,)`` of the joint log weights and the mean ``(B, n)`` of the centred points under them."""
        top = x.new_full((x.shape[0], 1), -math.inf)
        total, mean = torch.zeros_like(top), torch.zeros_like(x)
        for points, joint in self._scan(x, variance):
            higher = torch.maximum(top, joint.detach().amax(1, keepdim=True))
            scale, part = (top - higher).exp(), (joint - higher).exp()
            total = total * scale + part.sum(1, keepdim=True)
            mean = mean * scale + part @ points
            top = higher
        return (top + total.log())[:, 0], mean / total

    def _widen(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        return x.to(self._centre) - self._centre, sigma.to(self._centre).square()[:, None]

    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        return (self._centre + self._reduce(*self._widen(x, sigma))[1]).to(self.dtype)

    def _log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        centred, variance = self._widen(x, sigma)
        joint, _ = self._reduce(centred, variance)
        square = centred.square().sum(1) / (2 * variance[:, 0])
        return joint - square - 0.5 * self.n * (2 * math.pi * variance[:, 0]).log()

    def _denoiser_product(self, x: Tensor, sigma: Tensor, v: Tensor) -> Tensor:
        # J v = sum_i w_i <p_i - m, v> p_i / sigma^2, in a second visit to the points once their mean m is known.
        centred, variance = self._widen(x, sigma)
        v = v.to(centred)
        log_total, mean = self._reduce(centred, variance)
        along_mean = v @ mean[:, :, None]
        out = torch.zeros_like(v)
        for points, joint in self._scan(centred, variance):
            weights = (joint - log_total[:, None]).exp()[:, None]
            out = out + (weights * (v @ points.T - along_mean)) @ points
        return (out / variance[:, None]).to(self.dtype)

    def _mean(self) -> Tensor:
        return self._centre.to(self.dtype)

    def _covariance_factor(self) -> Tensor:
        roots = (0.5 * self._log_weights).exp()[:, None]
        return (roots * (self._flat.to(roots) - self._centre)).T.to(self.dtype)

    def __repr__(self) -> str:
        return f"Empirical(N={self.points.shape[0]}, event_shape={tuple(self.event_shape)}, dtype={self.dtype})"
