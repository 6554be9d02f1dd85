"""Experiments on sets of pairs at rest: identities of the parallel model, and the push of randomly placed pairs."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from lowdim.papers.modality_gap.flow import feature_speed
from lowdim.papers.modality_gap.gap import modality_gap, parallel_modalities, pressure
from lowdim.papers.modality_gap.settings import PROFILES
from lowdim.papers.modality_gap.temperature import Exponential, Linear, Softplus, Temperature
from lowdim.papers.modality_gap.theory import random_pairs_bound, resultant_length
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.contrastive import contrastive_loss

LIMIT_CASES = ((3, 5.0), (16, 13.0), (64, 13.0), (256, 9.14))
"""Pairs (d, a) at which the push of random pairs is compared with its limit."""


class Problem(NamedTuple):
    """Random unit features (n, d), a scale and a gap."""

    u: Tensor
    v: Tensor
    beta: float
    gamma: float


def draw_features(n: int, d: int, generator: torch.Generator, count: int = 1) -> Tensor:
    """Unit features (2, count, n, d), uniform on the sphere."""
    return normalize(torch.randn(2, count, n, d, generator=generator, dtype=torch.float64), dim=-1)


def draw_problem(generator: torch.Generator) -> Problem:
    """A random problem: 2 to 64 pairs in dimension 2 to 32, partly aligned, scale 1 to 50, gap -0.95 to 0.95."""
    n, d = (int(torch.randint(2, high, (), generator=generator)) for high in (65, 33))
    align, scale, gap = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    u, v = draw_features(n, d, generator)[:, 0]
    return Problem(u, normalize(v + 2 * align * u, dim=-1), 50**scale, 1.9 * gap - 0.95)


def parallel(profile: str, seed: int, device: str) -> Record:
    """Identities of the parallel model on random problems, and the loss against the gap for a figure."""
    check_device(device)
    generator = make_generator(seed, "modality-gap", "parallel")
    problems = [draw_problem(generator) for _ in range(PROFILES[profile].problems)]
    record = Record(
        claims={
            "04-M1a": max(map(_scale_error, problems)),
            "04-M1b": sum(map(_changed_ranks, problems)) / len(problems),
            "04-M1c": max(map(_gap_error, problems)),
            "04-M1d": max(gradient_error(problem, rule) for problem in problems for rule in rules(problem.beta)),
        }
    )
    gamma, scales = torch.linspace(0, 0.98, 50, dtype=torch.float64), (2.0, 5.0, 10.0, 20.0)
    u, v = draw_features(24, 8, generator)[:, 0]
    pair = (u, normalize(v + 1.5 * u, dim=-1))
    loss = [[_parallel_loss(*pair, beta, float(g)) for g in gamma] for beta in scales]
    effective = torch.logspace(-1.5, math.log10(20), 80, dtype=torch.float64)
    curve = contrastive_loss(effective[:, None, None] * (pair[0] @ pair[1].T))
    record.arrays |= {
        "gamma": gamma.numpy(),
        "scales": torch.tensor(scales).numpy(),
        "loss": torch.tensor(loss).numpy(),
        "effective": effective.numpy(),
        "curve": curve.numpy(),
    }
    return record


def _parallel_loss(u: Tensor, v: Tensor, beta: float, gamma: float) -> float:
    """The loss of the embeddings with their gap, no theory used."""
    x, y = parallel_modalities(u, v, gamma)
    return float(contrastive_loss(beta * x @ y.T))


def _scale_error(p: Problem) -> float:
    scaled = contrastive_loss(p.beta * (1 - p.gamma**2) * p.u @ p.v.T)
    return abs(_parallel_loss(*p) - float(scaled))


def _changed_ranks(p: Problem) -> float:
    """Share of entries whose place in their row or column changes when the gap is added."""
    x, y = parallel_modalities(p.u, p.v, p.gamma)
    with_gap, without = x @ y.T, p.u @ p.v.T
    moved = [(with_gap.argsort(dim) != without.argsort(dim)).double().mean() for dim in (0, 1)]
    return float(sum(moved)) / 2


def _gap_error(p: Problem) -> float:
    inner = torch.linalg.vector_norm(p.u.mean(0) - p.v.mean(0)).square()
    formula = (4 * p.gamma**2 + (1 - p.gamma**2) * inner).sqrt()
    return abs(float(modality_gap(*parallel_modalities(p.u, p.v, p.gamma)) - formula))


def rules(beta: float) -> tuple[Temperature, ...]:
    """The learnable rules of the paper at one scale, in float64."""
    made = (
        Exponential(1 / beta),
        Exponential(1 / beta, s=2.0),
        Exponential(1 / beta, rate=0.1),
        Softplus(1 / beta),
        Linear(1 / beta),
    )
    return tuple(rule.double() for rule in made)


def gradient_error(p: Problem, rule: Temperature) -> float:
    r"""Relative error of :math:`\dot\nu=\beta'(1-\gamma^2)g` and :math:`\dot\gamma=-2\beta\gamma g` against automatic
    differentiation through the embeddings with their gap.
    """
    gamma = torch.tensor(p.gamma, dtype=torch.float64, requires_grad=True)
    x, y = parallel_modalities(p.u, p.v, gamma)
    exact = torch.autograd.grad(contrastive_loss(rule() * x @ y.T), (rule.nu, gamma))
    with torch.no_grad():
        beta, inside = rule(), 1 - gamma.square()
        g = pressure(p.u @ p.v.T, beta * inside)
        stated = (rule.slope(rule.nu) * inside * g, -2 * beta * gamma * g)
        # Both are multiples of g, a difference of two means of cosines: its rounding error is that of a number near 1.
        sizes = (rule.slope(rule.nu) * inside, 2 * beta * gamma.abs())
        return max(float((a + e).abs() / size) for a, e, size in zip(stated, exact, sizes, strict=True))


def mismatch(profile: str, seed: int, device: str) -> Record:
    """The push of randomly placed pairs against its limit, its sign with all features free, and the finite bound."""
    check_device(device)
    settings = PROFILES[profile]
    generator = make_generator(seed, "modality-gap", "mismatch")
    record = Record()
    pushes, speeds = [], []
    for d, a in LIMIT_CASES:
        push, speed = initial_push(1024, d, a, settings.pressure_draws, generator)
        pushes.append(float(push.mean()) / resultant_length(d, a) - 1)
        speeds.append(float(speed.mean()) / resultant_length(d, a) - 1)
    record.claims["04-M6b"] = max(map(abs, pushes))
    record.claims["04-M6c"] = max(map(abs, speeds))
    growth = {(n, d): free_growth(n, d, settings.growth_starts, generator) for n in (32, 128) for d in (8, 64)}
    record.claims["04-M6a"] = min(float((speed > 0).double().mean()) for speed in growth.values())
    record.claims["04-M6d"] = smallest_useful(64, 1.0, 0.05)
    record.number("share-growing-n6-d3", float((free_growth(6, 3, 200, generator) > 0).double().mean()), tolerance=0.02)
    _push_curves(settings.pressure_draws, generator, record)
    record.arrays |= {f"growth-{n}-{d}": speed.numpy() for (n, d), speed in growth.items()}
    return record


def initial_push(n: int, d: int, a: float, draws: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    r"""For n random pairs on :math:`S^{d-1}` in the parallel model with :math:`\gamma_0=0.3` and effective scale a:
    :math:`-g`, and :math:`\dot\Delta/(4\beta_0\gamma_0)` by automatic differentiation, each (draws,).
    """
    gamma0 = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    beta0 = a / (1 - 0.3**2)
    push, speed = [], []
    for _ in range(draws):  # one at a time: a matrix of 1024 x 1024 float64 is 8 MB
        u, v = (x.requires_grad_() for x in draw_features(n, d, generator)[:, 0])
        x, y = parallel_modalities(u, v, gamma0)
        loss, gap = contrastive_loss(beta0 * x @ y.T), modality_gap(x, y)
        force = torch.autograd.grad(loss, (u, v, gamma0), retain_graph=True)
        slope = torch.autograd.grad(gap, (u, v, gamma0))
        free = [f - h.detach() * (h.detach() * f).sum(-1, keepdim=True) for f, h in zip(force[:2], (u, v), strict=True)]
        change = -sum((f * s).sum() for f, s in zip((*free, force[2]), slope, strict=True))
        speed.append(change / (4 * beta0 * 0.3))
        push.append(-pressure((u @ v.T).detach(), a))
    return torch.stack(push), torch.stack(speed)


def free_growth(n: int, d: int, starts: int, generator: torch.Generator) -> Tensor:
    r""":math:`d\Delta/dt` (starts,) of features free on the sphere, from random parallel caps with
    :math:`\gamma_0=0.3` at :math:`\tau=0.07`.
    """
    first, second = draw_features(n, d, generator, starts)
    x, y = parallel_modalities(first, second, 0.3)
    beta = torch.full((starts,), 1 / 0.07, dtype=torch.float64)
    dx, dy, _ = feature_speed(x, y, beta, torch.zeros_like(beta))
    apart = x.mean(-2) - y.mean(-2)
    return (normalize(apart, dim=-1) * (dx.mean(-2) - dy.mean(-2))).sum(-1)


def smallest_useful(d: int, a: float, delta: float) -> float:
    r""":math:`\log_{10}` of the smallest n, to 0.01, at which the bound of Theorem 3.3 is positive."""
    exponent = 0.0
    while random_pairs_bound(d, a, 10**exponent, delta) <= 0:
        exponent += 0.01
    return exponent


def _push_curves(draws: int, generator: torch.Generator, record: Record) -> None:
    """The push against the effective scale for four dimensions, 512 pairs, mean and spread over draws."""
    scales, dimensions = torch.logspace(-0.5, 1.5, 12, dtype=torch.float64), (3, 16, 64, 256)
    table = []
    for d in dimensions:
        cosines = [u @ v.T for u, v in zip(*draw_features(512, d, generator, min(draws, 4)), strict=True)]
        table.append([[-float(pressure(z, float(a))) for z in cosines] for a in scales])
    record.arrays |= {
        "scales": scales.numpy(),
        "dimensions": torch.tensor(dimensions).numpy(),
        "push": torch.tensor(table).numpy(),
    }
