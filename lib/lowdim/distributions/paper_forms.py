"""The simplified formulas that papers print for mixtures of low-rank Gaussians, as printed.

They are exact for equal weights, equal ranks, unit variances and zero means, and wrong outside; the general exact form
is :class:`~lowdim.distributions.molrg.MoLRG`. Here ``x_t = s x0 + gamma n`` with the paper's schedule values ``s`` and
``gamma``; the general form sees the same data as ``MoLRG.denoise(x_t / s, gamma / s)``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.checks import check_batch
from lowdim.distributions.molrg import check_bases


def lemma1_weights(bases: Sequence[Tensor], x: Tensor, s: float, gamma: float) -> Tensor:
    """Soft assignments ``(B, K)``: ``w_k`` proportional to ``exp(phi |U_k^T x_t|^2)``.

    Here ``phi = s^2 / (2 gamma^2 (s^2 + gamma^2))``. As printed in Lemma 1 of Wang et al. (arXiv 2409.02426): without
    the weights ``pi_k`` and without the determinant factor ``(1 + s^2 / gamma^2)^(-r_k / 2)``, so that a component of
    larger rank wins too often. ``bases`` are ``K`` matrices ``(n, r_k)`` with orthonormal columns, ``x`` is ``(B, n)``.
    Raises ``ValueError`` for ``s <= 0`` or ``gamma <= 0``.
    """
    check_batch("x", x, (check_bases(bases).shape[0],))
    _check_schedule(s, gamma)
    phi = s**2 / (2 * gamma**2 * (s**2 + gamma**2))
    energies = torch.stack([(x @ basis).square().sum(1) for basis in bases], 1)
    return torch.softmax(phi * energies, 1)


def lemma1_denoiser(bases: Sequence[Tensor], x: Tensor, s: float, gamma: float) -> Tensor:
    """``E[x0 | x_t] = s / (s^2 + gamma^2) sum_k w_k U_k U_k^T x_t``, ``(B, n)``, with :func:`lemma1_weights`."""
    weights = lemma1_weights(bases, x, s, gamma)
    return s / (s**2 + gamma**2) * torch.einsum("bk,bkn->bn", weights, _projections(bases, x))


def lemma1_jacobian(bases: Sequence[Tensor], x: Tensor, s: float, gamma: float) -> Tensor:
    """The Jacobian ``(B, n, n)`` of :func:`lemma1_denoiser`.

    It is ``s / (s^2 + gamma^2) [sum_k w_k P_k + 2 phi (sum_k w_k P_k x x^T P_k - m m^T)]`` with ``P_k = U_k U_k^T`` and
    ``m = sum_k w_k P_k x``, of rank at most ``sum_k r_k``: one block at low noise, all blocks at high noise.
    """
    weights, projected = lemma1_weights(bases, x, s, gamma), _projections(bases, x)
    phi = s**2 / (2 * gamma**2 * (s**2 + gamma**2))
    blocks = torch.stack([basis @ basis.T for basis in bases])
    centred = projected - torch.einsum("bk,bkn->bn", weights, projected)[:, None]
    spread = torch.einsum("bk,bki,bkj->bij", weights, centred, centred)
    return s / (s**2 + gamma**2) * (torch.einsum("bk,kij->bij", weights, blocks) + 2 * phi * spread)


def _projections(bases: Sequence[Tensor], x: Tensor) -> Tensor:
    """``P_k x`` for all ``k``, ``(B, K, n)``."""
    return torch.stack([x @ basis @ basis.T for basis in bases], 1)


def _check_schedule(s: float, gamma: float) -> None:
    if not s > 0 or not gamma > 0:
        raise ValueError(f"s, gamma: ({s!r}, {gamma!r}) is not allowed; both must be > 0")
