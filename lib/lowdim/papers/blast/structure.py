"""Experiments on what BLAST contains, what its product costs, and what each family can express."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from lowdim.papers.blast import special, targets
from lowdim.papers.blast.factorize import factorize
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.layers import BlastLinear
from lowdim.papers.blast.product import product, reference_product
from lowdim.papers.blast.settings import PROFILES
from lowdim.papers.blast.siblings import FAMILIES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

SIZE, BLOCKS = 48, 4
NAMES = ("low-rank", "block-diagonal", "monarch", "ragged blocks", "blast")


def members(generator: torch.Generator) -> dict[str, tuple[Factors, Tensor]]:
    """One matrix (48, 48) of each family: its BLAST factors, and the matrix built by the family's own formula."""

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    left, right = normal(2, SIZE, 3)
    small = SIZE // BLOCKS
    first, second = normal(2, BLOCKS, small, 3)
    a, b = normal(2, BLOCKS, BLOCKS, small, 2)
    ranks = torch.randint(0, 4, (BLOCKS, BLOCKS), generator=generator)
    pairs = [[(normal(small, int(t)), normal(small, int(t))) for t in row] for row in ranks]
    U, V = normal(2, BLOCKS, small, 6)
    s = torch.rand(BLOCKS, BLOCKS, 6, generator=generator, dtype=torch.float64)
    rows = [torch.cat([U[i] * s[i, j] @ V[j].T for j in range(BLOCKS)], 1) for i in range(BLOCKS)]
    return {
        "low-rank": (special.from_low_rank(left, right, BLOCKS), left @ right.T),
        "block-diagonal": (special.from_block_diagonal(first, second), torch.block_diag(*(first @ second.mT))),
        "monarch": (special.from_monarch(a, b), (a @ b.mT).transpose(1, 2).reshape(SIZE, SIZE)),
        "ragged blocks": (
            special.from_block_low_rank(pairs),
            torch.cat([torch.cat([x @ y.T for x, y in row], 1) for row in pairs]),
        ),
        "blast": (Factors(U, s, V), torch.cat(rows)),
    }


def families(profile: str, seed: int, device: str) -> Record:
    """Every special case against its own formula, in both precisions; the rank that couplings allow (B1)."""
    check_device(device)
    found = members(make_generator(seed, "blast", "families"))
    record = Record()
    ids = {"low-rank": "09-B1a", "block-diagonal": "09-B1b", "monarch": "09-B1c"}
    single = 0.0
    for name, (factors, matrix) in found.items():
        if name in ids:
            record.claims[ids[name]] = float((factors.dense() - matrix).abs().max())
            short = factors.to(torch.float32).dense() - matrix.float()
            single = max(single, float(short.norm() / matrix.norm()))
        record.arrays |= {f"{name}-matrix": matrix.numpy(), f"{name}-couplings": factors.s.numpy()}
        record.arrays[f"{name}-facts"] = np.array([factors.rank, int(torch.linalg.matrix_rank(matrix))])
    record.claims["09-B1d"] = single
    factors, matrix = found["blast"]
    record.claims["09-B1e"] = float(torch.linalg.matrix_rank(matrix)) / float(factors.rank_bound())
    return record


def block_ranks(profile: str, seed: int, device: str) -> Record:
    """Blocks of arbitrary ranks by edge colouring: exactness (B2)."""
    count = PROFILES[profile].colourings
    check_device(device)
    generator = make_generator(seed, "blast", "block-ranks")
    worst = 0.0
    for _ in range(count):
        ranks = torch.randint(0, 6, (6, 6), generator=generator)
        shape = [(int(t), torch.randn(2, 8, int(t), generator=generator, dtype=torch.float64)) for t in ranks.flatten()]
        pairs = [[tuple(shape[6 * i + j][1]) for j in range(6)] for i in range(6)]
        factors = special.from_block_low_rank(pairs)
        matrix = torch.cat([torch.cat([x @ y.T for x, y in row], 1) for row in pairs])
        worst = max(worst, float((factors.dense() - matrix).abs().max()))
    record = Record(claims={"09-B2a": worst})
    record.arrays |= {"ranks": ranks.numpy(), "couplings": factors.s.numpy()}
    return record


