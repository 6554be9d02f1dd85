"""Matrices to factorise: random, structured and trained ones."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lowdim.papers.blast.factors import Factors

SIZE = 256


def gaussian(generator: torch.Generator, size: int = SIZE) -> Tensor:
    """Independent standard normal numbers: no structure to find."""
    return torch.randn(size, size, generator=generator, dtype=torch.float64)


def mixed(generator: torch.Generator, size: int = SIZE) -> Tensor:
    """A matrix of rank ``size / 16`` plus eight diagonal blocks, of equal energy."""
    low = low_rank(generator, size, size // 16)
    block = size // 8
    blocks = torch.block_diag(*torch.randn(8, block, block, generator=generator, dtype=torch.float64))
    return low / low.norm() + blocks / blocks.norm()


def ragged(generator: torch.Generator, size: int = SIZE, blocks: int = 8) -> Tensor:
    """Blocks of ranks drawn from 0, 1, 2, 4 and 12, each component of the same expected size."""
    ranks = torch.tensor([0, 1, 2, 4, 12])[torch.randint(5, (blocks, blocks), generator=generator)]
    rows = [torch.cat([_block(int(t), size // blocks, generator) for t in row], 1) for row in ranks]
    return torch.cat(rows)


def _block(rank: int, size: int, generator: torch.Generator) -> Tensor:
    left, right = torch.randn(2, size, rank, generator=generator, dtype=torch.float64)
    return left @ right.T


def power_law(generator: torch.Generator, size: int = SIZE) -> Tensor:
    """Random singular vectors with singular values ``1 / k``: what a low-rank matrix fits best."""
    normal = torch.randn(2, size, size, generator=generator, dtype=torch.float64)
    left, right = torch.linalg.qr(normal).Q
    return left / torch.arange(1, size + 1, dtype=torch.float64) @ right.T


def low_rank(generator: torch.Generator, size: int, rank: int) -> Tensor:
    """A product of two Gaussian matrices."""
    left, right = torch.randn(2, size, rank, generator=generator, dtype=torch.float64)
    return left @ right.T


def blast(generator: torch.Generator, size: int, rank: int, blocks: int) -> Tensor:
    """A BLAST matrix with Gaussian factors and couplings drawn from 0 to 1."""
    U, V = torch.randn(2, blocks, size // blocks, rank, generator=generator, dtype=torch.float64)
    s = torch.rand(blocks, blocks, rank, generator=generator, dtype=torch.float64)
    return Factors(U, s, V).dense()


TARGETS: dict[str, Callable[..., Tensor]] = {
    "gaussian": gaussian,
    "mixed": mixed,
    "ragged": ragged,
    "power-law": power_law,
}
