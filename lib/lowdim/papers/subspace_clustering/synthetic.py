"""Batches of random problems: R independent sets of subspaces with samples, drawn at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.profile import check_device
from lowdim.seeding import make_generator


def cpu_generator(seed: int, experiment: str, device: str) -> torch.Generator:
    """The random stream of one experiment of this chapter, on the CPU: closed forms and thousands of tiny
    decompositions are computed there whatever ``device`` is, once it has been checked.
    """
    check_device(device)
    return make_generator(seed, "subspace-clustering", experiment)


class Problem(NamedTuple):
    """R problems: true ``bases`` (R, K, n, d), samples ``x`` (R, K N, n), their ``labels`` (R, K N), the coefficients
    (R, K N, d) and the residuals ``noise`` (R, K N, n): ``x = U_label a + e``. Samples of the blocks alternate.
    """

    bases: Tensor
    x: Tensor
    labels: Tensor
    coefficients: Tensor
    noise: Tensor


def orthogonal_bases(runs: int, blocks: int, n: int, rank: int, generator: torch.Generator) -> Tensor:
    """Uniformly random bases (R, K, n, d), the K blocks of each run orthogonal to each other; float64."""
    if blocks * rank > n:
        raise ValueError(f"blocks: {blocks} of rank {rank} cannot be orthogonal to each other in dimension {n}")
    draw = torch.randn(runs, n, blocks * rank, generator=generator, dtype=torch.float64, device=generator.device)
    return torch.linalg.qr(draw).Q.unflatten(-1, (blocks, rank)).movedim(-2, -3)


def draw_problem(bases: Tensor, per_block: int, generator: torch.Generator, noise: float = 0.0) -> Problem:
    """``per_block`` samples of each block of ``bases`` (R, K, n, d), with residuals of ``noise`` standard deviation
    an entry.
    """
    runs, blocks, _, rank = bases.shape
    device = generator.device
    shape = (runs, per_block, blocks, rank)
    a = torch.randn(shape, generator=generator, dtype=torch.float64, device=device)
    clean = torch.einsum("rmkd,rknd->rmkn", a, bases).flatten(1, 2)
    residual = noise * torch.randn(clean.shape, generator=generator, dtype=torch.float64, device=device)
    labels = torch.arange(blocks, device=device).repeat(per_block).expand(runs, -1)
    return Problem(bases, clean + residual, labels, a.flatten(1, 2), residual)


def crossing(x: Tensor, y: Tensor, level: float) -> float:
    """Where the curve through (x, y) first crosses ``level``, by linear interpolation; NaN when it never does."""
    above = (y >= level).tolist()
    for i in range(1, len(above)):
        if above[i] != above[i - 1]:
            share = float((level - y[i - 1]) / (y[i] - y[i - 1]))
            return float(x[i - 1] + share * (x[i] - x[i - 1]))
    return float("nan")
