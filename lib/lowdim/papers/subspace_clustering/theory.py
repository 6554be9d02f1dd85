r"""Closed forms of the chapter: losses, recovery bounds, the Jacobian and where its rank switches, the price of one
Gaussian.

The forward process is :math:`x_t=s\,x_0+\gamma\,\epsilon`. Three scalars return everywhere:
:math:`c=s/(s^2+\gamma^2)`, :math:`\kappa=cs` and :math:`\phi=s^2/(2\gamma^2(s^2+\gamma^2))`. With :math:`s=1` and
:math:`\gamma=\sigma` this is the book's clock. Bases are (K, n, d) tensors with orthonormal columns, points are (N, n).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.metrics.subspaces import block_energies


def gain(s: float, gamma: float) -> float:
    r"""The shrinkage :math:`c=s/(s^2+\gamma^2)` of the denoiser inside a subspace of unit variance."""
    return s / (s * s + gamma * gamma)


def odds_rate(s: float, gamma: float) -> float:
    r"""The rate :math:`\phi=s^2/(2\gamma^2(s^2+\gamma^2))` at which energy turns into log-odds of a component."""
    return s * s / (2 * gamma * gamma * (s * s + gamma * gamma))


def expected_loss(x: Tensor, bases: Sequence[Tensor] | Tensor, s: float, gamma: float) -> Tensor:
    r"""Exact denoising loss (N,) of the hard-max network, block chosen on the clean sample (identity behind Theorem 3).

    .. math::

        \mathbb E_\epsilon\|cU_kU_k^T(sx+\gamma\epsilon)-x\|^2
        =\|x\|^2-\kappa(2-\kappa)\|U_k^Tx\|^2+c^2\gamma^2d_k,\qquad k=\arg\max_l\|U_l^Tx\|.

    With one block it is the identity behind Theorem 1. ``bases`` may have unequal ranks; then the last term depends
    on the block, and the loss charges more for a larger subspace.
    """
    kappa, c = gain(s, gamma) * s, gain(s, gamma)
    energies = torch.stack([(x @ u).square().sum(-1) for u in bases], dim=-1)
    captured, block = energies.max(dim=-1)
    ranks = torch.tensor([u.shape[-1] for u in bases], dtype=x.dtype, device=x.device)[block]
    return x.square().sum(-1) - kappa * (2 - kappa) * captured + (c * gamma) ** 2 * ranks


def clustering_objective(x: Tensor, bases: Tensor) -> Tensor:
    r"""The objective of Theorem 3, :math:`\frac1N\sum_i\max_k\|U_k^Tx_i\|^2`, shape (...), for x (..., N, n)."""
    return block_energies(x, bases).amax(-1).mean(-1)


def recovery_bound(noise: Tensor, coefficients: Tensor) -> Tensor:
    r"""Deterministic bound :math:`2\sqrt2\,\|E\|_F/\sigma_{\min}(A)` on the recovery error, shape (...) (behind
    Theorem 2 i).

    ``noise`` E is (..., N, n) and ``coefficients`` A is (..., N, d) with N >= d, one sample a row.
    """
    if coefficients.shape[-2] < coefficients.shape[-1]:
        raise ValueError(f"coefficients: {tuple(coefficients.shape)} is not allowed; the bound needs N >= d samples")
    smallest = torch.linalg.svdvals(coefficients)[..., -1]
    return 2 * math.sqrt(2) * torch.linalg.matrix_norm(noise) / smallest


def mean_squared_error(rank: int, samples: int, n: int) -> float:
    r"""Expected :math:`\|\hat P-P^\star\|_F^2=2(d-N)(n-d)/(n-N)` for N < d noise-free samples and a uniformly random
    completion; zero from N = d on.
    """
    return 2 * (rank - samples) * (n - rank) / (n - samples) if samples < rank else 0.0


def worst_error(rank: int, samples: int, n: int) -> float:
    r"""Largest noise-free recovery error among the optima, :math:`\sqrt{2\min\{d-N,n-d\}}` (Theorem 2 ii); zero for N
    >= d.
    """
    return math.sqrt(2 * min(rank - samples, n - rank)) if samples < rank else 0.0


def switch_sigma(rank: float, log_odds: float = 1.0) -> float:
    r"""Noise level at which the expected log-odds of the true block against one other,
    :math:`d/(2\sigma^2(1+\sigma^2))`, falls to ``log_odds``: below it the Jacobian has rank d, above it rank Kd.
    """
    return math.sqrt((-1 + math.sqrt(1 + 2 * rank / log_odds)) / 2)


def linear_mmse(rank: int, blocks: int, sigma: Tensor) -> Tensor:
    r"""Error of the best affine denoiser, :math:`d\sigma^2/(1/K+\sigma^2)`, orthogonal blocks of unit variance."""
    return rank * sigma.square() / (1 / blocks + sigma.square())


def clustered_mmse(rank: int, sigma: Tensor) -> Tensor:
    r"""Error of the denoiser that knows the block, :math:`d\sigma^2/(1+\sigma^2)`: the low-noise limit of the MMSE."""
    return rank * sigma.square() / (1 + sigma.square())
