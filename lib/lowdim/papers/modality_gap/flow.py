r"""Gradient flows: of gap and temperature alone, in log-time, and of free features on the sphere.

The scalar flow is :math:`\dot\nu=\kappa\beta'(1-\gamma^2)g`, :math:`\dot\gamma=-2\beta\gamma g` with the pressure
:math:`g(a)`, :math:`a=\beta(1-\gamma^2)`. Source: Yaras et al. (2025), section 3; derivation in the chapter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from lowdim.papers.modality_gap.temperature import Temperature
from lowdim.papers.modality_gap.theory import LogPressure, exponential_pressure


class ScalarFlow(NamedTuple):
    """Times, gap parameter and scale along a scalar flow, each (T,)."""

    times: Tensor
    gamma: Tensor
    beta: Tensor


def scalar_flow(
    rule: Temperature,
    gamma0: float,
    times: Tensor,
    log_pressure: LogPressure = exponential_pressure,
    *,
    tolerance: float = 1e-10,
) -> ScalarFlow:
    r"""The flow of :math:`(\gamma,\nu)` at increasing ``times`` above 0, from the rule's own scale.

    Integrated in :math:`\log t` with :math:`\log\gamma` as the variable (LSODA), so that times up to 1e100 and gaps
    down to 1e-100 are within reach. Raises ``ValueError`` for a gap outside (0, 1) or times that do not increase.
    """
    if not 0 < gamma0 < 1:
        raise ValueError(f"gamma0: {gamma0!r} is not allowed; give a number in (0, 1)")
    if times.dim() != 1 or not bool((times > 0).all()) or not bool((times.diff() > 0).all()):
        raise ValueError("times: give increasing numbers above 0")
    nu0 = float(rule.nu.detach().double())
    moving = 0.0 if not rule.nu.requires_grad else rule.rate

    def speed(log_time: float, state: np.ndarray) -> list[float]:
        gamma, nu = math.exp(state[0]), torch.tensor(state[1], dtype=torch.float64)
        beta, inside = rule.beta(nu), 1 - gamma**2
        felt = math.exp(min(log_time + float(log_pressure(beta * inside)), 700.0))  # g dt / d log t
        return [-2 * float(beta) * felt, moving * float(rule.slope(nu)) * inside * felt]

    first = min(1e-8, float(times[0]) / 2)  # before it the flow is a straight line
    begin = [math.log(gamma0), nu0] + first * np.array(speed(0.0, np.array([math.log(gamma0), nu0])))
    span, at = (math.log(first), float(times[-1].log())), times.log().numpy()
    solved = solve_ivp(speed, span, begin, method="LSODA", t_eval=at, rtol=tolerance, atol=tolerance)
    return ScalarFlow(times, torch.as_tensor(solved.y[0]).exp(), rule.beta(torch.as_tensor(solved.y[1])))


def scheduled_flow(schedule: Callable[[float], float], gamma0: float, duration: float) -> float:
    r"""The gap of the scalar model after ``duration`` under a scale ``schedule(progress)`` that is not learned."""

    def speed(time: float, state: np.ndarray) -> list[float]:
        beta = schedule(time / duration)
        return [-2 * beta * math.exp(-beta * (1 - math.exp(2 * state[0])))]

    solved = solve_ivp(speed, (0.0, duration), [math.log(gamma0)], method="LSODA", rtol=1e-10, atol=1e-10)
    return math.exp(solved.y[0, -1])


class FeatureFlow(NamedTuple):
    """Features ``u``, ``v`` (T, ..., n, d), gap parameter and scale (T, ...) at the ``times`` of a flow."""

    times: Tensor
    u: Tensor
    v: Tensor
    gamma: Tensor
    beta: Tensor


def feature_speed(u: Tensor, v: Tensor, beta: Tensor, gamma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""Minus the gradients with respect to unit features (..., n, d) along the sphere, and the pressure (...)."""
    cosines = u @ v.mT
    inside = 1 - gamma.square()
    logits = (beta * inside)[..., None, None] * cosines
    n = u.shape[-2]
    force = torch.eye(n, dtype=u.dtype) / n - (logits.softmax(-1) + logits.softmax(-2)) / (2 * n)
    pull = (beta * inside)[..., None, None] * force
    return _tangent(u, pull @ v), _tangent(v, pull.mT @ u), (force * cosines).sum((-2, -1))


