"""The slow textbook form of a Gaussian mixture, with ``n x n`` matrices and Bayes' rule, for checks and timings.

It shares no code with the fast forms. Everything is a loop over dense covariances.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DenseMixture:
    """``sum_k weights_k N(means_k, covariances_k)``: ``weights (K,)``, ``means (K, n)``, ``covariances (K, n, n)``."""

    weights: Tensor
    means: Tensor
    covariances: Tensor


def dense_mixture(
    bases: list[Tensor] | tuple[Tensor, ...],
    eigenvalues: list[Tensor] | tuple[Tensor, ...],
    means: Tensor,
    weights: Tensor,
) -> DenseMixture:
    """The dense form of ``sum_k weights_k N(means_k, U_k diag(lambda_k) U_k^T)``."""
    covariances = [u @ torch.diag(values) @ u.T for u, values in zip(bases, eigenvalues, strict=True)]
    return DenseMixture(weights, means.reshape(len(covariances), -1), torch.stack(covariances))


def brute_force_log_joint(mixture: DenseMixture, x: Tensor, sigma: float) -> Tensor:
    """``log pi_k + log N(x; mu_k, C_k + sigma^2 I)``, ``(B, K)``, by Cholesky factors of ``n x n`` matrices."""
    n = x.shape[1]
    columns = []
    for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
        factor = torch.linalg.cholesky(covariance + sigma**2 * torch.eye(n, dtype=x.dtype))
        white = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)
        log_determinant = 2 * factor.diagonal().log().sum()
        columns.append(weight.log() - 0.5 * (white.square().sum(0) + log_determinant + n * math.log(2 * math.pi)))
    return torch.stack(columns, 1)


def brute_force_log_prob(mixture: DenseMixture, x: Tensor, sigma: float) -> Tensor:
    """``log p_sigma(x)``, ``(B,)``."""
    return torch.logsumexp(brute_force_log_joint(mixture, x, sigma), 1)


def brute_force_denoise(mixture: DenseMixture, x: Tensor, sigma: float) -> Tensor:
    """``E[x0 | x0 + sigma * n = x]``, ``(B, n)``: Bayes' rule over components, Gaussian conditioning within each."""
    posterior = torch.softmax(brute_force_log_joint(mixture, x, sigma), 1)
    total = torch.zeros_like(x)
    noise = sigma**2 * torch.eye(x.shape[1], dtype=x.dtype)
    for k, (mean, covariance) in enumerate(zip(mixture.means, mixture.covariances, strict=True)):
        gain = torch.linalg.solve(covariance + noise, covariance).T
        total += posterior[:, k, None] * (mean + (x - mean) @ gain.T)
    return total


def brute_force_posterior(mixture: DenseMixture, y: Tensor, operator: Tensor, noise_std: float) -> DenseMixture:
    """The mixture given ``y = operator @ x0 + noise_std * n`` with ``y (m,)`` and ``operator (m, n)``."""
    weights, means, covariances = [], [], []
    noise = noise_std**2 * torch.eye(y.shape[0], dtype=y.dtype)
    for weight, mean, covariance in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
        predicted = operator @ covariance @ operator.T + noise
        gain = torch.linalg.solve(predicted, operator @ covariance).T
        residual = y - operator @ mean
        quadratic = residual @ torch.linalg.solve(predicted, residual)
        weights.append(weight.log() - 0.5 * (quadratic + torch.linalg.slogdet(predicted).logabsdet))
        means.append(mean + gain @ residual)
        covariances.append(covariance - gain @ operator @ covariance)
    return DenseMixture(torch.softmax(torch.stack(weights), 0), torch.stack(means), torch.stack(covariances))
