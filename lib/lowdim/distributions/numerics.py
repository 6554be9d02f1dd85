"""Small numerical helpers shared by the distributions."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lowdim.checks import check_count

CHUNK_NUMBERS = 2**22
"""Numbers that one temporary array may hold: 32 MiB in float64."""


def wide_dtype(device: torch.device) -> torch.dtype:
    """The dtype for scalars that suffer from cancellation: float64, or float32 on a device without float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def segment_sum(values: Tensor, owner: Tensor, count: int) -> Tensor:
    """Sum the last axis by owner: ``(..., R)`` and ``(R,)`` give ``(..., count)``; an owner of nothing gets zero."""
    zeros = values.new_zeros(*values.shape[:-1], count)
    return zeros.index_add(-1, owner, values)


def draw_indices(log_weights: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """``n`` independent indices ``(n,)`` drawn with probabilities ``exp(log_weights)``, on their device."""
    cumulative = log_weights.exp().cumsum(0)
    draws = torch.rand(n, generator=generator, dtype=cumulative.dtype, device=generator.device).to(cumulative.device)
    # A draw of exactly 0 must pass leading zero weights; one near 1 may lie above a sum that was rounded down.
    return torch.searchsorted(cumulative, draws, right=True).clamp(max=log_weights.shape[0] - 1)


def chunk_rows(width: int) -> int:
    """Rows to treat at once when each needs ``width`` numbers of temporary memory; at least one."""
    return max(1, CHUNK_NUMBERS // max(1, width))


def in_chunks(function: Callable[..., Tensor], width: int, *rows: Tensor) -> Tensor:
    """``function(*rows)`` evaluated on slices of the first axis, so that a temporary of ``width`` numbers a row stays
    below :data:`CHUNK_NUMBERS`.
    """
    size = chunk_rows(width)
    if rows[0].shape[0] <= size:
        return function(*rows)
    return torch.cat([function(*part) for part in zip(*(row.split(size) for row in rows), strict=True)])


def principal_axes(factor: Tensor, rank: int | None = None) -> tuple[Tensor, Tensor]:
    """Orthonormal ``basis (n, r)`` and ``eigenvalues (r,)``, descending, of the covariance ``factor @ factor.T``.

    ``factor`` is ``(n, q)``. With ``rank=None`` the directions that are zero to rounding are dropped; else the leading
    ``rank <= min(n, q)`` are kept; a larger one raises ``ValueError``.
    """
    limit = min(factor.shape)
    if rank is not None:
        check_count("rank", rank, 0, limit)
    left, spread, _ = torch.linalg.svd(factor, full_matrices=False)
    if rank is None:
        floor = torch.finfo(factor.dtype).eps * max(factor.shape) * (spread[0] if spread.numel() else 0.0)
        rank = int((spread > floor).sum())
    return left[:, :rank].contiguous(), spread[:rank].square()