def _tangent(x: Tensor, direction: Tensor) -> Tensor:
    return direction - x * (x * direction).sum(-1, keepdim=True)


def feature_flow(
    u: Tensor, v: Tensor, rule: Temperature, times: Tensor, *, gamma0: float = 0.0, tolerance: float = 1e-8
) -> FeatureFlow:
    r"""Gradient flow of all features on the sphere with :math:`\nu` and, if ``gamma0`` > 0, the parallel gap
    :math:`\gamma`, at ``times`` (the first may be 0).

    ``u``, ``v`` are unit features (..., n, d), float64; several starts flow side by side, each with a :math:`\nu` and
    :math:`\gamma` of its own. Integrated in log-time after the first step (LSODA).
    """
    lead, size = u.shape[:-2], u.numel()
    moving = rule.rate if rule.nu.requires_grad else 0.0
    offset = float(times[times > 0][0]) * 1e-2  # log(t + offset) is the integrator's clock

    def unpack(states: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        before = states.shape[:-1]
        features = states[..., : 2 * size].reshape(*before, 2, *u.shape).movedim(len(before), 0)
        gamma, nu = states[..., 2 * size :].reshape(*before, 2, *lead).movedim(len(before), 0)
        return *torch.nn.functional.normalize(features, dim=-1), gamma, nu

    def speed(clock: float, states: np.ndarray) -> np.ndarray:
        x, y, gamma, nu = unpack(torch.as_tensor(states))
        beta = rule.beta(nu)
        dx, dy, g = feature_speed(x, y, beta, gamma)
        dgamma, dnu = -2 * beta * gamma * g, moving * rule.slope(nu) * (1 - gamma.square()) * g
        parts = [part.reshape(*states.shape[:-1], -1) for part in (dx, dy, dgamma, dnu)]
        return math.exp(clock) * torch.cat(parts, -1).numpy()

    def jacobian(clock: float, state: np.ndarray) -> np.ndarray:
        """By differences in all directions at once; left to itself the solver takes them one after another."""
        step = 1e-7 * (1 + np.abs(state))
        moved = speed(clock, np.concatenate([state[None], state + np.diag(step)]))
        return ((moved[1:] - moved[0]) / step[:, None]).T

    tail = torch.tensor([gamma0, float(rule.nu.detach())], dtype=u.dtype).repeat_interleave(math.prod(lead))
    start = torch.cat([u.flatten(), v.flatten(), tail]).numpy()
    clock = (times + offset).log().numpy()
    options: dict[str, Any] = {"t_eval": clock, "rtol": tolerance, "atol": tolerance, "jac": jacobian}
    solved = solve_ivp(speed, (math.log(offset), clock[-1]), start, method="LSODA", **options)
    x, y, gamma, nu = unpack(torch.as_tensor(solved.y.T))
    return FeatureFlow(times, x, y, gamma, rule.beta(nu))


def caps(n: int, d: int, height: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two caps of unit features (n, d) around opposite poles: normal vectors shifted by ``height`` along the last
    axis, one way and the other, and normalised.
    """
    shift = torch.zeros(d, dtype=torch.float64)
    shift[-1] = height
    draws = torch.randn(2, n, d, generator=generator, dtype=torch.float64)
    first, second = torch.nn.functional.normalize(draws + torch.stack([shift, -shift])[:, None], dim=-1)
    return first, second


def descend(parameters: Sequence[Tensor], loss: Callable[[], Tensor], optimiser: torch.optim.Optimizer) -> None:
    """One step of an optimiser on a loss of ``parameters``."""
    for parameter in parameters:
        parameter.grad = None
    loss().backward()
    optimiser.step()
