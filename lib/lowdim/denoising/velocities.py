"""Rectified flows: velocities ``v(x, t)`` with noise at ``t = 0`` and data at ``t = 1``, and the maps they generate.

A velocity is any callable of a batch ``(B, *shape)`` and times ``(B,)``; :func:`lowdim.denoising.views.flow_view` gives
that of a denoiser, :class:`FlowNetwork` makes one of a network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lowdim.checks import check_count, check_finite

Velocity = Callable[[Tensor, Tensor], Tensor]


class FlowNetwork(nn.Module):
    """A velocity ``v(x, t) = F(x, time_scale t)`` from a network ``F`` with one scalar input beside ``x``.

    ``F`` returns a tensor like ``x`` or a diffusers output with ``.sample``. ``time_scale`` brings ``t`` into the range
    that the network's embedding resolves: 1000 for diffusers U-Nets.
    """

    def __init__(self, network: nn.Module, time_scale: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.time_scale = float(time_scale)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """The velocity ``(B, *shape)`` at points ``x`` of that shape and times ``t (B,)``."""
        output = self.network(x, self.time_scale * t)
        return output if isinstance(output, Tensor) else output.sample


@dataclass(frozen=True)
class FlowStep:
    """One Euler step: its number from 0, the time and the velocity it started with, and the points it arrived at."""

    index: int
    t: float
    velocity: Tensor
    x: Tensor


def flow_times(steps: int) -> Tensor:
    """The ``steps + 1`` times 0, 1/steps, ..., 1. Raises ``ValueError`` for less than one step."""
    check_count("steps", steps)
    return torch.linspace(0, 1, steps + 1, dtype=torch.float64)


def euler_flow(
    velocity: Velocity,
    x: Tensor,
    times: Tensor,
    *,
    noise_std: float = 0.0,
    generator: torch.Generator | None = None,
) -> Iterator[FlowStep]:
    r"""Carry ``x (B, *shape)`` along ``dx/dt = v(x, t)`` over ``times``, rising (to data) or falling (to noise).

    With ``noise_std = s > 0`` a step is that of Euler and Maruyama, ``x + v dt + s sqrt(|dt|) n``. The square root is
    of ``|dt|``: going to noise ``dt`` is negative. Raises ``ValueError`` when the times are not strictly monotone, or
    for noise without a generator.
    """
    check_finite("x", x)
    steps = times.diff()
    if times.dim() != 1 or len(times) < 2 or not (bool((steps > 0).all()) or bool((steps < 0).all())):
        raise ValueError("times: not strictly rising or falling; give at least two times in order")
    if not 0 <= noise_std < math.inf:
        raise ValueError(f"noise_std: {noise_std!r} is not allowed; give a finite number of at least 0")
    if noise_std > 0 and generator is None:
        raise ValueError("generator: None is not allowed with noise_std above 0; give a torch.Generator")
    for index, (t, dt) in enumerate(zip(times[:-1].tolist(), steps.tolist(), strict=True)):
        v = velocity(x, torch.full((x.shape[0],), t, dtype=x.dtype, device=x.device))
        x = x + dt * v
        if generator is not None and noise_std > 0:
            noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device)
            x = x + noise_std * math.sqrt(abs(dt)) * noise.to(x.device)
        yield FlowStep(index, t, v, x)


@torch.no_grad()
def generate(velocity: Velocity, x0: Tensor, steps: int, *, chunk: int | None = None) -> Tensor:
    """The flow's data ``Phi(x0)`` for noise ``x0``, by ``steps`` Euler steps, ``chunk`` samples at a time."""
    return torch.cat([_end(euler_flow(velocity, part, flow_times(steps))) for part in x0.split(chunk or len(x0))])


@torch.no_grad()
def reverse(
    velocity: Velocity,
    x1: Tensor,
    steps: int,
    *,
    noise_std: float = 0.0,
    generator: torch.Generator | None = None,
    chunk: int | None = None,
) -> Tensor:
    """The flow's noise for data ``x1``, by ``steps`` Euler steps from ``t = 1`` to 0, stochastic for ``noise_std > 0``.

    Explicit Euler back is not the inverse of explicit Euler forth; :func:`round_trip_error` measures the difference.
    """
    times = flow_times(steps).flip(0)
    parts = x1.split(chunk or len(x1))
    return torch.cat([
        _end(euler_flow(velocity, part, times, noise_std=noise_std, generator=generator)) for part in parts
    ])  # fmt: skip


def solve(velocity: Velocity, x: Tensor, start: float = 0.0, end: float = 1.0, *, rtol: float = 1e-8) -> Tensor:
    """Carry ``x (B, *shape)`` from time ``start`` to ``end`` with the adaptive solver ``dopri5`` of torchdiffeq.

    ``rtol`` is the relative and a hundredth of it the absolute tolerance of a step.
    """
    from torchdiffeq import odeint

    times = torch.tensor([start, end], dtype=torch.float64, device=x.device)
    return odeint(
        lambda t, y: velocity(y, t.to(y.dtype).expand(y.shape[0])), x, times, rtol=rtol, atol=rtol / 100
    )[-1]  # fmt: skip


@torch.no_grad()
def straightness(velocity: Velocity, x0: Tensor, steps: int) -> float:
    r""":math:`\int_0^1 E\|(Z_1-Z_0)-v(Z_t,t)\|^2dt` along simulated paths from ``x0``: 0 for straight paths.

    The norm is a sum over entries. Liu et al. (2023), equation 6.
    """
    total, square = torch.zeros_like(x0), 0.0
    for step in euler_flow(velocity, x0, flow_times(steps)):
        total += step.velocity
        square += float(step.velocity.square().sum()) / (steps * len(x0))
    return max(0.0, square - float((total / steps).square().sum()) / len(x0))


def round_trip_error(velocity: Velocity, x1: Tensor, steps: int) -> float:
    """Root mean square of ``Phi(Phi^-1(x1)) - x1`` over that of ``x1``, Euler steps both ways."""
    back = generate(velocity, reverse(velocity, x1, steps), steps)
    return float((back - x1).square().mean().sqrt() / x1.square().mean().sqrt())


def _end(steps: Iterator[FlowStep]) -> Tensor:
    for step in steps:
        x = step.x
    return x
