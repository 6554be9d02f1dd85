"""Closed forms: what training a linearised network leaves of an image and of noise, and where the sequential schemes
end when the network can represent any image.

``A (m, n)`` is the operator, ``y`` rows of measurements ``(B, m)``. The full-capacity limit replaces the network by the
pixels themselves: the weights' step is then the proximal map :func:`resolvent`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def descent_error(eigenvalues: Tensor, coefficients: Tensor, noise_std: float, steps: Tensor) -> Tensor:
    """``E |f_i - x|^2`` of a linearised network after ``i`` steps of gradient descent on ``|f - y|^2 / 2``, ``A = I``.

    With ``q_j = (1 - kappa_j)^i``: ``sum_j q_j^2 c_j^2 + sigma^2 (1 - q_j)^2``. ``eigenvalues (n,)`` are the step times
    those of the tangent kernel, in [0, 1]; ``coefficients (n,)`` those of ``x`` in its eigenvectors; ``steps (K,)``.
    """
    q = (1 - eigenvalues) ** steps[:, None]
    return (q.square() * coefficients.square() + noise_std**2 * (1 - q).square()).sum(1)


def resolvent(a: Tensor, lam: float) -> Tensor:
    """``(A^T A + lambda I)^-1``, ``(n, n)``: the proximal map is ``resolvent (A^T y + lambda z)``, which minimises
    ``|A x - y|^2 + lambda |x - z|^2``.
    """
    return torch.linalg.inv(a.T @ a + lam * torch.eye(a.shape[1], dtype=a.dtype))


def iterated_tikhonov(a: Tensor, y: Tensor, lam: float, rounds: int) -> Tensor:
    """The image ``(B, n)`` after ``rounds`` proximal steps from ``z_0 = A^T y``, each started where the last ended.

    Along the singular vector ``v_j`` it is ``(u_j^T y / s_j) (1 - (lambda / (lambda + s_j^2))^k (1 - s_j^2))``: every
    ``s_j > 0`` tends to the pseudo-inverse, noise included.
    """
    u, s, vh = torch.linalg.svd(a, full_matrices=False)
    # (1 - r^k (1 - s^2)) / s without cancellation as s -> 0, where it is s (1 + k / lambda) and not 0 / 0.
    power = -rounds * (s.square() / lam).log1p()
    gain = -power.expm1() / s.clamp_min(1e-150) + power.exp() * s
    return (y @ u * gain) @ vh


def purified_fixed_point(mean: Tensor, covariance: Tensor, a: Tensor, y: Tensor, lam: float, tau: float) -> Tensor:
    """Where proximal step and purification end: the ``x`` with

    ``[A^T A + lambda tau^2 (Sigma + tau^2 I)^-1] (x - mu) = A^T (y - A mu)``.

    With ``lambda = sigma_y^2 / tau^2`` this is the posterior mean for the prior ``N(mu, Sigma + tau^2 I)``; a ``tau``
    far below all deviations of the prior gives its own.
    """
    eye = torch.eye(len(mean), dtype=mean.dtype)
    system = a.T @ a + lam * tau**2 * torch.linalg.inv(covariance + tau**2 * eye)
    return mean + torch.linalg.solve(system, ((y - mean @ a.T) @ a).T).T


def contraction(covariance: Tensor, a: Tensor, lam: float, tau: float) -> float:
    """The spectral radius of a round, ``lambda (A^T A + lambda I)^-1 W``, with the purifier's matrix
    ``W = Sigma (Sigma + tau^2 I)^-1``: without its noise it is ``mu + W (x - mu)``.
    """
    eye = torch.eye(a.shape[1], dtype=a.dtype)
    step = lam * resolvent(a, lam) @ torch.linalg.solve(covariance + tau**2 * eye, covariance)
    return float(torch.linalg.eigvals(step).abs().max())