class Largest(TorchDispatchMode):
    """Watches every operation and keeps the size of the largest tensor that one returned."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = function(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self.numbers = max(self.numbers, result.numel())
        return result


def costs(profile: str, seed: int, device: str) -> Record:
    """The product against the dense one, its multiplications, and the largest tensor it makes (B3, B13)."""
    check_device(device)
    generator = make_generator(seed, "blast", "costs")
    layer = BlastLinear(96, 60, 7, (5, 8), bias=False, allow_larger=True)
    layer.reset_parameters(generator)
    x = torch.randn(33, 96, generator=generator)
    with torch.no_grad():
        exact = x.double() @ layer.factors.to(torch.float64).dense().T
        wrong = [_relative(layer(part), exact[: len(part)]) for part in (x, x[:1])]
        with FlopCounterMode(display=False) as counter:
            layer(x)
    record = Record(claims={"09-B3a": max(wrong)})
    record.claims["09-B3b"] = counter.get_total_flops() / 2 - len(x) * layer.multiplications
    blocks = torch.tensor([2, 4, 8, 16])
    sizes = []
    for b in blocks.tolist():
        factors = BlastLinear(256, 256, 32, b, bias=False, allow_larger=True).factors
        sizes.append([_largest(call, factors) / (64 * 256) for call in (reference_product, product)])
    record.claims["09-B13a"] = sizes[-1][0] / sizes[-1][1]
    record.arrays |= {"blocks": blocks.numpy(), "largest": np.array(sizes)}
    return record


def _relative(found: Tensor, exact: Tensor) -> float:
    return float((found.double() - exact).norm() / exact.norm())


def _largest(call: Callable[[Tensor, Factors], Tensor], factors: Factors) -> int:
    with torch.no_grad(), Largest() as watch:
        call(torch.zeros(64, 256), factors)
    return watch.numbers


def expressive(profile: str, seed: int, device: str) -> Record:
    """Each family fitted, at half the numbers, to matrices that one family holds exactly at that size."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "blast", "expressive")
    size, blocks = 64, 4
    drawn = {
        "low-rank": targets.low_rank(generator, size, 16),
        "block-diagonal": torch.block_diag(*torch.randn(2, 32, 32, generator=generator, dtype=torch.float64)),
        "monarch": _monarch(generator, size, blocks, 4),
        "ragged blocks": targets.ragged(generator, size, blocks),
        "blast": targets.blast(generator, size, 14, blocks),
    }
    matrices = torch.stack([matrix / matrix.norm() for matrix in drawn.values()])
    errors = []
    for family in ("low-rank", "block-diagonal", "monarch", "blast"):
        layer = FAMILIES[family].for_budget(size, size, 0.5, blocks, bias=False, dtype=torch.float64)
        if isinstance(layer, BlastLinear):
            errors.append(factorize(matrices, layer.rank, blocks, steps=settings.budget_sweeps).error)
        else:
            errors.append(torch.cat([layer.set_to(matrix) for matrix in matrices]))
    table = torch.stack(errors)
    shared = table[:, [name != "block-diagonal" for name in drawn]]  # full blocks are beyond BLAST at this size
    record = Record(arrays={"errors": table, "matrices": matrices})
    record.claims["09-B1f"] = float(shared[-1].max() / shared[:-1].amax(1).min())
    record.claims["09-B1g"] = float(table[-1, list(drawn).index("block-diagonal")])
    return record


def _monarch(generator: torch.Generator, size: int, blocks: int, rank: int) -> Tensor:
    left, right = torch.randn(2, blocks, blocks, size // blocks, rank, generator=generator, dtype=torch.float64)
    return (left @ right.mT).transpose(1, 2).reshape(size, size)
