"""Where a factorisation starts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lowdim.papers.blast.factors import Factors

Start = Callable[[Tensor, int, tuple[int, int], torch.Generator], Factors]


def random(matrices: Tensor, rank: int, num_blocks: tuple[int, int], generator: torch.Generator) -> Factors:
    """Gaussian left and right factors, couplings from 0 to 1, scaled so that entries have variance 1."""
    U, V = _gaussian(matrices, rank, num_blocks, generator)
    size = (3 / rank) ** 0.25
    s = torch.rand(len(matrices), *num_blocks, rank, generator=generator, dtype=torch.float64)
    return Factors(size * U, s.to(U), size * V)


def published(matrices: Tensor, rank: int, num_blocks: tuple[int, int], generator: torch.Generator) -> Factors:
    """As the released code: left and right factors of standard deviation ``1e-3 / sqrt(r)``, normal couplings."""
    U, V = _gaussian(matrices, rank, num_blocks, generator)
    s = torch.randn(len(matrices), *num_blocks, rank, generator=generator, dtype=torch.float64)
    return Factors(U * 1e-3 / rank**0.5, s.to(U), V * 1e-3 / rank**0.5)


def small(matrices: Tensor, rank: int, num_blocks: tuple[int, int], generator: torch.Generator) -> Factors:
    """As :func:`published`, with couplings from 0 to 1."""
    U, V = _gaussian(matrices, rank, num_blocks, generator)
    s = torch.rand(len(matrices), *num_blocks, rank, generator=generator, dtype=torch.float64)
    return Factors(U * 1e-3 / rank**0.5, s.to(U), V * 1e-3 / rank**0.5)


def spectral(matrices: Tensor, rank: int, num_blocks: tuple[int, int], generator: torch.Generator) -> Factors:
    """Singular vectors, cut into blocks, with couplings ``(1 + z) / 2`` for normal ``z``.

    Couplings of 1 would be the best matrix of rank ``r``; noise as large as they are lets the blocks part.

    Components beyond the size of the matrix start at zero on the right and random on the left, so that they can grow.
    """
    left, values, right = torch.linalg.svd(matrices, full_matrices=False)
    roots = values[:, None, :rank].sqrt()
    spare = rank - roots.shape[-1]
    more = torch.randn(len(matrices), matrices.shape[1], max(0, spare), generator=generator, dtype=torch.float64)
    U = torch.cat([left[..., :rank] * roots, more.to(matrices) / matrices.shape[1] ** 0.5], -1)
    V = torch.cat([right.mT[..., :rank] * roots, matrices.new_zeros(*matrices.shape[::2], max(0, spare))], -1)
    shake = torch.randn(len(matrices), *num_blocks, rank, generator=generator, dtype=torch.float64)
    return Factors(
        U.unflatten(1, (num_blocks[0], -1)), 0.5 + 0.5 * shake.to(matrices), V.unflatten(1, (num_blocks[1], -1))
    )


def _gaussian(
    matrices: Tensor, rank: int, num_blocks: tuple[int, int], generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    (count, m, n), (b1, b2) = matrices.shape, num_blocks
    drawn = [
        torch.randn(count, b, size // b, rank, generator=generator, dtype=torch.float64)
        for b, size in ((b1, m), (b2, n))
    ]
    return drawn[0].to(matrices), drawn[1].to(matrices)


STARTS: dict[str, Start] = {"spectral": spectral, "random": random, "small": small, "published": published}
