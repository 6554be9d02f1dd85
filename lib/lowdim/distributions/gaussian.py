"""Low-rank Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.distributions.mixture import Components, LowRankMixture
from lowdim.distributions.molrg import check_bases, check_eigenvalues, check_means
from lowdim.distributions.numerics import principal_axes, wide_dtype


class Gaussian(LowRankMixture):
    """``x0 ~ N(mean, basis diag(eigenvalues) basis^T)``, of any rank ``r <= n``.

    Its denoiser is the linear shrinkage ``mean + U diag(lambda / (lambda + sigma^2)) U^T (x - mean)`` (Wiener filter).

    Args:
        mean: of shape ``event_shape``.
        basis: ``(n, r)`` with orthonormal columns.
        eigenvalues: ``(r,)`` variances ``>= 0`` along them.

    Raises:
        ValueError: naming the argument that does not fit.

    """

    def __init__(self, mean: Tensor, basis: Tensor, eigenvalues: Tensor) -> None:
        check_bases([basis])
        flat = check_means(mean[None], 1, basis.shape[0]).to(basis).reshape(1, -1)
        variances = check_eigenvalues([eigenvalues], [basis.shape[1]], basis)
        log_weights = torch.zeros(1, dtype=wide_dtype(basis.device), device=basis.device)
        super().__init__(Components(basis, variances, (basis.shape[1],), flat, log_weights), mean.shape)

    @classmethod
    def from_covariance(cls, mean: Tensor, covariance: Tensor) -> Gaussian:
        """The Gaussian with this ``covariance (n, n)``; directions that are zero to rounding are dropped.

        Raises ``ValueError`` when the matrix is not symmetric or not positive semi-definite.
        """
        check_finite("covariance", covariance)
        n = mean.numel()
        if tuple(covariance.shape) != (n, n):
            raise ValueError(f"covariance: shape {tuple(covariance.shape)} is not allowed; give ({n}, {n})")
        noise = torch.finfo(covariance.dtype).eps * n * float(covariance.abs().max())
        if float((covariance - covariance.T).abs().max()) > 10 * noise:
            raise ValueError("covariance: the matrix is not symmetric; give (C + C^T) / 2")
        values, vectors = torch.linalg.eigh(0.5 * (covariance + covariance.T))
        if float(values[0]) < -10 * noise:
            raise ValueError(
                f"covariance: smallest eigenvalue {float(values[0]):g} is not allowed; none may be negative"
            )
        kept = values > noise
        return cls(mean, vectors[:, kept].flip(1), values[kept].flip(0))

    @classmethod
    def from_samples(cls, x: Tensor, rank: int | None = None) -> Gaussian:
        """The maximum-likelihood Gaussian of samples ``(N, *event_shape)``: mean and covariance, both with ``1/N``.

        ``rank`` keeps the leading principal directions; the default keeps all that are not zero to rounding.
        """
        check_finite("x", x)
        if x.dim() < 2 or x.shape[0] < 1:
            raise ValueError(f"x: shape {tuple(x.shape)} is not allowed; give (N, ...) with N >= 1")
        flat = x.reshape(x.shape[0], -1)
        mean = flat.mean(0)
        basis, eigenvalues = principal_axes((flat - mean).T / flat.shape[0] ** 0.5, rank)
        return cls(mean.reshape(x.shape[1:]), basis, eigenvalues)

    def mmse(self, sigma: float) -> float:
        """Expected squared error of the denoiser, ``sum_j lambda_j sigma^2 / (lambda_j + sigma^2)``.

        For ``law.gaussian()`` this is the least error of any affine denoiser of ``law`` (LMMSE).
        """
        variance = float(sigma) ** 2
        if not 0 < variance < float("inf"):
            raise ValueError(f"sigma: {sigma!r} is not allowed; give a finite number > 0")
        return float((self._lambda * variance / (self._lambda + variance)).sum())

    @property
    def rank(self) -> int:
        """The number of stored directions ``r``."""
        return self._components.ranks[0]

    @property
    def basis(self) -> Tensor:
        """The directions ``(n, r)``."""
        return self._components.basis

    @property
    def eigenvalues(self) -> Tensor:
        """The variances ``(r,)`` along the directions."""
        return self._components.eigenvalues

    def __repr__(self) -> str:
        return f"Gaussian(event_shape={tuple(self.event_shape)}, rank={self.rank}, dtype={self.dtype})"
