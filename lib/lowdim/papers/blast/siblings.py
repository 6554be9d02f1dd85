"""The families that BLAST is compared with, as layers of the same signature: low-rank, Monarch, block-diagonal."""

from __future__ import annotations

import math
from typing import Any, Self

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.papers.blast.budget import Blocks, block_counts, components_for_budget
from lowdim.papers.blast.layers import BlastLinear, StructuredLinear
from lowdim.papers.blast.special import split_blocks


class LowRankLinear(StructuredLinear):
    """A weight ``left right^T`` of rank ``r``: ``r (m + n)`` numbers. ``num_blocks`` is taken and not needed.

    Its best fit is the truncated SVD (Eckart and Young).
    """

    family = "low-rank"

    def __init__(
        self, in_features: int, out_features: int, rank: int, num_blocks: Blocks = 1, bias: bool = True,
        device: Any = None, dtype: torch.dtype | None = None,
    ) -> None:  # fmt: skip
        block_counts(num_blocks)
        super().__init__(in_features, out_features, rank, 1, bias, device, dtype)
        if check_count("rank", rank) > min(in_features, out_features):
            raise ValueError(
                f"rank: {rank} is not allowed for {out_features} x {in_features}; give at most the smaller side"
            )
        self.left, self.right = self.parameter(out_features, rank), self.parameter(in_features, rank)
        self.reset_parameters()

    @classmethod
    def for_budget(cls, in_features: int, out_features: int, ratio: float, num_blocks: Blocks = 1, **more: Any) -> Self:
        """The largest rank with ``r (m + n)`` at most ``ratio m n``."""
        shape, multiple = (out_features, in_features), more.pop("multiple", 1)
        rank = components_for_budget(shape, ratio, out_features + in_features, multiple)
        return cls(in_features, out_features, min(rank, *shape), num_blocks, **more)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Gaussian factors; the entries of the weight have the variance of a new :class:`torch.nn.Linear`."""
        spread = (self.weight_variance / self.left.shape[1]) ** 0.25
        with torch.no_grad():
            self.left.normal_(0, spread, generator=generator)
            self.right.normal_(0, spread, generator=generator)
        self.reset_bias(generator)

    def padded_weight(self) -> Tensor:
        """The weight."""
        return self.left @ self.right.T

    def padded_product(self, x: Tensor) -> Tensor:
        """Two products."""
        return (x @ self.right) @ self.left.T

    def set_to(self, padded: Tensor, **options: Any) -> Tensor:
        """The truncated singular value decomposition; takes no options."""
        refuse(options)
        left, right = split_blocks(working(padded), 1, self.left.shape[1])
        return keep(self, padded, left=left[0, 0], right=right[0, 0])


class MonarchLinear(StructuredLinear):
    """Every block of its own rank ``t = rank / max(b1, b2)``: ``t (b2 m + b1 n)`` numbers, ``r (m + n)`` when square.

    The block low-rank form of a Monarch matrix, its permutations absorbed into the layout. Parameters ``left``
    (b1, p, b2 t) and ``right`` (b2, q, b1 t). Its best fit is the truncated SVD of each block.
    """

    family = "monarch"

    def __init__(
        self, in_features: int, out_features: int, rank: int, num_blocks: Blocks = 4, bias: bool = True,
        device: Any = None, dtype: torch.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__(in_features, out_features, rank, num_blocks, bias, device, dtype)
        b1, b2 = self.num_blocks
        p, q, most = self.padded_out // b1, self.padded_in // b2, max(b1, b2)
        if check_count("rank", rank) % most or rank // most > min(p, q):
            raise ValueError(
                f"rank: {rank} is not allowed with {b1} x {b2} blocks of {p} x {q}; "
                f"give a multiple of {most} up to {most * min(p, q)}"
            )
        self.block_rank = rank // most
        self.left, self.right = self.parameter(b1, p, b2 * self.block_rank), self.parameter(b2, q, b1 * self.block_rank)
        self.reset_parameters()

    @classmethod
    def for_budget(cls, in_features: int, out_features: int, ratio: float, num_blocks: Blocks = 4, **more: Any) -> Self:
        """The largest rank of the blocks with at most ``ratio m n`` numbers."""
        (b1, b2), multiple = block_counts(num_blocks), more.pop("multiple", 1)
        padded_out, padded_in = -(-out_features // b1) * b1, -(-in_features // b2) * b2
        size = b2 * padded_out + b1 * padded_in
        blocks_of = components_for_budget((out_features, in_features), ratio, size, multiple)
        block_rank = min(blocks_of, padded_out // b1, padded_in // b2)
        return cls(in_features, out_features, block_rank * max(b1, b2), num_blocks, **more)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Gaussian factors; the entries of the weight have the variance of a new :class:`torch.nn.Linear`."""
        spread = (self.weight_variance / self.block_rank) ** 0.25
        with torch.no_grad():
            self.left.normal_(0, spread, generator=generator)
            self.right.normal_(0, spread, generator=generator)
        self.reset_bias(generator)

    def padded_weight(self) -> Tensor:
        """The weight of the padded sizes."""
        b1, b2 = self.num_blocks
        left = self.left.unflatten(2, (b2, -1)).transpose(1, 2)  # (b1, b2, p, t)
        right = self.right.unflatten(2, (b1, -1)).permute(2, 0, 1, 3)  # (b1, b2, q, t)
        return (left @ right.mT).transpose(1, 2).flatten(2).flatten(0, 1)

    def padded_product(self, x: Tensor) -> Tensor:
        """Two batches of products with a permutation between them."""
        b1, b2 = self.num_blocks
        rows = x.reshape(-1, b2, self.right.shape[1]).transpose(0, 1)
        seen = torch.bmm(rows, self.right).unflatten(2, (b1, -1))  # (b2, N, b1, t)
        y = torch.bmm(seen.permute(2, 1, 0, 3).flatten(2), self.left.mT)  # (b1, N, p)
        return y.transpose(0, 1).reshape(*x.shape[:-1], self.padded_out)

    def set_to(self, padded: Tensor, **options: Any) -> Tensor:
        """The truncated SVD of each block; takes no options."""
        refuse(options)
        left, right = split_blocks(working(padded), self.num_blocks, self.block_rank)
        right = right.permute(1, 2, 0, 3).flatten(2)
        return keep(self, padded, left=left.transpose(1, 2).flatten(2), right=right)


