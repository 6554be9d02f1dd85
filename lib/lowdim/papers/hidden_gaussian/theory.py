"""Closed forms of the Gaussian model, as the experiments draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from lowdim.distributions import Gaussian
from lowdim.papers.hidden_gaussian.distil import AffineMap


def active_modes(eigenvalues: Tensor, sigma: float | Tensor) -> Tensor:
    """The soft count of components that pass the Gaussian denoiser, ``tr W_sigma = sum_i lambda_i / (lambda_i +
    sigma^2)``.

    ``sigma`` is a number or of any shape; the result has its shape.
    """
    variance = torch.as_tensor(sigma, dtype=eigenvalues.dtype).square()[..., None]
    return (eigenvalues / (eigenvalues + variance)).sum(-1)


def effective_dimension(eigenvalues: Tensor) -> float:
    """``(sum lambda)^2 / sum lambda^2``."""
    return float(eigenvalues.sum().square() / eigenvalues.square().sum())


def gaussian_flow(law: Gaussian, x: Tensor, start: float, end: float) -> Tensor:
    """Where the probability-flow ODE of a Gaussian carries ``x (B, *shape)`` from level ``start`` to ``end``:

    ``x_end = mu + sum_i sqrt((end^2 + lambda_i) / (start^2 + lambda_i)) u_i u_i^T (x - mu)``, over all directions;
    those outside the range of the covariance shrink by ``end / start``. Source: equation 7 of Li, Dai and Qu (2024).
    """
    z = x.flatten(1).to(law.dtype) - law.mean().flatten()
    along = z @ law.basis
    gains = ((end**2 + law.eigenvalues) / (start**2 + law.eigenvalues)).sqrt()
    moved = (gains - end / start) * along @ law.basis.T + end / start * z
    return (law.mean().flatten() + moved).reshape(x.shape).to(x.dtype)


def euler_gains(eigenvalues: Tensor, sigmas: Tensor | Sequence[float]) -> Tensor:
    """Gain of each component over a grid of Euler steps, ``prod_j (1 + (s_{j+1} / s_j - 1) s_j^2 / (lambda + s_j^2))``.

    Divided by ``sqrt(lambda / (lambda + s_0^2))`` it says what the steps do to the size of Gaussian samples.
    """
    gains = torch.ones_like(eigenvalues)
    for s, after in pairwise(float(s) for s in sigmas):
        gains = gains * (1 + (after / s - 1) * s**2 / (eigenvalues + s**2))
    return gains


def skewness(points: Tensor) -> float:
    """The Frobenius norm of the third central moments of ``points (N, *shape)``.

    ``|T|_F^2 = mean_ij <y_i - mu, y_j - mu>^3``. The denoiser of the points differs from the Gaussian one by
    ``(T(n, n) - E T(n, n)) / (2 sigma^2) + O(sigma^-3)``, whose root mean square over ``n`` and pixels is ``|T|_F /
    (sqrt(2 d) sigma^2)``.
    """
    flat = points.flatten(1).double()
    gram = (flat - flat.mean(0)) @ (flat - flat.mean(0)).T
    return math.sqrt(float(gram.pow(3).mean()))


def offset_defect(law: Gaussian, found: AffineMap) -> float:
    """What the uncentred linearity score makes of an affine map with offset ``b`` on noisy images of ``law``:

    ``(sqrt 2 - 1) |b| / sqrt(E |W z + b|^2)`` with ``z = (y_1 + y_2) / sqrt 2``, the root of a mean instead of a mean
    of inverses.
    """
    mean, covariance = law.mean().flatten().double(), law.covariance().double()
    identity = torch.eye(mean.numel(), dtype=mean.dtype)
    spread = float(((found.W @ (covariance + found.sigma**2 * identity)) * found.W).sum())
    size = float((math.sqrt(2) * found.W @ mean + found.b).square().sum()) + spread
    return (math.sqrt(2) - 1) * float(found.b.norm()) / math.sqrt(size)


def moment_cosine(first: Gaussian, second: Gaussian, centre: Tensor) -> float:
    """The cosine between samples of two Gaussians from the same noise, as a ratio of means:

    ``(<m_1, m_2> + tr(S_1 S_2)) / sqrt((|m_1|^2 + tr S_1^2)(|m_2|^2 + tr S_2^2))`` with ``m = mu - centre`` and ``S``
    the symmetric root of the covariance.
    """
    m1, m2 = (law.mean().flatten() - centre.flatten() for law in (first, second))
    overlap = (first.basis.T @ second.basis).square()
    shared = float(first.eigenvalues.sqrt() @ overlap @ second.eigenvalues.sqrt())
    sizes = [float(m.square().sum() + law.eigenvalues.sum()) for m, law in ((m1, first), (m2, second))]
    return (float(m1 @ m2) + shared) / math.sqrt(sizes[0] * sizes[1])


def affine_risk(found: AffineMap, images: Tensor) -> float:
    """The squared error ``E |W y + b - x|^2`` of an affine denoiser on noisy ``images (N, *shape)``, noise integrated:

    ``mean |(W - I) x + b|^2 + sigma^2 |W|_F^2``.
    """
    x = images.flatten(1).double()
    bias = x @ found.W.T - x + found.b
    return float(bias.square().sum(1).mean() + found.sigma**2 * found.W.square().sum())


def nearest_risk(images: Tensor, points: Tensor) -> float:
    """The squared error of the denoiser of ``points`` on ``images`` as the noise vanishes: to the nearest point."""
    distance = torch.cdist(images.flatten(1), points.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    return float(distance.min(1).values.square().mean())
