"""Mixtures of low-rank Gaussians (MoLRG)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.distributions.base import check_draws, check_weights
from lowdim.distributions.mixture import Components, LowRankMixture
from lowdim.distributions.numerics import in_chunks, wide_dtype

ORTHONORMAL_TOLERANCE = {torch.float64: 1e-10, torch.float32: 5e-5}
"""Largest allowed entry of ``U^T U - I``; a float32 factorisation with ``n`` in the thousands reaches about 1e-5."""


class MoLRG(LowRankMixture):
    """``x0 ~ sum_k pi_k N(mu_k, U_k diag(lambda_k) U_k^T)``.

    The data model of Wang et al., *Diffusion models learn low-dimensional distributions via subspace clustering*
    (arXiv 2409.02426, Definition 1: zero means, unit eigenvalues), in general form.

    Args:
        bases: ``K`` matrices ``(n, r_k)``, ``0 <= r_k <= n``, with orthonormal columns; not necessarily orthogonal to
            each other.
        eigenvalues: ``K`` vectors ``(r_k,)`` of variances ``>= 0``; default ones.
        means: ``(K, *event_shape)`` or ``K`` tensors of that shape; default zeros.
        weights: ``K`` positive numbers that sum to one; default equal.
        event_shape: shape of one event with ``n`` entries; default that of ``means``, else ``(n,)``.

    Raises:
        ValueError: naming the argument that does not fit.

    """

    def __init__(
        self,
        bases: Sequence[Tensor],
        eigenvalues: Sequence[Tensor] | None = None,
        means: Tensor | Sequence[Tensor] | None = None,
        weights: Tensor | Sequence[float] | None = None,
        *,
        event_shape: Sequence[int] | None = None,
    ) -> None:
        first = check_bases(bases)
        n, count = first.shape[0], len(bases)
        if means is None:
            flat = first.new_zeros(count, n)
        else:
            stacked = means if isinstance(means, Tensor) else torch.stack(tuple(means))
            flat, shape = check_means(stacked, count, n).to(first).reshape(count, n), stacked.shape[1:]
            event_shape = shape if event_shape is None else event_shape
        event_shape = torch.Size((n,) if event_shape is None else event_shape)
        if event_shape.numel() != n:
            raise ValueError(
                f"event_shape: {tuple(event_shape)} has {event_shape.numel()} entries; the bases have {n} rows"
            )
        ranks = tuple(basis.shape[1] for basis in bases)
        variances = check_eigenvalues(eigenvalues, ranks, first)
        log_weights = check_weights(weights, count, first.new_zeros(0, dtype=wide_dtype(first.device)))
        super().__init__(Components(torch.cat(tuple(bases), 1), variances, ranks, flat, log_weights), event_shape)

    @classmethod
    def random(
        cls,
        n: int,
        ranks: Sequence[int],
        generator: torch.Generator,
        *,
        orthogonal: bool = True,
        weights: Tensor | Sequence[float] | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> MoLRG:
        """Uniformly random subspaces of the given ranks, unit variances, zero means; mutually orthogonal by default."""
        if not ranks or any(not 0 <= r <= n for r in ranks):
            raise ValueError(f"ranks: {tuple(ranks)} is not allowed; give numbers from 0 to n = {n}")
        if orthogonal and sum(ranks) > n:
            raise ValueError(f"ranks: {tuple(ranks)} sum to {sum(ranks)}; orthogonal subspaces need at most n = {n}")
        draw = torch.randn(n, sum(ranks), generator=generator, dtype=torch.float64, device=generator.device)
        blocks = torch.linalg.qr(draw).Q.split(list(ranks), 1) if orthogonal else draw.split(list(ranks), 1)
        bases = [block if orthogonal else torch.linalg.qr(block).Q for block in blocks]
        return cls([basis.to(dtype) for basis in bases], weights=weights)

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks ``r_k``."""
        return self._components.ranks

    @property
    def bases(self) -> tuple[Tensor, ...]:
        """The bases ``U_k``, each ``(n, r_k)``."""
        return self._components.basis.split(self.ranks, 1)

    @property
    def eigenvalues(self) -> tuple[Tensor, ...]:
        """The variances ``lambda_k`` inside the subspaces, each ``(r_k,)``."""
        return self._components.eigenvalues.split(self.ranks)

    @property
    def means(self) -> Tensor:
        """The component means ``mu_k``, ``(K, *event_shape)``."""
        return self._components.means.reshape(-1, *self.event_shape)

    @property
    def weights(self) -> Tensor:
        """The mixing weights ``pi_k``, ``(K,)``."""
        return self._components.log_weights.exp().to(self.dtype)

    def component_weights(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """``w_k = P(component k | x0 + sigma * n = x)``, ``(B, K)``."""
        flat, s = self._flatten(x, sigma)
        return in_chunks(lambda x, s: self._resolve(x, s).weights, self._width, flat, s).to(x.dtype)

    def component_denoisers(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """``E[x0 | x0 + sigma * n = x, component k]`` for each component, ``(B, K, *event_shape)``."""
        flat, s = self._flatten(x, sigma)
        shrunk = self._resolve(flat, s).shrunk.to(self.dtype).split(self.ranks, 1)
        means = [mean + z @ basis.T for mean, z, basis in zip(self._components.means, shrunk, self.bases, strict=True)]
        return torch.stack(means, 1).reshape(x.shape[0], -1, *self.event_shape).to(x.dtype)

    def sample_labelled(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """``n`` draws ``(n, *event_shape)`` and the component ``(n,)`` each came from."""
        x, labels = self._sample_labelled(*check_draws(n, generator))
        return x.reshape(n, *self.event_shape), labels

    def __repr__(self) -> str:
        return f"MoLRG(event_shape={tuple(self.event_shape)}, ranks={self.ranks}, dtype={self.dtype})"


def check_bases(bases: Sequence[Tensor]) -> Tensor:
    """The first of ``bases``, when all are ``(n, r)`` with the same ``n``, dtype and device and orthonormal columns."""
    if len(bases) == 0:
        raise ValueError("bases: none given; give at least one matrix (n, r)")
    first = bases[0]
    for k, basis in enumerate(bases):
        check_finite(f"bases[{k}]", basis)
        if (
            basis.dim() != 2
            or basis.shape[0] != first.shape[0]
            or basis.shape[1] > basis.shape[0]
            or not basis.shape[0]
        ):
            raise ValueError(
                f"bases[{k}]: shape {tuple(basis.shape)} is not allowed; give (n, r) with r <= n and the same n for all"
            )
        if basis.dtype != first.dtype or basis.device != first.device:
            raise ValueError(
                f"bases[{k}]: {basis.dtype} on {basis.device}; all must be {first.dtype} on {first.device}"
            )
        gap = basis.T @ basis - torch.eye(basis.shape[1], dtype=basis.dtype, device=basis.device)
        error = float(gap.abs().max()) if gap.numel() else 0.0
        limit = ORTHONORMAL_TOLERANCE.get(basis.dtype, 0.0)
        if error > limit:
            raise ValueError(
                f"bases[{k}]: columns are not orthonormal, max |U^T U - I| = {error:.1e} where {limit:.0e} is allowed; "
                "orthonormalise with torch.linalg.qr"
            )
    return first


def check_means(means: Tensor, count: int, n: int) -> Tensor:
    """``means`` when it is finite ``(count, ...)`` with ``n`` entries each."""
    check_finite("means", means)
    if means.dim() < 2 or means.shape[0] != count or means[0].numel() != n:
        raise ValueError(f"means: shape {tuple(means.shape)} is not allowed; give {count} means of {n} entries each")
    return means


def check_eigenvalues(eigenvalues: Sequence[Tensor] | None, ranks: Sequence[int], like: Tensor) -> Tensor:
    """All variances side by side, ``(sum of ranks,)``, when each block is ``(r_k,)`` and none is negative."""
    if eigenvalues is None:
        return like.new_ones(sum(ranks))
    shapes = [tuple(block.shape) for block in eigenvalues]
    if shapes != [(r,) for r in ranks]:
        raise ValueError(f"eigenvalues: shapes {shapes} are not allowed; give {[(r,) for r in ranks]}")
    flat = check_finite("eigenvalues", torch.cat(tuple(eigenvalues)).to(like))
    if bool((flat < 0).any()):
        raise ValueError(f"eigenvalues: smallest {float(flat.min()):g} is not allowed; all must be >= 0")
    return flat
