"""Sweeps of the factorisation: left factors, right factors, couplings, over and over, for a stack of matrices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.updates import Rule, couplings, groups, side


class Progress(NamedTuple):
    """Where a factorisation of L matrices stands, which is all that it needs to go on.

    The sweeps done, the factors, those of the sweep before, the sweeps since momentum was last dropped (L,), and the
    losses (L, 3) after the three updates of the sweep that gave the factors (infinite before the first).
    """

    step: int
    factors: Factors
    previous: Factors
    age: Tensor
    losses: Tensor

    @classmethod
    def start(cls, factors: Factors) -> Progress:
        """Before the first sweep."""
        count, like = factors.U.shape[0], factors.U
        return cls(0, factors, factors, like.new_zeros(count), like.new_full((count, 3), math.inf))


class Target:
    """Matrices (L, m, n) cut into blocks, by rows and by columns, and their squared norms (L,)."""

    def __init__(self, matrices: Tensor, num_blocks: tuple[int, int]) -> None:
        b1, b2 = num_blocks
        self.rows = matrices.unflatten(1, (b1, -1))  # (L, b1, p, n)
        self.columns = matrices.mT.contiguous().unflatten(1, (b2, -1))  # (L, b2, q, m)
        self.energy = matrices.square().sum((1, 2))
        # Below this share of the energy the difference of large numbers says too little about what is left.
        self.smallest = 1e-8 if matrices.dtype == torch.float64 else 1e-3

    def loss(self, factors: Factors) -> Tensor:
        """``1/2 |A - W|^2`` (L,), from the residual itself."""
        U, s, V = factors
        total = torch.zeros_like(self.energy)
        for part in groups(U.shape[1], V.numel() + self.rows[:, 0].numel()):
            stacked = (V[:, None] * s[:, part, :, None, :]).flatten(2, 3)
            total += (self.rows[:, part] - U[:, part] @ stacked.mT).square().sum((1, 2, 3))
        return total / 2

    def expanded_loss(self, value: Tensor, gradient: Tensor, linear: Tensor, factors: Factors, exact: bool) -> Tensor:
        """The same from what an update knows, ``1/2 (|A|^2 + <value, gradient - linear>)``, where that is precise."""
        loss = (self.energy + (value * (gradient - linear)).flatten(1).sum(1)) / 2
        if exact or bool((2 * loss < self.smallest * self.energy).any()):
            return self.loss(factors)
        return loss


def sweep(target: Target, factors: Factors, rule: Rule, eta: Tensor, exact: bool) -> tuple[Factors, Tensor]:
    """One sweep ``U -> V -> s``; also the losses (L, 3) after its updates. ``exact`` takes them from residuals."""
    U, s, V = factors
    linear, hessian = side(target.rows, s, V)
    gradient = U @ hessian - linear
    U = rule.move(U, gradient, hessian, eta, target.expanded_loss(U, gradient, linear, factors, exact))

    linear, hessian = side(target.columns, s.transpose(1, 2), U)
    gradient = V @ hessian - linear
    first = target.expanded_loss(V, gradient, linear, Factors(U, s, V), exact)
    V = rule.move(V, gradient, hessian, eta, first)

    linear, rows, columns = couplings(target.rows, U, V)
    hessian = rows[:, :, None] * columns[:, None]
    gradient = _times(hessian, s) - linear
    second = target.expanded_loss(s, gradient, linear, Factors(U, s, V), exact)
    s = rule.move(s[..., None, :], gradient[..., None, :], hessian, eta, second)[..., 0, :]

    gradient = _times(hessian, s) - linear
    found = Factors(U, s, V)
    last = target.expanded_loss(s, gradient, linear, found, exact)
    return found, torch.stack([first, second, last], 1)


def _times(hessian: Tensor, s: Tensor) -> Tensor:
    """``H_ij s_ij``; as rows, since a batch of products with single columns is slow on a CPU."""
    return (s[..., None, :] @ hessian)[..., 0, :]


def sweeps(matrices: Tensor, progress: Progress, rule: Rule, steps: int, *, exact: bool = False) -> Iterator[Progress]:
    """Sweeps of matrices (L, m, n) from ``progress`` up to sweep ``steps``, yielding the :class:`Progress` after each.

    ``exact`` takes every loss from the residual, also where the expanded form is precise enough to steer by.
    """
    target = Target(matrices, progress.factors.num_blocks)
    for step in range(progress.step, steps):
        start = extrapolated(progress) if rule.momentum else progress.factors
        slow = progress.losses[:, 2] > progress.losses[:, 0] / 2  # false before the first sweep
        eta = rule.step_size(step, steps) * torch.where(slow, rule.relax, 1.0).to(slow.device, matrices.dtype)
        factors, losses = sweep(target, start, rule, eta, exact)
        found = Progress(step + 1, factors, progress.factors, progress.age + 1, losses)
        progress = _keep_better(found, start, progress) if rule.momentum else found
        yield progress


def extrapolated(progress: Progress) -> Factors:
    """Past the newest factors in the direction of the last sweep, by Nesterov's ``(k - 1) / (k + 2)``."""
    weight = ((progress.age - 1).clamp_min(0) / (progress.age + 2)).reshape(-1, 1, 1, 1)
    pairs = zip(progress.factors, progress.previous, strict=True)
    return Factors(*(new + weight * (new - old) for new, old in pairs))


def _keep_better(found: Progress, start: Factors, before: Progress) -> Progress:
    """``found`` where the loss did not rise; elsewhere the factors before. Momentum starts again there, and where the
    sweep went back on it: where what it did to ``start`` points against the whole move.
    """
    better = found.losses[:, 2] <= before.losses[:, 2]
    wide = better.reshape(-1, 1, 1, 1)
    factors = Factors(*(torch.where(wide, a, b) for a, b in zip(found.factors, before.factors, strict=True)))
    back = torch.zeros_like(found.age)
    for new, begun, old in zip(found.factors, start, before.factors, strict=True):
        back += ((begun - new) * (new - old)).flatten(1).sum(1)
    age = torch.where(better & (back <= 0), found.age, torch.zeros_like(found.age))
    losses = torch.where(better[:, None], found.losses, before.losses)
    return Progress(found.step, factors, before.factors, age, losses)
