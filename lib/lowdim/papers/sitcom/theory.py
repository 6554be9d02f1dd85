"""Closed forms for a Gaussian prior and a linear operator: what one repair does, and the law of the whole run.

``W = Sigma (Sigma + sigma^2 I)^-1`` is the Jacobian of the denoiser ``D(z) = mu + W (z - mu)``. Every repair has the
form ``x' = x + G (y - A x)`` with ``x = D(z)``; methods differ in the gain ``G (n, m)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

Gain = Callable[[Tensor, float], Tensor]
"""From ``W (n, n)`` and ``sigma`` to the gain ``(n, m)``."""


def shrinkage(covariance: Tensor, sigma: float) -> Tensor:
    """``W = Sigma (Sigma + sigma^2 I)^-1``, ``(n, n)``, symmetric."""
    eye = torch.eye(covariance.shape[0], dtype=covariance.dtype)
    return torch.linalg.solve(covariance + sigma**2 * eye, covariance)


def input_gain(w: Tensor, a: Tensor, rho: float) -> Tensor:
    """``W^2 A^T (A W^2 A^T + rho I)^-1``: the repair of the input, ``rho = lambda / (1 + sigma^2)``.

    At ``rho = 0`` the limit ``W (A W)^+``, where gradient descent from ``z`` ends. There ``x'`` is the point of
    ``{A x = y}`` nearest to ``x`` in the metric ``W^-2``: moves in directions of which the prior is sure cost most.
    """
    if rho == 0:
        return w @ torch.linalg.pinv(a @ w, rtol=1e-12)
    eye = torch.eye(a.shape[0], dtype=a.dtype)
    return torch.linalg.solve(a @ w @ w @ a.T + rho * eye, a @ w @ w).T


def conditional_gain(w: Tensor, a: Tensor, ratio: float) -> Tensor:
    """``W A^T (A W A^T + ratio I)^-1`` with ``ratio = sigma_y^2 / sigma^2``: then ``x' = E[x0 | z, y]`` exactly."""
    eye = torch.eye(a.shape[0], dtype=a.dtype)
    return torch.linalg.solve(a @ w @ a.T + ratio * eye, a @ w).T


def output_gain(a: Tensor) -> Tensor:
    """``A^+``: the repair of the output, the point of ``{A x = y}`` nearest to ``x`` in the plain metric."""
    return torch.linalg.pinv(a)


def run_law(
    mean: Tensor, covariance: Tensor, a: Tensor, y: Tensor, sigmas: Sequence[float], gain: Gain
) -> tuple[Tensor, Tensor]:
    """Mean ``(n,)`` and covariance ``(n, n)`` of the result of a run with exact repairs and fresh noise at each level.

    The point at the first level is ``N(0, (1 + sigma_0^2) I)``. A level maps ``z`` to ``x' = (I - G A) W z +
    (I - G A)(I - W) mu + G y`` and adds ``sigma' n``; all of it is affine, so the result is Gaussian.
    """
    eye = torch.eye(len(mean), dtype=mean.dtype)
    m, p = torch.zeros_like(mean), (1 + sigmas[0] ** 2) * eye
    for sigma, following in pairwise(sigmas):
        w = shrinkage(covariance, sigma)
        g = gain(w, sigma)
        step = (eye - g @ a) @ w
        m = step @ m + (eye - g @ a) @ (mean - w @ mean) + g @ y
        p = step @ p @ step.T + following**2 * eye
    return m, p
