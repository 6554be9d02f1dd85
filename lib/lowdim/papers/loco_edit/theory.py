"""What the theory says: the bound on the departure from linearity, the semantic subspace, and Gaussian edits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.checks import check_batch
from lowdim.denoising.conversions import sigma_to_alpha_bar
from lowdim.distributions.molrg import check_bases


def linearity_bound(bases: Sequence[Tensor], x_t: Tensor, alpha_bar: float, strengths: Tensor) -> Tensor:
    """A bound ``(B, S)`` on ``|E[x0 | x_t + s u] - E[x0 | x_t] - s J u|`` for every unit vector ``u``.

    The law is the mixture of low-rank Gaussians with orthonormal ``bases``, unit variances and zero means. For
    ``strengths (S,)``, ``beta = alpha_bar / (1 - alpha_bar)`` and ``R = max_k |P_k x_t| + |s|`` it is::

        s^2 / 2 sqrt(alpha_bar) (5/2 beta R + 2 beta^2 R^3)

    in variance-preserving units, ``x_t (B, n)``. Any ranks and weights of the components, orthogonal subspaces or not:
    the proof uses neither. It makes Theorem 1 (linearity) of Chen et al. (2024) explicit.
    """
    check_batch("x_t", x_t, (check_bases(bases).shape[0],))
    if not 0 < alpha_bar < 1:
        raise ValueError(f"alpha_bar: {alpha_bar!r} is not allowed; give a number between 0 and 1")
    beta = alpha_bar / (1 - alpha_bar)
    largest = torch.stack([(x_t @ basis).norm(dim=1) for basis in bases]).amax(0)
    R = largest[:, None] + strengths.abs()
    return strengths**2 / 2 * alpha_bar**0.5 * (2.5 * beta * R + 2 * beta**2 * R**3)


def semantic_residual(jacobian: Tensor, bases: Sequence[Tensor]) -> Tensor:
    """``|(I - U_1 U_1^T) M|_F`` for Jacobians ``(B, n, n)``: how much of the span of all ``bases`` the leading ``sum_k
    r_k`` left singular vectors miss. Source: Theorem 1 (semantic subspace).
    """
    M = torch.cat(tuple(bases), 1)
    U = torch.linalg.svd(jacobian).U[..., : M.shape[1]]
    return (M - U @ (U.mT @ M)).flatten(-2).norm(dim=-1)


def gaussian_gains(eigenvalues: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """What a step along principal axis i of a Gaussian becomes, with ``s_i`` its variance: in the predicted image
    ``s_i / (s_i + sigma^2)``, and at the end of the exact sampling flow ``sqrt(s_i / (s_i + sigma^2))``, which is more.
    """
    ratio = eigenvalues / (eigenvalues + sigma**2)
    return ratio, ratio.sqrt()


def noise_jacobian(jacobian: Tensor, sigma: float) -> Tensor:
    """The Jacobian of the predicted noise, ``(I - J) / sigma``, from that of the denoiser; its rank is high where that
    of ``J`` is low. The factor to the paper's ``d eps / d x_t`` does not change ranks.
    """
    return (torch.eye(jacobian.shape[-1], dtype=jacobian.dtype, device=jacobian.device) - jacobian) / sigma


def paper_strength(strength: float, sigma: float) -> float:
    """A step of the book, on ``x = x0 + sigma n``, as the paper's step on ``x_t = sqrt(alpha_bar) x``."""
    return strength * sigma_to_alpha_bar(sigma) ** 0.5
