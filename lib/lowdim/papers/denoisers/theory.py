"""Closed forms of the primer: what a figure's theory line or a claim's bound is drawn from."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def affine_mmse(eigenvalues: Tensor, sigma: float) -> float:
    """Mean squared error ``sum_j sigma^2 l_j / (l_j + sigma^2)`` of the best affine denoiser.

    ``eigenvalues`` ``(r,)`` are those of the data's covariance. For Gaussian data this is the smallest error of any
    denoiser, for other data with that covariance an upper bound on it.
    """
    noise = sigma**2
    return float((noise * eigenvalues / (eigenvalues + noise)).sum())


def _span(eigenvalues: Tensor, sigma_max: float, sigma_min: float, power: int) -> Tensor:
    """``1 / (l + sigma_min^2)^power - 1 / (l + sigma_max^2)^power``, from integrating over the path."""
    return (eigenvalues + sigma_min**2) ** -power - (eigenvalues + sigma_max**2) ** -power


def euler_error(eigenvalues: Tensor, steps: int, sigma_max: float, sigma_min: float) -> Tensor:
    """Leading relative error of Euler's method for a Gaussian, one value for each principal direction ``(r,)``.

    ``N = steps`` steps on a grid that is uniform in ``log sigma``:
    ``-(L / 4 N) l (1/(l + sigma_min^2) - 1/(l + sigma_max^2))`` with ``L = log(sigma_max / sigma_min)``; close to
    ``-L / 4 N`` for every variance well inside the grid. Steps up the grid and down again make twice this error.
    """
    length = math.log(sigma_max / sigma_min)
    return -length / (4 * steps) * eigenvalues * _span(eigenvalues, sigma_max, sigma_min, 1)


def ancestral_variance_error(eigenvalues: Tensor, steps: int, sigma_max: float, sigma_min: float) -> Tensor:
    """Leading relative error of the variance after ancestral sampling of a Gaussian ``(r,)``, on the grid of
    :func:`euler_error`: close to ``-L / N``, twice the loss ``-L / 2 N`` of Euler's method.
    """
    length = math.log(sigma_max / sigma_min)
    scale = eigenvalues * (eigenvalues + sigma_min**2)
    return -length / steps * scale * _span(eigenvalues, sigma_max, sigma_min, 2)


def nearest_point_bound(points: Tensor, x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """The nearest of ``points`` ``(N, n)`` to each ``x`` ``(B, n)``, and how far the empirical denoiser can be from it.

    The bound is ``sum_{i > 1} exp(-g_i / 2 sigma^2) ||y_i - y_1||``, where ``y_1`` is the nearest point and ``g_i`` the
    squared distance of ``y_i`` from ``x`` beyond that of ``y_1``. Returns ``(B, n)`` and ``(B,)``.
    """
    squared = torch.cdist(x, points, compute_mode="donot_use_mm_for_euclid_dist").square()
    least, index = squared.min(dim=1, keepdim=True)
    nearest = points[index[:, 0]]
    bound = (torch.exp(-(squared - least) / (2 * sigma**2)) * torch.cdist(nearest, points)).sum(dim=1)
    return nearest, bound


def high_noise_gap(points: Tensor, sigma: float) -> float:
    """Leading relative distance at high noise between the denoiser of ``points`` ``(N, n)`` and that of the Gaussian
    with their mean and covariance: ``||kappa_3|| / (sqrt(2) ||Sigma|| sigma)``, root mean squares over the noise.

    ``kappa_3`` is the third cumulant of the data. Both Frobenius norms come from the Gram matrix ``G`` of the centred
    points: ``||kappa_3||^2 = mean G_ij^3`` and ``||Sigma||^2 = mean G_ij^2``.
    """
    centred = points - points.mean(0)
    gram = centred @ centred.T
    return math.sqrt(float(gram.pow(3).mean() / (2 * gram.square().mean()))) / sigma


def log_log_slope(x: Tensor, y: Tensor) -> float:
    """Least-squares slope of ``log y`` against ``log x``: minus the order of accuracy when ``x`` counts steps."""
    u, v = x.double().log(), y.double().log()
    u, v = u - u.mean(), v - v.mean()
    return float((u @ v) / (u @ u))
