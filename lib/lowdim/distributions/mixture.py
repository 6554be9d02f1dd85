"""The algebra of a mixture of low-rank Gaussians; :class:`Gaussian` and :class:`MoLRG` are its two public faces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from lowdim.distributions.base import Distribution
from lowdim.distributions.conditioning import condition
from lowdim.distributions.numerics import draw_indices, segment_sum, wide_dtype
from lowdim.distributions.operators import check_linear, check_measurement, operator_action


@dataclass(frozen=True)
class Components:
    """``sum_k pi_k N(mu_k, U_k diag(lambda_k) U_k^T)`` in flat storage: all columns ``U_k`` side by side.

    ``basis (n, R)``, ``eigenvalues (R,)``, ``ranks`` with sum ``R``, ``means (K, n)``, ``log_weights (K,)``.
    The last is kept wide (float64), since posteriors make weights too small to be written as probabilities.
    """

    basis: Tensor
    eigenvalues: Tensor
    ranks: tuple[int, ...]
    means: Tensor
    log_weights: Tensor

    def to(self, dtype: torch.dtype, device: torch.device) -> Components:
        """The same components elsewhere; widening to float64 makes float32 bases orthonormal to float64 again."""
        basis = self.basis.to(dtype=dtype, device=device)
        if torch.finfo(dtype).eps < torch.finfo(self.basis.dtype).eps:
            basis = torch.cat([polish(block) for block in basis.split(self.ranks, 1)], 1)
        moved = (tensor.to(dtype=dtype, device=device) for tensor in (self.eigenvalues, self.means))
        return Components(basis, next(moved), self.ranks, next(moved), self.log_weights.to(device, wide_dtype(device)))


def polish(basis: Tensor) -> Tensor:
    """Two Newton-Schulz steps towards the nearest matrix with orthonormal columns: 1e-7 becomes rounding."""
    identity = torch.eye(basis.shape[1], dtype=basis.dtype, device=basis.device)
    for _ in range(2):
        basis = basis @ (1.5 * identity - 0.5 * basis.T @ basis)
    return basis


@dataclass(frozen=True)
class _Resolved:
    """What a noisy batch says about the components; all wide (float64).

    ``weights (B, K)`` are the posterior probabilities ``w_k``, ``gains (B, R)`` the shrinkages
    ``g_j = lambda_j / (lambda_j + sigma^2)`` and ``shrunk (B, R)`` the coefficients ``g_j u_j^T (x - mu_k)`` of the
    component means ``m_k = mu_k + U_k shrunk_k``.
    """

    weights: Tensor
    gains: Tensor
    shrunk: Tensor


class LowRankMixture(Distribution):
    """``sum_k pi_k N(mu_k, U_k diag(lambda_k) U_k^T)``; ranks may differ and subspaces need not be orthogonal.

    With ``r_k = x - mu_k`` and ``g_j = lambda_j / (lambda_j + sigma^2)``, by the Woodbury identity::

        log w_k = log pi_k - 1/2 sum_j log(1 + lambda_j / sigma^2)
                  - (|r_k|^2 - sum_j g_j (u_j^T r_k)^2) / (2 sigma^2) - const
        E[x0 | x] = sum_k w_k (mu_k + sum_j g_j u_j u_j^T r_k).

    Cost: two matrix products with all columns at once, ``O(n sum_k r_k)`` a sample. Products run in ``dtype``; the
    scalars made from them (log weights) in float64, since they are divided by ``sigma^2``.
    """

    def __init__(self, components: Components, event_shape: torch.Size) -> None:
        super().__init__(event_shape, components.basis.dtype, components.basis.device)
        wide = wide_dtype(self.device)
        c = self._components = components
        self._owner = torch.repeat_interleave(torch.arange(len(c.ranks)), torch.tensor(c.ranks)).to(self.device)
        self._lambda = c.eigenvalues.to(wide)
        # Distances are taken from the common mean: large shared offsets would cost digits in |r_k|^2.
        self._centre = (c.log_weights.exp().to(self.dtype) @ c.means) if len(c.ranks) > 1 else c.means[0]
        self._offsets = c.means - self._centre
        self._shifted = bool(self._offsets.any())
        self._frame = torch.cat([c.basis, self._offsets.T], 1) if self._shifted else c.basis
        self._column_offsets = (c.basis * self._offsets.T[:, self._owner]).sum(0).to(wide)
        self._offset_norms = self._offsets.to(wide).square().sum(1)

    @classmethod
    def _from_components(cls, components: Components, event_shape: torch.Size) -> Self:
        made = object.__new__(cls)
        LowRankMixture.__init__(made, components, event_shape)
        return made

    def to(self, dtype: torch.dtype | None = None, device: str | torch.device | None = None) -> Self:
        """The same law with its tensors in ``dtype`` and on ``device``."""
        target = self.device if device is None else torch.device(device)
        return self._from_components(self._components.to(dtype or self.dtype, target), self.event_shape)

    def posterior(self, y: Tensor, operator: Any, noise_std: float) -> Self:
        """The exact law of ``x0`` given one measurement ``y = A x0 + noise_std * n``: again of this kind.

        See :meth:`Distribution.posterior`. Only small matrices are factored, ``A U_k`` of ``m`` by ``r_k`` and others
        of ``r_k`` by ``r_k``. Raises ``ValueError`` when random probes show that the operator is not linear.
        """
        action = operator_action(operator, self.event_shape)
        check_linear(action, self.n, self.dtype, self.device)
        c, wide = self._components, wide_dtype(self.device)
        count = len(c.ranks)
        rows = action(torch.cat([c.means, c.basis.T])).to(wide)
        measured = check_measurement(y, rows.shape[1], noise_std, rows)
        blocks = zip(c.basis.split(c.ranks, 1), self._lambda.split(c.ranks), rows[count:].split(c.ranks), strict=True)
        parts = [
            condition(mean.to(wide), basis.to(wide), eigenvalues, measured - row, mapped.T, noise_std)
            for mean, row, (basis, eigenvalues, mapped) in zip(c.means, rows[:count], blocks, strict=True)
        ]
        log_weights = torch.log_softmax(c.log_weights + torch.stack([part.log_evidence for part in parts]), 0)
        made = Components(
            torch.cat([part.basis for part in parts], 1).to(self.dtype),
            torch.cat([part.eigenvalues for part in parts]).to(self.dtype),
            c.ranks,
            torch.stack([part.mean for part in parts]).to(self.dtype),
            log_weights,
        )
        return self._from_components(made, self.event_shape)

    @property
    def _width(self) -> int:
        return self._frame.shape[1] + len(self._components.ranks)

    def _sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self._sample_labelled(n, generator)[0]

    def _sample_labelled(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        c = self._components
        labels = draw_indices(c.log_weights, n, generator)
        latent = torch.randn(n, max(c.ranks), generator=generator, dtype=self.dtype, device=generator.device)
        latent = latent.to(self.device)
        x = c.means[labels]
        scaled = (c.basis * c.eigenvalues.sqrt()).split(c.ranks, 1)
        for k, block in enumerate(scaled):
            rows = (labels == k).nonzero()[:, 0]
            x[rows] += latent[rows, : c.ranks[k]] @ block.T
        return x, labels

    def _log_joint(self, projected: Tensor, variance: Tensor) -> Tensor:
        """``log pi_k + log N(x; k)`` up to a term common to all components, ``(B, K)``."""
        c = self._components
        z = projected[:, : self._lambda.shape[0]] - self._column_offsets
        explained = self._lambda / (self._lambda + variance) * z.square() / variance
        evidence = explained - torch.log1p(self._lambda / variance)
        joint = c.log_weights + 0.5 * segment_sum(evidence, self._owner, len(c.ranks))
        if self._shifted:
            joint = joint + (projected[:, self._lambda.shape[0] :] - 0.5 * self._offset_norms) / variance
        return joint

    def _resolve(self, x: Tensor, sigma: Tensor) -> _Resolved:
        variance = sigma.to(self._lambda).square()[:, None]
        projected = ((x - self._centre) @ self._frame).to(self._lambda)
        gains = self._lambda / (self._lambda + variance)
        shrunk = gains * (projected[:, : self._lambda.shape[0]] - self._column_offsets)
        return _Resolved(torch.softmax(self._log_joint(projected, variance), -1), gains, shrunk)

    def _combine(self, columns: Tensor, per_component: Tensor) -> Tensor:
        """``sum_j columns_j u_j + sum_k per_component_k (mu_k - centre)`` as one product, ``(..., n)``."""
        coefficients = torch.cat([columns, per_component], -1) if self._shifted else columns
        return coefficients.to(self.dtype) @ self._frame.T

    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        at = self._resolve(x, sigma)
        return self._centre + self._combine(at.weights[:, self._owner] * at.shrunk, at.weights)

    def _denoiser_product(self, x: Tensor, sigma: Tensor, v: Tensor) -> Tensor:
        # J v = sum_k w_k U_k G_k U_k^T v + sum_k w_k (a_k - a) m_k / sigma^2 with a_k = <m_k, v>, a = sum_k w_k a_k.
        # The second sum may use m_k for m_k - m, because sum_k w_k (a_k - a) = 0.
        at = self._resolve(x, sigma)
        rank = self._lambda.shape[0]
        projected = (v @ self._frame).to(self._lambda)
        along = segment_sum(at.shrunk[:, None] * projected[..., :rank], self._owner, at.weights.shape[1])
        if self._shifted:
            along = along + projected[..., rank:]
        weights = at.weights[:, None]
        centred = along - (weights * along).sum(-1, keepdim=True)
        pull = weights * centred / sigma.to(self._lambda).square()[:, None, None]
        columns = (weights[..., self._owner] * at.gains[:, None]) * projected[..., :rank]
        return self._combine(columns + pull[..., self._owner] * at.shrunk[:, None], pull)

    def _log_prob(self, x: Tensor, sigma: Tensor) -> Tensor:
        # Distances off a subspace come from explicit residuals: at small sigma a difference of squared
        # norms has no digits left.
        c, centred = self._components, x - self._centre
        variance = sigma.to(self._lambda).square()[:, None]
        inside, outside = [], []
        for offset, basis in zip(self._offsets, c.basis.split(c.ranks, 1), strict=True):
            z = (centred - offset) @ basis
            inside.append(z)
            outside.append((centred - offset - z @ basis.T).to(self._lambda).square().sum(-1))
        z = torch.cat(inside, 1).to(self._lambda)
        terms = z.square() / (self._lambda + variance) + torch.log1p(self._lambda / variance)
        quadratic = segment_sum(terms, self._owner, len(c.ranks)) + torch.stack(outside, 1) / variance
        constant = 0.5 * self.n * (math.log(2 * math.pi) + variance.log())
        return torch.logsumexp(c.log_weights - 0.5 * quadratic - constant, -1)

    def _mean(self) -> Tensor:
        return self._centre

    def _covariance_factor(self) -> Tensor:
        c = self._components
        roots = (0.5 * c.log_weights).exp().to(self.dtype)
        within = c.basis * (c.eigenvalues.sqrt() * roots[self._owner])
        return torch.cat([within, self._offsets.T * roots], 1) if self._shifted else within
