"""How large a BLAST matrix is, and which rank fits a budget."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lowdim.checks import check_count

Blocks = int | tuple[int, int]


def check_ratio(ratio: float) -> float:
    """``ratio`` when it lies in (0, 1], else a ``ValueError``."""
    if not 0 < ratio <= 1:
        raise ValueError(f"ratio: {ratio!r} is not allowed; give a share of the dense parameters, in (0, 1]")
    return ratio


def block_counts(num_blocks: Blocks | Sequence[int]) -> tuple[int, int]:
    """``(b1, b2)`` from one number or a pair; ``ValueError`` for anything else."""
    pair = (num_blocks, num_blocks) if isinstance(num_blocks, int) else tuple(num_blocks)
    if len(pair) != 2:
        raise ValueError(f"num_blocks: {num_blocks!r} is not allowed; give a whole number or a pair (b1, b2)")
    return check_count("num_blocks", pair[0]), check_count("num_blocks", pair[1])


def check_divisible(shape: Sequence[int], num_blocks: tuple[int, int]) -> tuple[int, int]:
    """The size ``(p, q)`` of a block of an ``m x n`` matrix.

    Raises ``ValueError`` where the blocks do not fit, naming counts that do and the layers that pad.
    """
    m, n = int(shape[-2]), int(shape[-1])
    for size, blocks, side in ((m, num_blocks[0], "rows"), (n, num_blocks[1], "columns")):
        if size % blocks:
            fitting = [b for b in range(1, min(size, 64) + 1) if size % b == 0]
            raise ValueError(
                f"num_blocks: {blocks} blocks do not divide {size} {side}; choose one of "
                f"{', '.join(map(str, fitting))}, or use BlastLinear, which pads"
            )
    return m // num_blocks[0], n // num_blocks[1]


def parameter_count(shape: Sequence[int], rank: int, num_blocks: tuple[int, int]) -> int:
    """``r (m + n + b1 b2)``, the numbers stored and the multiplications of one product with a vector."""
    return rank * (shape[-2] + shape[-1] + num_blocks[0] * num_blocks[1])


def largest_rank(shape: Sequence[int], num_blocks: tuple[int, int]) -> int:
    """The rank above which a BLAST matrix stores more numbers than the dense one."""
    m, n = shape[-2], shape[-1]
    return max(1, m * n // (m + n + num_blocks[0] * num_blocks[1]))


def components_for_budget(shape: Sequence[int], ratio: float, size: int, multiple: int = 1) -> int:
    """How many components of ``size`` numbers fit into ``ratio`` times the ``m n`` numbers of a dense matrix.

    ``multiple`` rounds down to a multiple. Raises ``ValueError`` for a ratio outside (0, 1] and for one too small for
    one component (or ``multiple`` of them), naming the smallest that works.
    """
    m, n = shape[-2], shape[-1]
    check_count("multiple", multiple)
    check_ratio(ratio)
    found = math.floor(ratio * m * n / size * (1 + 1e-12)) // multiple * multiple
    if found < 1:
        least = multiple * size / (m * n)
        remedy = f"give at least {least:.4g}" if least <= 1 else "no ratio up to 1 fits: use fewer blocks"
        raise ValueError(
            f"ratio: {ratio!r} of {m} x {n} numbers is less than {multiple} component(s) of {size} numbers; {remedy}"
        )
    return found


def rank_for_budget(shape: Sequence[int], ratio: float, num_blocks: Blocks, multiple: int = 1) -> int:
    """The largest rank whose BLAST matrix stores at most ``ratio`` times the ``m n`` numbers of the dense one.

    ``multiple`` rounds down to a multiple (16 or 64 suit tensor cores). Raises ``ValueError`` as
    :func:`components_for_budget`.
    """
    b1, b2 = block_counts(num_blocks)
    return components_for_budget(shape, ratio, shape[-2] + shape[-1] + b1 * b2, multiple)


def check_rank(rank: int, shape: Sequence[int], num_blocks: tuple[int, int]) -> int:
    """``rank`` when its BLAST matrix is no larger than the dense one, else ``ValueError`` with the largest rank."""
    check_count("rank", rank)
    top = largest_rank(shape, num_blocks)
    if rank > top:
        raise ValueError(
            f"rank: {rank} stores more than the dense {shape[-2]} x {shape[-1]} matrix; with "
            f"{num_blocks[0]} x {num_blocks[1]} blocks the largest is {top} (allow_larger=True lifts this)"
        )
    return rank