class BlockDiagonalLinear(StructuredLinear):
    """Full blocks on the diagonal, zeros elsewhere: ``m n / b`` numbers. ``rank`` is taken for the common signature
    and must be None.
    """

    family = "block-diagonal"

    def __init__(
        self, in_features: int, out_features: int, rank: int | None = None, num_blocks: Blocks = 4, bias: bool = True,
        device: Any = None, dtype: torch.dtype | None = None,
    ) -> None:  # fmt: skip
        super().__init__(in_features, out_features, rank, num_blocks, bias, device, dtype)
        b1, b2 = self.num_blocks
        if b1 != b2:
            raise ValueError(f"num_blocks: {b1} x {b2} is not allowed; a diagonal needs as many rows as columns")
        if rank is not None:
            raise ValueError(f"rank: {rank!r} is not allowed; the blocks are full, give None")
        self.blocks = self.parameter(b1, self.padded_out // b1, self.padded_in // b1)
        self.reset_parameters()

    @classmethod
    def for_budget(cls, in_features: int, out_features: int, ratio: float, num_blocks: Blocks = 4, **more: Any) -> Self:
        """``1 / ratio`` blocks, rounded up; ``num_blocks`` is taken for the common signature and not needed."""
        block_counts(num_blocks)
        more.pop("multiple", 1)
        components_for_budget((out_features, in_features), ratio, 1)
        return cls(in_features, out_features, None, math.ceil(1 / ratio * (1 - 1e-12)), **more)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """As :class:`torch.nn.Linear` layers of the size of the blocks."""
        bound = self.blocks.shape[2] ** -0.5
        torch.nn.init.uniform_(self.blocks, -bound, bound, generator=generator)
        self.reset_bias(generator)

    def padded_weight(self) -> Tensor:
        """The weight of the padded sizes."""
        return torch.block_diag(*self.blocks)

    def padded_product(self, x: Tensor) -> Tensor:
        """One batch of products."""
        rows = x.reshape(-1, *self.blocks.shape[::2]).transpose(0, 1)
        y = torch.bmm(rows, self.blocks.mT)
        return y.transpose(0, 1).reshape(*x.shape[:-1], self.padded_out)

    def set_to(self, padded: Tensor, **options: Any) -> Tensor:
        """The diagonal blocks; takes no options."""
        refuse(options)
        b, p, q = self.blocks.shape
        cut = padded.reshape(b, p, b, q)
        index = torch.arange(b, device=padded.device)
        return keep(self, padded, blocks=cut[index, :, index])


def refuse(options: dict[str, Any]) -> None:
    """Closed-form fits have nothing to set."""
    options.pop("seed", None)  # there is nothing random in them
    if options:
        raise ValueError(f"{', '.join(options)}: not allowed here; this family is fitted in closed form")


def working(matrix: Tensor) -> Tensor:
    """In a dtype in which decompositions work."""
    return matrix if matrix.dtype == torch.float64 else matrix.float()


def keep(layer: StructuredLinear, matrix: Tensor, **values: Tensor) -> Tensor:
    """Copy ``values`` into the parameters of those names; the relative error (1,)."""
    with torch.no_grad():
        for name, value in values.items():
            layer.get_parameter(name).copy_(value)
        found = working(layer.padded_weight())
    return ((working(matrix) - found).norm() / working(matrix).norm())[None]


FAMILIES: dict[str, type[StructuredLinear]] = {
    kind.family: kind for kind in (BlastLinear, MonarchLinear, LowRankLinear, BlockDiagonalLinear)
}
