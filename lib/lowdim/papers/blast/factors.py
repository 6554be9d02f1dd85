"""BLAST matrices: blocks that share their factors (Lee et al., NeurIPS 2024, arXiv 2410.21262, section 2).

A matrix of ``m x n`` numbers is cut into ``b1 x b2`` blocks of ``p x q``, and block ``(i, j)`` is
``U_i diag(s_ij) V_j^T``: a row of blocks shares ``U_i``, a column of blocks shares ``V_j``, and only the ``r`` numbers
of ``s_ij`` belong to one block alone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.papers.blast.budget import parameter_count


class Factors(NamedTuple):
    """The factors of one BLAST matrix, or of a stack of them (leading dimensions ``...``).

    ``U`` is ``(..., b1, p, r)``, ``s`` is ``(..., b1, b2, r)`` and ``V`` is ``(..., b2, q, r)``.
    """

    U: Tensor
    s: Tensor
    V: Tensor

    @property
    def rank(self) -> int:
        """``r``, the number of components."""
        return self.s.shape[-1]

    @property
    def num_blocks(self) -> tuple[int, int]:
        """``(b1, b2)``."""
        return self.s.shape[-3], self.s.shape[-2]

    @property
    def shape(self) -> tuple[int, int]:
        """``(m, n)``, the shape of the matrix."""
        (b1, b2), p, q = self.num_blocks, self.U.shape[-2], self.V.shape[-2]
        return b1 * p, b2 * q

    @property
    def stored(self) -> int:
        """How many numbers one matrix stores, ``r (m + n + b1 b2)``; a product with a vector multiplies as often."""
        return parameter_count(self.shape, self.rank, self.num_blocks)

    def dense(self) -> Tensor:
        """The matrix ``(..., m, n)``, one column of blocks at a time, so that nothing larger is ever held."""
        columns = [
            ((self.U * self.s[..., j, None, :]) @ self.V[..., j : j + 1, :, :].mT).flatten(-3, -2)
            for j in range(self.num_blocks[1])
        ]
        return torch.cat(columns, -1)

    def normalised(self) -> Factors:
        """The same matrix with columns of unit length in every ``U_i`` and ``V_j``, their lengths moved into ``s``.

        This fixes the scale that the three factors can exchange; columns of zeros stay as they are.
        """
        rows, columns = self.U.norm(dim=-2), self.V.norm(dim=-2)
        s = self.s * rows[..., :, None, :] * columns[..., None, :, :]
        one = torch.ones((), dtype=s.dtype, device=s.device)
        u, v = torch.where(rows > 0, rows, one), torch.where(columns > 0, columns, one)
        return Factors(self.U / u[..., None, :], s, self.V / v[..., None, :])

    def rank_bound(self, tolerance: float = 1e-9) -> Tensor:
        """``sum_k rank(S_k)`` with ``(S_k)_ij = s_ijk``: no BLAST matrix with these couplings has a larger rank.

        The matrix is ``U~ P^T (S_1 + ... + S_r, block-diagonal) P V~^T`` with block-diagonal ``U~``, ``V~`` and a
        permutation ``P``; the rank of a product is at most that of its middle.
        """
        values = torch.linalg.svdvals(self.s.movedim(-1, -3))
        kept = values > tolerance * values.amax(-1, keepdim=True)
        return kept.sum((-2, -1))

    def to(self, *args: object, **options: object) -> Factors:
        """All three factors through :meth:`torch.Tensor.to`."""
        return Factors(*(factor.to(*args, **options) for factor in self))  # type: ignore[call-overload]
