r"""Closed forms: the linear denoising autoencoder, its recursion on its own output, and the laws of ridge-regularised
Reflow.

Second moments are given by their eigenvalues, in tensors of any shape. :math:`\sigma^2` is the noise variance of
training, :math:`\hat\sigma^2` that of generation, :math:`\rho` the fraction of real samples, :math:`\lambda` a ridge.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Linear denoising autoencoder


def dae_gain(s: Tensor, sigma: float, decay: float = 0.0) -> Tensor:
    r""":math:`(s-\lambda)_+/(s+\sigma^2)`, what the best linear autoencoder keeps of a direction of variance ``s``.

    ``decay`` is :math:`\lambda` in :math:`\lambda(\|W_1\|_F^2+\|W_2\|_F^2)`.
    """
    return (s - decay).clamp(min=0) / (s + sigma**2)


def dae_map(moment: Tensor, sigma: float, width: int | None = None, decay: float = 0.0) -> Tensor:
    r"""The best :math:`A=W_2W_1` (..., d, d) for second moments (..., d, d): gains in the eigenbasis, the ``width``
    largest kept.
    """
    values, vectors = torch.linalg.eigh(moment)
    gains = dae_gain(values, sigma, decay)
    if width is not None:
        gains = torch.cat([torch.zeros_like(gains[..., :-width]), gains[..., -width:]], -1)
    return (vectors * gains[..., None, :]) @ vectors.mT


# Trained on its own output


def collapse_step(s: Tensor, sigma: float, noise: float) -> Tensor:
    r"""One round: :math:`s\mapsto\big(\frac{s}{s+\sigma^2}\big)^2(s+\hat\sigma^2)`, for infinitely many samples."""
    return dae_gain(s, sigma).square() * (s + noise**2)


def collapse_path(s: Tensor, sigma: float, noise: float, rounds: int) -> Tensor:
    """Variances (rounds, ...) that rounds 1, 2, ... train on."""
    path = [s]
    for _ in range(rounds - 1):
        path.append(collapse_step(path[-1], sigma, noise))
    return torch.stack(path)


def collapse_bound(s1: float, sigma: float, rounds: int) -> Tensor:
    r""":math:`\frac{s_1}{s_1+\sigma^2}r^{j-1}` with :math:`r=1-\frac{\sigma^4}{s_1^2+s_1\sigma^2+\sigma^4}`, an upper
    bound (rounds,) of :math:`\|A_j\|` for :math:`\hat\sigma=\sigma`.
    """
    rate = 1 - sigma**4 / (s1**2 + s1 * sigma**2 + sigma**4)
    return s1 / (s1 + sigma**2) * rate ** torch.arange(rounds, dtype=torch.float64)


def unstable_point(sigma: float, noise: float) -> float:
    r""":math:`s^\dagger=\sigma^4/(\hat\sigma^2-2\sigma^2)`: variances below it collapse, those above it grow. Infinite
    up to the threshold :math:`\hat\sigma^2=2\sigma^2`.
    """
    excess = noise**2 - 2 * sigma**2
    return sigma**4 / excess if excess > 0 else math.inf


def finite_sample_bound(s1: Tensor, sigma: float, noise: Tensor, d: int, n: int, rounds: int) -> Tensor:
    r"""The bound :math:`\frac{s_1}{\sigma^2}q^{2(j-1)}`, :math:`q=\frac{s_1+\eta\hat\sigma\sqrt{s_1}}{s_1+\sigma^2}`,
    :math:`\eta=1+\sqrt{d/n}+\sqrt2`, of :math:`\|A_j\|` with probability at least :math:`1-2(j-1)e^{-n}`.

    ``s1`` (runs,) is :math:`\|X_1\|^2/n`, ``noise`` (runs,) the generation noise; returns (runs, rounds). Raises
    ``ValueError`` unless :math:`\eta\hat\sigma\sqrt{s_1}<\sigma^2`.
    """
    push = bound_noise_factor(d, n) * noise * s1.sqrt()
    if not bool((push < sigma**2).all()):
        raise ValueError(
            f"noise: up to {float(noise.max()):.3g} is too large; the bound needs eta noise sqrt(s1) < sigma^2"
        )
    q = (s1 + push) / (s1 + sigma**2)
    return (s1 / sigma**2)[:, None] * q[:, None] ** (2 * torch.arange(rounds, dtype=s1.dtype))


def bound_noise_factor(d: int, n: int) -> float:
    r""":math:`\eta=1+\sqrt{d/n}+\sqrt2`: a Gaussian :math:`d\times n` matrix has norm below :math:`\eta\sqrt n` with
    probability at least :math:`1-2e^{-n}`.
    """
    return 1 + math.sqrt(d / n) + math.sqrt(2)


# Real data mixed in


def mixed_step(m: Tensor, real: Tensor, sigma: float, ratio: float) -> Tensor:
    r"""One round of training data: :math:`m\mapsto\rho s_\star+(1-\rho)\frac{m^2}{m+\sigma^2}`, for
    :math:`\hat\sigma=\sigma`.
    """
    return ratio * real + (1 - ratio) * m.square() / (m + sigma**2)


def mixed_limit(real: Tensor, sigma: float, ratio: float) -> Tensor:
    r"""Its fixed point :math:`m_\infty=\frac{\rho s_\star-\sigma^2+\sqrt{(\rho s_\star-\sigma^2)^2+4\rho^2s_\star
    \sigma^2}}{2\rho}`, ``ratio`` in (0, 1].
    """
    b = ratio * real - sigma**2
    return (b + (b.square() + 4 * ratio**2 * real * sigma**2).sqrt()) / (2 * ratio)


def mixed_bound(real: Tensor, sigma: float, ratio: float) -> Tensor:
    r""":math:`\frac{\rho s_\star}{\rho s_\star+\sigma^2}`, below which no gain falls, whatever the generated data."""
    return dae_gain(ratio * real, sigma)


# Euler's method on the first flow of a Gaussian


def euler_gain(s: float, steps: int) -> float:
    r""":math:`g_N=\prod_{k<N}\big(1+\frac1N\frac{t_ks-(1-t_k)}{t_k^2s+(1-t_k)^2}\big)`, which tends to
    :math:`\sqrt s`.
    """
    t = torch.arange(steps, dtype=torch.float64) / steps
    return float((1 + (t * s - (1 - t)) / (t**2 * s + (1 - t) ** 2) / steps).prod())


# Reflow with a ridge on the velocity


def ridge_covariance(q0: Tensor, q1: Tensor, ridge: float) -> Tensor:
    r"""Variance generated from pairs with second moments ``q0`` of noise and ``q1`` of data:
    :math:`(q_1+\lambda)/(q_0+\lambda)`.
    """
    return (q1 + ridge) / (q0 + ridge)


def plain_law(s: Tensor, ridge: float) -> Tensor:
    r"""Generated pairs only: :math:`S_{j+1}-1=(S_j-1)/(1+\lambda)`."""
    return ridge_covariance(torch.ones_like(s), s, ridge)


def first_reversal_law(s: Tensor, real: Tensor, ridge: float, ratio: float) -> Tensor:
    r"""A fraction of real pairs, reversed by an exact first flow:
    :math:`S_{j+1}=\frac{(1-\rho)S_j+\rho S_\star+\lambda}{1+\lambda}`.
    """
    return ridge_covariance(torch.ones_like(s), (1 - ratio) * s + ratio * real, ridge)


def first_reversal_limit(real: Tensor, ridge: float, ratio: float) -> Tensor:
    r"""Its limit :math:`\frac{\rho S_\star+\lambda}{\rho+\lambda}`."""
    return (ratio * real + ridge) / (ratio + ridge)


def current_reversal_law(s: Tensor, real: Tensor, ridge: float, ratio: float) -> Tensor:
    r"""A fraction of real pairs, reversed by the current flow: :math:`S_{j+1}-1=(S_j-1)\frac{Q_0}{Q_0+\lambda}`,
    :math:`Q_0=1-\rho+\rho S_\star/S_j`.
    """
    q0 = 1 - ratio + ratio * real / s
    return 1 + (s - 1) * q0 / (q0 + ridge)
