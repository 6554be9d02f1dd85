"""How fast a product can be: bytes over bandwidth, multiplications over peak, whichever is longer.

Counted in numbers of two bytes. Everything reads ``x`` and the factors and writes ``y``; what lies between the three
steps is written and read as often as the implementation leaves the chip (section 9 of the follow-up by Abillama et al.,
arXiv 2512.20861, table 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lowdim.papers.blast.budget import parameter_count

PASSES: Mapping[str, int] = MappingProxyType({"fused": 0, "two steps fused": 2, "three products": 4, "compiled": 8})
"""How often an implementation moves one intermediate of ``b N r`` numbers."""


@dataclass(frozen=True)
class Machine:
    """Bytes and multiply-adds a second."""

    name: str
    bandwidth: float
    multiplications: float


H200 = Machine("H200", 4.8e12, 989e12 / 2)
H100 = Machine("H100", 3.35e12, 989e12 / 2)


def dense_seconds(machine: Machine, shape: tuple[int, int], tokens: int, size: int = 2) -> float:
    """The least time of a dense product of ``tokens`` vectors with an ``m x n`` matrix of ``size`` bytes a number."""
    m, n = shape
    numbers = m * n + tokens * (m + n)
    return max(numbers * size / machine.bandwidth, tokens * m * n / machine.multiplications)


def blast_seconds(
    machine: Machine, shape: tuple[int, int], rank: int, num_blocks: tuple[int, int], tokens: int,
    implementation: str = "fused", size: int = 2,
) -> float:  # fmt: skip
    """The same for a BLAST matrix by one of :data:`PASSES` or ``"reference"``, which also moves ``b1 b2 N r`` twice.

    Raises ``ValueError`` for another name.
    """
    if implementation != "reference" and implementation not in PASSES:
        raise ValueError(f"implementation: {implementation!r} is unknown; choose reference or {', '.join(PASSES)}")
    (m, n), (b1, b2) = shape, num_blocks
    stored = parameter_count(shape, rank, num_blocks)
    between = PASSES.get(implementation, PASSES["compiled"]) * (b1 + b2) / 2 * tokens * rank
    wide = 2 * b1 * b2 * tokens * rank if implementation == "reference" else 0
    numbers = stored + tokens * (m + n) + between + wide
    return max(numbers * size / machine.bandwidth, tokens * stored / machine.multiplications)
