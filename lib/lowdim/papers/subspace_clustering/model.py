r"""The network of the theory: a denoiser whose only parameters are K orthonormal blocks, trained by denoising.

.. math:: D(x,\sigma)=\frac1{1+\sigma^2}\sum_kw_k(x)\,U_kU_k^Tx,\qquad
    w=\operatorname{softmax}_k\frac{\|U_k^Tx\|^2}{2\sigma^2(1+\sigma^2)} .

The soft-max weights are those of Lemma 1 for equal ranks and weights. The hard-max form of Theorem 3 puts the whole
weight on the block that captures most of the *clean* sample, :math:`\arg\max_k\|U_k^Tx_0\|`, which only training knows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from lowdim.checks import check_finite, check_levels
from lowdim.metrics.subspaces import block_energies
from lowdim.training.loop import TrainStep, train, warm_up_then_cosine
from lowdim.training.losses import normal

SIGMA_RANGE = (0.02, 3.0)


def subspace_denoise(bases: Tensor, x: Tensor, sigma: Tensor, weights: Tensor) -> Tensor:
    r""":math:`\frac1{1+\sigma^2}\sum_kw_kU_kU_k^Tx` for bases (..., K, n, d), x (..., B, n), sigma (..., B) and weights
    (..., B, K).
    """
    blocks, rank = bases.shape[-3], bases.shape[-1]
    flat = torch.cat(bases.unbind(-3), dim=-1)  # (..., n, K d)
    coordinates = (x @ flat).unflatten(-1, (blocks, rank)) * weights.unsqueeze(-1)
    return coordinates.flatten(-2) @ flat.mT / (1 + sigma.square()).unsqueeze(-1)


def soft_weights(bases: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
    r"""Posterior weights (..., B, K) of the blocks given the noisy x (..., B, n): Lemma 1, equal ranks and mixing
    weights.
    """
    scale = 2 * sigma.square() * (1 + sigma.square())
    return torch.softmax(block_energies(x, bases) / scale.unsqueeze(-1), dim=-1)


def hard_weights(bases: Tensor, x: Tensor) -> Tensor:
    """One-hot weights (..., B, K) on the block that captures most of x (..., B, n), the clean sample in Theorem 3."""
    energies = block_energies(x, bases)
    return nn.functional.one_hot(energies.argmax(-1), energies.shape[-1]).to(x.dtype)


class SubspaceDenoiser(nn.Module):
    """The trainable low-rank denoiser, ``runs`` independent copies of it at once.

    Its parameter is a matrix W (runs, n, K d); the bases are its blocks after a QR retraction, so they are
    orthonormal within and between blocks, as Theorem 3 asks. With ``runs=None`` it satisfies the denoiser contract, x
    (B, n); with ``runs=R`` it takes x (R, B, n) and sigma (R, B) or a number.

    Raises ``ValueError`` when K d > n.
    """

    def __init__(
        self,
        n: int,
        blocks: int,
        rank: int,
        generator: torch.Generator,
        *,
        runs: int | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        if not 0 < blocks * rank <= n:
            raise ValueError(
                f"blocks, rank: {blocks} x {rank} is not allowed; orthogonal blocks need 0 < K d <= n = {n}"
            )
        self.n, self.blocks, self.rank = n, blocks, rank
        shape = (n, blocks * rank) if runs is None else (runs, n, blocks * rank)
        self.weight = nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype, device=generator.device))

    @property
    def bases(self) -> Tensor:
        """The orthonormal blocks, (K, n, d) or (runs, K, n, d)."""
        return torch.linalg.qr(self.weight).Q.unflatten(-1, (self.blocks, self.rank)).movedim(-2, -3)

    def forward(self, x: Tensor, sigma: float | Tensor, clean: Tensor | None = None) -> Tensor:
        """The denoised x: soft-max form; hard-max form with the block chosen on ``clean``, of the shape of x, when
        given.

        Raises ``ValueError`` for x that is not finite and for noise levels that are not finite and above 0; the
        hard-max form also takes 0.
        """
        check_finite("x", x)
        levels = torch.as_tensor(sigma, dtype=x.dtype, device=x.device)
        levels = check_levels(levels, allow_zero=clean is not None).expand(x.shape[:-1])
        bases = self.bases
        weights = soft_weights(bases, x, levels) if clean is None else hard_weights(bases, clean)
        return subspace_denoise(bases, x, levels, weights)


def denoising_step(
    x0: Tensor, batch: int, *, counts: Tensor | None = None, hard: bool = False
) -> Callable[[nn.Module, torch.Generator], Tensor]:
    r"""A loss for :func:`lowdim.training.loop.train`: :math:`\sum_{\rm
    runs}\operatorname{mean}\lambda(\sigma)\|D(x_0+\sigma\epsilon,\sigma)-x_0\|^2`.

    Every step draws ``batch`` of the samples x0 (R, N, n) for each run (of its first ``counts`` (R,), by default all
    N), and for each a noise level, log-uniform in :data:`SIGMA_RANGE`. The weight is EDM's for data of unit variance,
    :math:`\lambda=1+1/\sigma^2`; Theorem 1 allows any, and this one keeps the noise of the gradient small. Runs share
    nothing, so training them together is training each alone.
    """
    limits = torch.full(x0.shape[:-2], x0.shape[-2], device=x0.device) if counts is None else counts
    low, high = map(math.log, SIGMA_RANGE)

    def uniform(generator: torch.Generator) -> Tensor:
        shape = (*x0.shape[:-2], batch)
        return torch.rand(shape, generator=generator, dtype=x0.dtype, device=generator.device).to(x0.device)

    def step(model: nn.Module, generator: torch.Generator) -> Tensor:
        index = (uniform(generator) * limits.unsqueeze(-1)).long().unsqueeze(-1)
        clean = x0.gather(-2, index.expand(*index.shape[:-1], x0.shape[-1]))
        sigma = (low + (high - low) * uniform(generator)).exp()
        noisy = clean + sigma.unsqueeze(-1) * normal(tuple(clean.shape), clean, generator)
        denoised = model(noisy, sigma, clean if hard else None)
        return ((1 + sigma**-2) * (denoised - clean).square().sum(-1)).mean(-1).sum()

    return step


def fit(
    model: SubspaceDenoiser,
    x0: Tensor,
    steps: int,
    generator: torch.Generator,
    *,
    batch: int = 32,
    rate: float = 0.2,
    counts: Tensor | None = None,
    hard: bool = False,
) -> Iterator[TrainStep]:
    """Train by Adam with a cosine schedule, yielding every step; x0 is (N, n), or (runs, N, n) for a batch of runs."""
    return train(
        model,
        denoising_step(x0, batch, counts=counts, hard=hard),
        torch.optim.Adam(model.parameters(), lr=rate),
        steps,
        generator=generator,
        schedule=warm_up_then_cosine(steps, steps // 20),
    )
