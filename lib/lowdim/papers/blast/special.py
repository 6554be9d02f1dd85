"""Families that BLAST contains exactly: low-rank, block-diagonal, Monarch and block low-rank matrices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.papers.blast.budget import Blocks, block_counts, check_divisible
from lowdim.papers.blast.colouring import edge_colouring
from lowdim.papers.blast.factors import Factors


def from_low_rank(left: Tensor, right: Tensor, num_blocks: Blocks) -> Factors:
    """``left right^T`` (m, r) (n, r) as a BLAST matrix of the same rank: every coupling is 1."""
    b1, b2 = block_counts(num_blocks)
    check_divisible((len(left), len(right)), (b1, b2))
    s = left.new_ones(b1, b2, left.shape[1])
    return Factors(left.unflatten(0, (b1, -1)), s, right.unflatten(0, (b2, -1)))


def from_block_diagonal(left: Tensor, right: Tensor) -> Factors:
    """Diagonal blocks ``left_i right_i^T`` (b, p, t) (b, q, t) as a BLAST matrix of rank ``t``.

    Couplings are 1 on the diagonal and 0 elsewhere. For full blocks give the blocks and identities: ``t = q``.
    """
    blocks, _, rank = left.shape
    s = torch.eye(blocks, dtype=left.dtype, device=left.device)[..., None].repeat(1, 1, rank)
    return Factors(left, s, right)


def from_monarch(left: Tensor, right: Tensor) -> Factors:
    """Blocks ``left_ij right_ij^T``, (b, b, p, t) and (b, b, q, t), all of rank ``t``, at BLAST rank ``b t``.

    The ``t`` components ``(i + j) mod b`` serve block ``(i, j)``: a Latin square, so that each component serves one
    block of every row and of every column.
    """
    b, columns, t = left.shape[0], left.shape[1], left.shape[3]
    if b != columns or right.shape[:2] != left.shape[:2] or right.shape[3] != t:
        raise ValueError(
            f"left, right: shapes {tuple(left.shape)}, {tuple(right.shape)} are not allowed; "
            "give (b, b, p, t) and (b, b, q, t)"
        )
    index = torch.arange(b, device=left.device)
    square = (index[:, None] + index) % b  # the colour of block (i, j)
    partner = (index - index[:, None]) % b  # [i, k]: the one block of row i, or of column i, that colour k serves
    U, V = left[index[:, None], partner], right[partner, index[:, None]]
    s = torch.nn.functional.one_hot(square, b).to(left.dtype).repeat_interleave(t, -1)
    return Factors(U.transpose(1, 2).flatten(2), s, V.transpose(1, 2).flatten(2))


def from_block_low_rank(blocks: Sequence[Sequence[tuple[Tensor, Tensor]]]) -> Factors:
    """Blocks ``left right^T`` of any ranks, ``blocks[i][j] = (left (p, t_ij), right (q, t_ij))``.

    The rank is the largest sum of the ``t_ij`` over a row or a column of blocks: :func:`edge_colouring` of the
    multigraph with ``t_ij`` edges gives each rank-one piece a component that its row and column use only once.
    """
    ranks = torch.tensor([[left.shape[1] for left, _ in row] for row in blocks])
    colours = edge_colouring(ranks)
    rank = int(max(ranks.sum(1).max(), ranks.sum(0).max()))
    first, second = blocks[0][0]
    (b1, b2), p, q = ranks.shape, len(first), len(second)
    U, s, V = first.new_zeros(b1, p, rank), first.new_zeros(b1, b2, rank), first.new_zeros(b2, q, rank)
    for i, row in enumerate(blocks):
        for j, (left, right) in enumerate(row):
            at = colours[i][j]
            U[i, :, at], s[i, j, at], V[j, :, at] = left, first.new_ones(()), right
    return Factors(U, s, V)


def split_blocks(matrix: Tensor, num_blocks: Blocks, rank: int) -> tuple[Tensor, Tensor]:
    """The best blocks of a given rank: ``left`` (b1, b2, p, t), ``right`` (b1, b2, q, t) by an SVD of each block."""
    check_finite("matrix", matrix)
    b1, b2 = block_counts(num_blocks)
    p, q = check_divisible(matrix.shape, (b1, b2))
    if not 1 <= rank <= min(p, q):
        raise ValueError(f"rank: {rank!r} is not allowed; blocks of {p} x {q} have ranks from 1 to {min(p, q)}")
    cut = matrix.unflatten(0, (b1, p)).unflatten(2, (b2, q)).transpose(1, 2)
    left, values, right = torch.linalg.svd(cut, full_matrices=False)
    roots = values[..., None, :rank].sqrt()
    return left[..., :rank] * roots, right.mT[..., :rank] * roots
