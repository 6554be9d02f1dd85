"""BLAST factors of a given matrix: three published solvers, a faster one, and the rank that a target error needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite
from lowdim.papers.blast.budget import (
    Blocks,
    block_counts,
    check_divisible,
    check_rank,
    largest_rank,
    rank_for_budget,
)
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.starts import STARTS
from lowdim.papers.blast.sweeps import Progress, sweeps
from lowdim.papers.blast.updates import Rule
from lowdim.seeding import make_generator

Choice = TypeVar("Choice")

SOLVERS: dict[str, Rule] = {
    "accelerated": Rule(relax=1.4, delta0=0.01, momentum=True),
    "preconditioned": Rule(),
    "alternating": Rule(delta0=0.0),
    "gradient": Rule(preconditioned=False),
    "published": Rule(eta=2.0, eta_end=0.0, delta0=0.1 * math.sqrt(2)),
}
"""``preconditioned``, ``alternating`` and ``gradient`` as in section 3 of the paper; ``published`` as its released code
takes the steps, with ``delta = 0.1 |A - W|``; ``accelerated`` adds momentum that restarts, damps less, and goes past
the minimum of each block where progress is slow."""


@dataclass(frozen=True)
class Factorization:
    """The factors of a matrix or of a stack, in its dtype and on its device, and how the error fell.

    ``errors`` is (sweeps,) for one matrix and (sweeps, L) for a stack: the relative Frobenius error after each
    sweep. ``progress`` lets :func:`factorize` go on; its factors are those of the matrix over ``scale``.
    """

    factors: Factors
    errors: Tensor
    progress: Progress
    scale: Tensor

    @property
    def error(self) -> Tensor:
        """The relative Frobenius error at the end, a number for one matrix and (L,) for a stack."""
        return self.errors[-1]


def factorize(
    matrix: Tensor,
    rank: int | None = None,
    num_blocks: Blocks = 4,
    *,
    ratio: float | None = None,
    solver: str | Rule = "accelerated",
    steps: int = 100,
    start: str = "spectral",
    seed: int = 0,
    until: float = 0.0,
    allow_larger: bool = False,
    resume: Factorization | None = None,
    progress: Callable[[int, Tensor], None] | None = None,
) -> Factorization:
    """BLAST factors of ``matrix`` (m, n), or of each of a stack (L, m, n), which are then worked on together.

    Give ``rank``, or ``ratio`` for the largest rank that stores at most that share of the numbers. ``solver`` is one of
    :data:`SOLVERS` or a :class:`~lowdim.papers.blast.updates.Rule`; ``start`` one of ``spectral``, ``random``,
    ``small`` and ``published``. The matrix is divided by its root mean square first. It ends after ``steps`` sweeps in
    all, or once every relative error is at most ``until``. With the outcome of an earlier call as ``resume`` it goes
    on from there, to the same factors as without the break. ``progress`` is told the sweep and the errors after each.

    Work is in float64 for float64 and in float32 for everything smaller.

    Raises ``ValueError`` for a matrix that is not two- or three-dimensional, not finite or all zero, blocks that do not
    divide it, a rank above what saves numbers (unless ``allow_larger``), a ratio without room for one component, and
    a ``resume`` of another shape.
    """
    check_finite("matrix", matrix)
    if matrix.dim() not in (2, 3) or matrix.numel() == 0:
        raise ValueError(f"matrix: shape {tuple(matrix.shape)} is not allowed; give (m, n) or a stack (L, m, n)")
    blocks = block_counts(num_blocks)
    check_divisible(matrix.shape, blocks)
    rank = choose_rank(matrix.shape, rank, ratio, blocks, allow_larger=allow_larger)
    rule = _choose("solver", SOLVERS, solver) if isinstance(solver, str) else solver
    check_count("steps", steps)
    work = matrix.detach().to(torch.float64 if matrix.dtype == torch.float64 else torch.float32)
    work = work if matrix.dim() == 3 else work[None]
    scale = work.square().mean((1, 2)).sqrt()
    if not bool((scale > 0).all()):
        raise ValueError("matrix: all zero; a matrix without energy has no relative error to reduce")
    work = work / scale[:, None, None]
    state, trace = _begin(work, rank, blocks, _choose("start", STARTS, start), seed, resume)
    with torch.no_grad():
        for now in sweeps(work, state, rule, steps):
            state = now
            trace.append((2 * state.losses[:, 2]).clamp_min(0).sqrt() / math.sqrt(work[0].numel()))
            if progress is not None:
                progress(state.step, trace[-1])
            if bool((trace[-1] <= until).all()):
                break
    return _finish(matrix, state, trace, scale)


def choose_rank(
    shape: torch.Size | tuple[int, int],
    rank: int | None,
    ratio: float | None,
    num_blocks: tuple[int, int],
    *,
    multiple: int = 1,
    allow_larger: bool = False,
) -> int:
    """The rank asked for, or the one that a ratio buys; ``ValueError`` where both or neither are given."""
    if (rank is None) == (ratio is None):
        raise ValueError(f"rank: {rank!r} with ratio {ratio!r} is not allowed; give one of the two")
    if ratio is not None:
        return rank_for_budget(shape, ratio, num_blocks, multiple)
    assert rank is not None
    return check_count("rank", rank) if allow_larger else check_rank(rank, shape, num_blocks)


def rank_for_error(
    matrix: Tensor, error: float, num_blocks: Blocks = 4, *, multiple: int = 1, steps: int = 40, seed: int = 0
) -> Factorization:
    """The factorisation of the smallest rank, among multiples of ``multiple``, that reaches a relative error.

    By bisection, with at most ``steps`` sweeps a try. Raises ``ValueError`` for an error outside (0, 1) and where no
    rank that saves numbers reaches it.
    """
    if not 0 < error < 1:
        raise ValueError(f"error: {error!r} is not allowed; give a relative error in (0, 1)")
    blocks = block_counts(num_blocks)
    high = largest_rank(matrix.shape, blocks) // check_count("multiple", multiple)
    low, best = 0, None
    tried = high
    while high >= 1 and low < high:
        found = factorize(matrix, tried * multiple, blocks, steps=steps, seed=seed, until=error)
        if float(found.error.max()) <= error:
            best, high = found, tried
        elif best is None:
            break
        else:
            low = tried
        if high - low <= 1:
            break
        tried = (low + high) // 2
    if best is None:
        raise ValueError(
            f"error: {error!r} is not reached below the size of the dense matrix; allow a larger error, "
            "more steps, or keep this layer dense"
        )
    return best


def _choose(name: str, choices: dict[str, Choice], value: str) -> Choice:
    if value not in choices:
        raise ValueError(f"{name}: {value!r} is unknown; choose one of {', '.join(choices)}")
    return choices[value]


def _begin(
    work: Tensor,
    rank: int,
    blocks: tuple[int, int],
    start: Callable[..., Factors],
    seed: int,
    resume: Factorization | None,
) -> tuple[Progress, list[Tensor]]:
    if resume is None:
        generator = make_generator(seed, "blast", "factorize")
        return Progress.start(start(work, rank, blocks, generator)), []
    U = resume.progress.factors.U
    if (len(U), *resume.factors.shape, resume.factors.rank, *resume.factors.num_blocks) != (*work.shape, rank, *blocks):
        raise ValueError("resume: it belongs to a matrix, rank or number of blocks of another size; start without it")
    return resume.progress, list(resume.errors.reshape(len(resume.errors), -1))


def _finish(matrix: Tensor, state: Progress, trace: list[Tensor], scale: Tensor) -> Factorization:
    U, s, V = state.factors.normalised()
    # The norms are shared out evenly, so that no factor over- or underflows in a short dtype.
    third = s.abs().mean((1, 2)).clamp_min(torch.finfo(s.dtype).tiny) ** (1 / 3)  # (L, r)
    share = scale[:, None] ** (1 / 3) * third
    even = Factors(
        U * share[:, None, None], s / third[:, None, None] ** 2 * scale[:, None, None, None] ** (1 / 3),
        V * share[:, None, None],
    )  # fmt: skip
    factors, errors = even.to(matrix.dtype), torch.stack(trace)
    if matrix.dim() == 2:
        factors, errors = Factors(*(factor[0] for factor in factors)), errors[:, 0]
    return Factorization(factors, errors, state, scale)
