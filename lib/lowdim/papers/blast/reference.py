"""The published iteration, written as the released code writes it: for comparison only.

Residuals are formed for every update, Gram matrices are those of the stacked factors, systems are solved by LU, and
the loss is without its half, so that its step sizes are twice ours.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from lowdim.papers.blast.factors import Factors

DELTA0 = 0.1


def published_sweeps(matrix: Tensor, factors: Factors, steps: int, delta0: float = DELTA0) -> Iterator[Factors]:
    """``steps`` sweeps on one matrix (m, n) with a step from 1 to 0, yielding the factors after each."""
    (b1, b2), rank = factors.num_blocks, factors.rank
    blocks = matrix.unflatten(0, (b1, -1)).unflatten(2, (b2, -1)).transpose(1, 2)  # (b1, b2, p, q)
    eye = torch.eye(rank, dtype=matrix.dtype, device=matrix.device)
    U, s, V = factors
    for step in range(steps):
        rate = 1 - step / steps
        right = (V[None] * s[:, :, None]).flatten(1, 2)  # (b1, n, r)
        error = (U @ right.mT).unflatten(2, (b2, -1)).transpose(1, 2) - blocks
        gradient = 2 * error.transpose(1, 2).flatten(2) @ right
        U = U - rate * torch.linalg.solve(right.mT @ right + delta0 * error.norm() * eye, gradient.mT).mT
        left = (U[:, None] * s[:, :, None]).transpose(0, 1).flatten(1, 2)  # (b2, m, r)
        error = (left @ V.mT).unflatten(1, (b1, -1)).transpose(0, 1) - blocks
        gradient = 2 * error.permute(1, 3, 0, 2).flatten(2) @ left
        V = V - rate * torch.linalg.solve(left.mT @ left + delta0 * error.norm() * eye, gradient.mT).mT
        error = (U[:, None] * s[:, :, None]) @ V.mT - blocks
        gradient = 2 * torch.einsum("ipk,ijpq,jqk->ijk", U, error, V)
        hessian = (U.mT @ U)[:, None] * (V.mT @ V) + delta0 * error.norm() * eye
        s = s - rate * torch.linalg.solve(hessian, gradient)
        yield Factors(U, s, V)
