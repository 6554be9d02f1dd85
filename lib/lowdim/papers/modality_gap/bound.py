"""Experiment on Theorem 3.2: its bound and its lemma on random problems, and the printed constant where it fails."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.papers.modality_gap.flow import scalar_flow
from lowdim.papers.modality_gap.settings import PROFILES
from lowdim.papers.modality_gap.temperature import Exponential
from lowdim.papers.modality_gap.theory import (
    gap_by_quadrature,
    gap_lower_bound,
    matched_pressure,
    printed_lower_bound,
)
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

START = 0.3
"""Start of the gap parameter in the example that is drawn."""


def bound(profile: str, seed: int, device: str) -> Record:
    """Theorem 3.2: its bound and its lemma on random problems, and the printed constant where it fails."""
    check_device(device)
    settings = PROFILES[profile]
    generator = make_generator(seed, "modality-gap", "bound")
    times = torch.logspace(-2, 12, 57, dtype=torch.float64)
    record = Record()
    worst = max(_bound_ratio(*_bound_problem(generator), times) for _ in range(settings.bound_problems))
    record.claims["04-M4a"] = worst
    record.claims["04-M4b"] = max(_printed_ratio(gamma0, times) for gamma0 in (0.001, 0.003, 0.01, 0.03))
    record.claims["04-M4c"] = lemma_excess(settings.lemma_draws, generator)
    problem = (8, 0.5, math.log(28) / (0.5 * (1 - START**2)), START)
    rule = Exponential(1 / problem[2]).double()
    gamma = scalar_flow(rule, START, times, matched_pressure(8, 0.5)).gamma
    limit = gap_lower_bound(*problem, times)
    late = int((times - 1e8).abs().argmin())
    record.claims["04-M4d"] = float(gamma[late] / limit[late])
    record.arrays |= {
        "times": times.numpy(),
        "flow": gamma.numpy(),
        "bound": limit.numpy(),
        "quadrature": gap_by_quadrature(rule, problem[2], START, times, matched_pressure(8, 0.5)).numpy(),
    }
    return record


def _bound_problem(generator: torch.Generator) -> tuple[int, float, float, float]:
    """Random (n, margin, scale, gap) within the assumptions of the theorem, c_2 above 1/10."""
    n = int(torch.randint(2, 200, (), generator=generator))
    first, second, third = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    margin, gamma0 = 0.1 + 1.4 * first, 0.05 + 0.75 * second
    return n, margin, (1 + third) * math.log(4 * (n - 1)) / (margin * (1 - gamma0**2)), gamma0


def _bound_ratio(n: int, margin: float, beta0: float, gamma0: float, times: Tensor) -> float:
    gamma = scalar_flow(Exponential(1 / beta0).double(), gamma0, times, matched_pressure(n, margin)).gamma
    return float((gap_lower_bound(n, margin, beta0, gamma0, times) / gamma).max())


def _printed_ratio(gamma0: float, times: Tensor) -> float:
    r"""Largest ratio of the printed bound to the gap, n = 8, :math:`\bar\alpha=1/2`, smallest allowed scale."""
    beta0 = math.log(28) / (0.5 * (1 - gamma0**2))
    gamma = scalar_flow(Exponential(1 / beta0).double(), gamma0, times, matched_pressure(8, 0.5)).gamma
    return float((printed_lower_bound(8, 0.5, beta0, gamma0, times) / gamma).max())


def lemma_excess(draws: int, generator: torch.Generator) -> float:
    r"""Largest excess of :math:`\mu_1(z,a)` over :math:`\mu_1(\alpha(e_1-\mathbf1),a)`, rows z with margin at least
    :math:`\alpha` and scales from :math:`\log(4n-4)/\alpha`, the edge of the assumption.
    """
    worst = -math.inf
    for n in (2, 3, 8, 64):
        margin = 0.05 + 1.5 * torch.rand(draws // 4, 1, generator=generator, dtype=torch.float64)
        z = -margin - torch.rand(draws // 4, n - 1, generator=generator, dtype=torch.float64).pow(4)
        z = torch.cat([torch.zeros_like(margin), z], 1)
        a = (
            math.log(4 * n - 4)
            / margin
            * (1 + torch.rand(margin.shape, generator=generator, dtype=margin.dtype).pow(3))
        )
        at_margin = torch.cat([torch.zeros_like(margin), -margin.expand(-1, n - 1)], 1)
        mu, limit = (-(torch.softmax(a * row, 1) * row).sum(1) for row in (z, at_margin))
        worst = max(worst, float((mu - limit).max()))
    return worst
