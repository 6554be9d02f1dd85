"""Pairs (noise, data) to train a flow on: independent, generated, reversed, and mixtures of them.

A source of pairs is any callable ``source(velocity, n, generator) -> Pairs`` that returns ``n`` pairs, by the flow
``velocity`` where it needs one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.denoising.velocities import Velocity, generate, reverse


class Pairs(NamedTuple):
    """Noise ``x0`` and data ``x1``, both ``(N, *shape)``; row by row they belong together."""

    x0: Tensor
    x1: Tensor


PairSource = Callable[[Velocity, int, torch.Generator], Pairs]


class Independent:
    """Real data with fresh, unrelated noise: what a first flow ("1-RF") is trained on."""

    def __init__(self, real: Tensor) -> None:
        self.real = check_real(real)

    def __call__(self, velocity: Velocity, n: int, generator: torch.Generator) -> Pairs:
        """``n`` pairs; ``velocity`` is not used."""
        x1 = choose(self.real, n, generator)
        return Pairs(noise_like(x1, generator), x1)


class Generated:
    """Noise and what the flow makes of it, ``(z, Phi(z))``, by Euler's method; ``like`` gives shape, dtype, device.

    Generated data are not clamped: a clamped sample is no longer the end of its own path.
    """

    def __init__(self, like: Tensor, steps: int, *, chunk: int | None = None) -> None:
        self.like = check_finite("like", like)[:1]
        self.steps, self.chunk = steps, chunk

    def __call__(self, velocity: Velocity, n: int, generator: torch.Generator) -> Pairs:
        """``n`` fresh pairs."""
        x0 = noise_like(self.like.expand(n, *self.like.shape[1:]), generator)
        return Pairs(x0, _finite(generate(velocity, x0, self.steps, chunk=self.chunk), "generated data"))


class Reversed:
    """Real data and the noise a flow finds for them, ``(Phi^-1(x), x)``.

    ``through`` is the flow to run backwards; by default the one that the source is called with. ``noise_std`` above 0
    makes the reversal stochastic (Euler and Maruyama), which spreads the noises of a finite set of real data.
    """

    def __init__(
        self,
        real: Tensor,
        steps: int,
        *,
        through: Velocity | None = None,
        noise_std: float = 0.0,
        chunk: int | None = None,
    ) -> None:
        if not 0 <= noise_std < math.inf:
            raise ValueError(f"noise_std: {noise_std!r} is not allowed; give a finite number of at least 0")
        self.real = check_real(real)
        self.steps, self.through, self.noise_std, self.chunk = steps, through, noise_std, chunk

    def __call__(self, velocity: Velocity, n: int, generator: torch.Generator) -> Pairs:
        """``n`` pairs; no real sample comes twice before all have come once."""
        x1 = choose(self.real, n, generator)
        flow = velocity if self.through is None else self.through
        x0 = reverse(flow, x1, self.steps, noise_std=self.noise_std, generator=generator, chunk=self.chunk)
        return Pairs(_finite(x0, "reversed noise"), x1)


class Mixture:
    """Pairs of two sources, chosen one by one: each is ``other``'s with probability ``ratio``, never an average.

    Raises ``ValueError`` for a ratio outside [0, 1].
    """

    def __init__(self, source: PairSource, other: PairSource, ratio: float) -> None:
        if not 0 <= ratio <= 1:
            raise ValueError(f"ratio: {ratio!r} is not allowed; give the fraction of real pairs, in [0, 1]")
        self.source, self.other, self.ratio = source, other, ratio

    def __call__(self, velocity: Velocity, n: int, generator: torch.Generator) -> Pairs:
        """``n`` pairs in random order."""
        draws = torch.rand(n, generator=generator, device=generator.device)
        theirs = int((draws < self.ratio).sum())
        parts = [
            source(velocity, count, generator)
            for source, count in ((self.source, n - theirs), (self.other, theirs))
            if count
        ]
        order = torch.randperm(n, generator=generator, device=generator.device)
        x0, x1 = (torch.cat(side) for side in zip(*parts, strict=True))
        return Pairs(x0[order.to(x0.device)], x1[order.to(x1.device)])


def check_real(real: Tensor) -> Tensor:
    """Real data ``(N, *shape)`` when they are finite and there is at least one; else a ``ValueError``."""
    check_finite("real", real)
    if real.dim() < 2 or real.numel() == 0:
        raise ValueError(f"real: shape {tuple(real.shape)} is not allowed; give at least one sample, (N, *shape)")
    return real


def choose(data: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """``n`` rows of ``data`` in random order, each as often as the others up to one."""
    rounds = -(-n // len(data))
    orders = [torch.randperm(len(data), generator=generator, device=generator.device) for _ in range(rounds)]
    return data[torch.cat(orders)[:n].to(data.device)]


def noise_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise of the shape, dtype and device of ``x``."""
    return torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device).to(x.device)


def _finite(x: Tensor, name: str) -> Tensor:
    if not bool(torch.isfinite(x).all()):
        bad = int((~torch.isfinite(x).flatten(1).all(1)).sum())
        raise RuntimeError(
            f"{bad} of {len(x)} {name} are NaN or infinite: the flow has diverged. Train it longer, "
            "lower the learning rate, or take more Euler steps"
        )
    return x
