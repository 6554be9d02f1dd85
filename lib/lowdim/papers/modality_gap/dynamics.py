"""Experiments on the flow: the curve it stays on, and the rates of each temperature rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from lowdim.papers.modality_gap.flow import caps, feature_flow, scalar_flow, scheduled_flow
from lowdim.papers.modality_gap.settings import PROFILES
from lowdim.papers.modality_gap.temperature import Exponential, Fixed, Linear, Softplus, Temperature
from lowdim.papers.modality_gap.theory import (
    asymptotic_gap,
    best_fixed_scale,
    fixed_rate,
    gap_by_quadrature,
    matched_pressure,
    scale_on_curve,
    schedule_rate,
)
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator
from lowdim.training.contrastive import contrastive_loss

GAMMA0, BETA0 = 0.5, 2.0
"""Start of the scalar flows."""
START, TAU0 = 0.1, 0.14
"""Start of gap parameter and temperature where features move too. From a larger gap the flow of badly mismatched pairs
leaves the model: the gap parameter passes 1, where features freeze and the effective scale turns negative.
"""
MATCHED = (0.0, 0.5, 1.0)
"""Shares of pairs that are matched at the start of the flows of features."""


def invariant(profile: str, seed: int, device: str) -> Record:
    """The curve of gap and temperature under three ways to descend, from mismatched and matched starts."""
    check_device(device)
    generator = make_generator(seed, "modality-gap", "invariant")
    u, v = (torch.stack(x) for x in zip(*(share_matched(share, generator) for share in MATCHED), strict=True))
    steps = 2000 if PROFILES[profile].problems > 10 else 300
    times = torch.cat([torch.zeros(1), torch.logspace(-2, 4, 60)]).double()
    record = Record()
    flow = feature_flow(u, v, Exponential(TAU0).double(), times, gamma0=START)
    paths = {"flow": torch.stack([flow.beta.T, flow.gamma.T], 1)}
    paths["descent"] = descend(u, v, steps, torch.optim.SGD, 0.003)
    paths["adam"] = descend(u, v, 2 * steps // 5, torch.optim.Adam, 0.001)
    record.claims["04-M2a"] = float(_drift(paths["flow"]).max())
    record.claims["04-M2b"] = float(_drift(paths["descent"]).max())
    record.claims["04-M2d"] = float(_drift(paths["adam"]).min())
    others = [Exponential(TAU0, s=2.0), Softplus(TAU0), Linear(TAU0), Exponential(TAU0, rate=0.1)]
    record.claims["04-M2c"] = max(_generalised_drift(rule.double(), u, v, times) for rule in others)
    record.claims["04-M2e"] = slope_exponent()
    gamma = torch.logspace(-3, math.log10(0.95), 100, dtype=torch.float64)
    curve = scale_on_curve(Exponential(TAU0), 1 / TAU0, START, gamma)
    record.arrays |= {"gamma": gamma.numpy(), "curve": curve.numpy(), "matched": np.array(MATCHED)}
    for name, path in paths.items():
        record.arrays[name] = path[..., :: 1 if name == "flow" else max(1, steps // 250)].numpy()
    return record


def share_matched(share: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Unit features (6, 3): this share of the pairs nearly agrees, the others are placed at random."""
    u, v = caps(6, 3, 0.0, generator)
    near = normalize(u + 0.02 * torch.randn(u.shape, generator=generator, dtype=u.dtype), dim=-1)
    return u, torch.where(torch.arange(6)[:, None] < 6 * share, near, v)


def _drift(path: Tensor) -> Tensor:
    r"""Largest relative change (S,) of :math:`\beta\sqrt\gamma e^{-\gamma^2/4}` from its start, along paths (S, 2, T)
    of scale and gap.
    """
    beta, gamma = path.unbind(1)
    value = beta * gamma.sqrt() * (-gamma.square() / 4).exp()
    return (value / value[:, :1] - 1).abs().amax(1)


def _generalised_drift(rule: Temperature, u: Tensor, v: Tensor, times: Tensor) -> float:
    """Largest change of a rule's invariant over the largest change of its first term, the worst start."""
    flow = feature_flow(u, v, rule, times, gamma0=START)
    value, first = rule.invariant(flow.beta, flow.gamma), rule.psi(flow.beta) / rule.rate
    return float(((value - value[0]).abs().amax(0) / (first - first[0]).abs().amax(0)).max())


