"""Conditioning one low-rank Gaussian on a linear measurement, by factors of size rank only."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Conditioned:
    """A conditioned Gaussian ``N(mean, basis diag(eigenvalues) basis^T)`` and how well it predicted the measurement.

    ``log_evidence`` is ``log p(y)`` up to ``-m/2 log(2 pi noise_std^2)``, which is common to all components.
    """

    mean: Tensor
    basis: Tensor
    eigenvalues: Tensor
    log_evidence: Tensor


def condition(
    mean: Tensor, basis: Tensor, eigenvalues: Tensor, residual: Tensor, mapped: Tensor, noise_std: float
) -> Conditioned:
    """Condition ``x0 = mean + basis diag(eigenvalues)^(1/2) a``, ``a ~ N(0, I_r)``, on ``y = A x0 + noise_std * n``.

    ``residual = y - A mean`` is ``(m,)`` and ``mapped = A basis`` is ``(m, r)``. With ``t = noise_std`` and the thin
    SVD ``A basis diag(eigenvalues)^(1/2) = P S Q^T``, the latent ``a`` given ``y`` has the mean
    ``Q S (S^2 + t^2)^-1 P^T residual`` and the covariance ``I - Q S^2 (S^2 + t^2)^-1 Q^T``. Square roots are kept
    throughout, so that small variances keep their relative precision.
    """
    root = eigenvalues.sqrt()
    q, triangle = torch.linalg.qr(mapped * root)
    left, s, right = torch.linalg.svd(triangle, full_matrices=True)
    seen = s.shape[0]
    variance = noise_std**2
    innovation = (q @ left[:, :seen]).T @ residual
    latent_mean = right[:seen].T @ (s / (s.square() + variance) * innovation)
    shrink = torch.ones_like(root)
    shrink[:seen] = noise_std / (s.square() + variance).sqrt()
    rotation, spread, _ = torch.linalg.svd(root[:, None] * right.T * shrink)
    unexplained = residual - q @ (left[:, :seen] @ innovation)
    misfit = unexplained.square().sum() / variance + (innovation.square() / (s.square() + variance)).sum()
    log_evidence = -0.5 * (torch.log1p(s.square() / variance).sum() + misfit)
    return Conditioned(mean + basis @ (root * latent_mean), basis @ rotation, spread.square(), log_evidence)