def descend(u: Tensor, v: Tensor, steps: int, optimiser: Callable[..., torch.optim.Optimizer], rate: float) -> Tensor:
    r"""Scale and gap (S, 2, steps + 1) of a plain optimiser on features (S, n, d), :math:`\gamma` and :math:`\nu`
    together, for each of S starts.
    """
    rule = Exponential(TAU0, copies=len(u)).double()
    x, y = u.clone().requires_grad_(), v.clone().requires_grad_()
    gamma = torch.full((len(u),), START, dtype=torch.float64, requires_grad=True)
    method = optimiser([x, y, gamma, rule.nu], lr=rate)
    path = []
    for _ in range(steps + 1):
        beta = rule()
        path.append(torch.stack([beta, gamma]).detach())
        method.zero_grad()
        cosines = normalize(x, dim=-1) @ normalize(y, dim=-1).mT
        contrastive_loss((beta * (1 - gamma.square()))[:, None, None] * cosines).sum().backward()
        method.step()
    return torch.stack(path, -1).clamp(min=1e-12).movedim(1, 0)  # Adam may step over zero, where the curve ends


def slope_exponent() -> float:
    r"""Slope of :math:`\log|R|`, :math:`R=\dot\gamma/\dot\beta=-2\gamma/(\beta(1-\gamma^2))`, against
    :math:`\log\beta` along CLIP's curve.
    """
    gamma = torch.logspace(-2.5, -6.5, 40, dtype=torch.float64)
    beta = scale_on_curve(Exponential(1 / BETA0), BETA0, GAMMA0, gamma)
    ratio = 2 * gamma / (beta * (1 - gamma.square()))
    return fitted_slope(beta.log(), ratio.log())


def fitted_slope(x: Tensor, y: Tensor) -> float:
    """Slope of the least-squares line."""
    run = x - x.mean()
    return float((run * y).sum() / run.square().sum())


def named_rules() -> dict[str, Temperature]:
    r"""The rules that are compared, all from :math:`\beta_0=2`, with the fastest fixed scale."""
    tau = 1 / BETA0
    made = {
        "exponential": Exponential(tau),
        "scaled, s = 2": Exponential(tau, s=2.0),
        "softplus": Softplus(tau),
        "linear": Linear(tau),
        "fixed at 1": Fixed(1.0),
    }
    return {name: rule.double() for name, rule in made.items()}


def rates(profile: str, seed: int, device: str) -> Record:
    """How fast the gap of the scalar model closes under each rule; nothing in it is random."""
    check_device(device)
    PROFILES[profile]
    record = Record()
    rule = Exponential(1 / BETA0).double()
    times = torch.logspace(1, 6, 51, dtype=torch.float64)
    flow, exact = scalar_flow(rule, GAMMA0, times).gamma, gap_by_quadrature(rule, BETA0, GAMMA0, times)
    record.claims["04-M3a"] = float((flow / exact - 1).abs().max())
    far = torch.logspace(16, 40, 25, dtype=torch.float64)
    plain, scaled = (_exponent(Exponential(1 / BETA0, s=s).double(), far) for s in (1.0, 2.0))
    record.claims["04-M3b"] = plain
    record.claims["04-M3c"] = float(flow[30] / asymptotic_gap(rule, BETA0, GAMMA0, times[30:31]))
    record.claims["04-M3d"] = scaled / 8 / (plain / 2)
    thousand = torch.tensor([1e3], dtype=torch.float64)
    for claim, other in (("04-M3e", Linear(1 / BETA0).double()), ("04-M3f", Softplus(1 / BETA0).double())):
        gamma = scalar_flow(other, GAMMA0, thousand).gamma
        record.claims[claim] = float(-gamma.log() / thousand.log().square())
    record.claims["04-M3g"] = max(abs(measured_rate(beta) / fixed_rate(beta) - 1) for beta in (0.5, 1.0, 2.0, 4.0))
    pairs = ((1.0, 4.0), (2.0, 5.0), (5.0, 1.0), (0.5, 8.0))
    record.claims["04-M3h"] = max(abs(_schedule_rate(*pair) / schedule_rate(*pair) - 1) for pair in pairs)
    slow = Exponential(1 / BETA0, rate=0.25).double(), Exponential(1 / BETA0, s=2.0).double()
    first, second = (scalar_flow(other, GAMMA0, times).gamma for other in slow)
    record.claims["04-M5c"] = float((first / second - 1).abs().max())
    _compare_rules(record)
    _best_scales(record)
    longer = torch.logspace(0, 12, 61, dtype=torch.float64)
    record.arrays |= {
        "times": longer.numpy(),
        "flow": scalar_flow(rule, GAMMA0, longer).gamma.numpy(),
        "quadrature": gap_by_quadrature(rule, BETA0, GAMMA0, longer).numpy(),
        "law": asymptotic_gap(rule, BETA0, GAMMA0, longer.clamp(min=1.5)).numpy(),
    }
    return record


def _exponent(rule: Temperature, times: Tensor) -> float:
    return fitted_slope(times.log().log(), scalar_flow(rule, GAMMA0, times).gamma.log())


def measured_rate(beta: float) -> float:
    """The rate at which a fixed scale closes the gap of the scalar model, read off its flow where the gap is small."""
    ends = torch.tensor([20.0, 30.0], dtype=torch.float64) / fixed_rate(beta)
    first, last = scalar_flow(Fixed(1 / beta).double(), 1e-2, ends).gamma.log()
    return float(first - last) / float(ends[1] - ends[0])


def _schedule_rate(start: float, end: float) -> float:
    duration, gamma0 = 20.0, 1e-3
    gap = scheduled_flow(lambda progress: start + (end - start) * progress, gamma0, duration)
    return math.log(gamma0 / gap) / duration


def _compare_rules(record: Record) -> None:
    """The gap at t = 10^4 by rule, and the curves of all rules with their closed forms."""
    at = torch.tensor([1e4], dtype=torch.float64)
    curve_times = torch.logspace(-1, 4, 41, dtype=torch.float64)
    logs = {}
    for name, rule in named_rules().items():
        # A gap below 1e-300 is not a number any more; the closed form of its logarithm still is.
        logs[name] = _log_gap(rule, at)
        record.arrays[f"flow-{name}"] = scalar_flow(rule, GAMMA0, curve_times).gamma.numpy()
        record.arrays[f"theory-{name}"] = gap_by_quadrature(rule, float(rule().detach()), GAMMA0, curve_times).numpy()
    record.arrays["curve_times"] = curve_times.numpy()
    middle = sorted((logs["linear"], logs["softplus"]))
    order = [logs["exponential"], logs["scaled, s = 2"], middle[1], middle[0], logs["fixed at 1"]]
    record.claims["04-M5a"] = sum(a > b for a, b in pairwise(order)) / (len(order) - 1)
    record.claims["04-M5b"] = (order[0] - max(order[1:])) / math.log(10)


def _log_gap(rule: Temperature, time: Tensor) -> float:
    r""":math:`\log\gamma` at one time; for a fixed scale its rate times the time."""
    if isinstance(rule, Fixed):
        return math.log(GAMMA0) - fixed_rate(float(rule())) * float(time)
    return float(scalar_flow(rule, GAMMA0, time).gamma.log())


def _best_scales(record: Record) -> None:
    """The rate of n matched pairs against the fixed scale, and where it is largest."""
    scales, counts = np.geomspace(0.2, 12, 60), (2, 8, 128, 1024)
    table = np.array([[_matched_rate(float(beta), n) for beta in scales] for n in counts])
    errors, best = [], []
    for n, row in zip(counts, table, strict=True):
        top = int(row.argmax())
        nearby = slice(top - 1, top + 2)
        parabola = np.polyfit(np.log(scales[nearby]), row[nearby], 2)
        best.append(math.exp(-parabola[1] / (2 * parabola[0])))
        errors.append(abs(best[-1] / best_fixed_scale(n) - 1))
    record.claims["04-M3i"] = max(errors)
    record.arrays |= {"pair_scales": scales, "pair_counts": np.array(counts), "pair_rates": table}
    record.arrays["pair_best"] = np.array(best)


def _matched_rate(beta: float, n: int) -> float:
    """The measured rate of a fixed scale for n pairs of margin 1, between two times of a flow from a small gap."""
    ends = torch.tensor([1.0, 2.0], dtype=torch.float64)
    gaps = scalar_flow(Fixed(1 / beta).double(), 1e-3, ends, matched_pressure(n, 1.0), tolerance=1e-8).gamma
    return float(gaps[0].log() - gaps[1].log())
