"""Experiments on exact flows: velocity and denoiser, exact Reflow, Euler steps, and the law of a ridge."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.denoising.conversions import denoiser_to_velocity
from lowdim.denoising.velocities import euler_flow, flow_times, generate, straightness
from lowdim.denoising.views import flow_view
from lowdim.papers.model_collapse import theory
from lowdim.papers.model_collapse.moments import (
    PairMoments,
    generated_moments,
    independent_moments,
    linear_map,
    reversed_moments,
    ridge_denoiser_velocity,
    ridge_velocity,
)
from lowdim.papers.model_collapse.plane_data import SPREAD, centres, eight_gaussians
from lowdim.papers.model_collapse.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

VARIANCES = (0.25, 1.0, 4.0)
RIDGE, RATIO = 0.1, 0.5
STEPS = (1, 2, 5, 10, 20, 50, 100)
WEIGHTS = (0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1)


def velocity_denoiser(profile: str, seed: int, device: str) -> Record:
    """Velocity and denoiser: regressed on Gaussian data, exact on a mixture, and at t = 0."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "model-collapse", "velocity-denoiser")
    times = torch.linspace(0.1, 0.9, 9, dtype=torch.float64)
    s = torch.tensor([VARIANCES[0], VARIANCES[-1]], dtype=torch.float64)
    slopes = torch.stack([_slopes(float(t), s, settings.regression_samples, generator) for t in times])
    exact = torch.stack([(t * s - (1 - t)) / (t**2 * s + (1 - t) ** 2) for t in times])
    chosen = [1, 4, 7]
    record = Record(claims={"03-R1a": float((slopes[chosen, 0] - slopes[chosen, 1]).abs().max())})
    model = eight_gaussians(WEIGHTS)
    view = flow_view(model)
    gaps = []
    for t in times:
        x = t * model.sample(500, generator) + (1 - t) * _noise(500, generator)
        gaps.append((view.velocity(x, float(t)) - _velocity_by_hand(x, float(t))).abs().max())
    record.claims["03-R1b"] = float(torch.stack(gaps).max())
    x0, start = _noise(1000, generator), 1e-6
    step = x0 + (1 - start) * view.velocity(x0, start)
    record.claims["03-R1c"] = float((step - model.mean()).norm(dim=1).max())
    record.arrays |= {"times": times.numpy(), "slopes": slopes.numpy(), "exact": exact.numpy()}
    shown = _noise(200, generator)
    ends = torch.stack([generate(flow_view(model, model.mean()).velocity, shown, n) for n in (1, 2, 5, 50)])
    record.arrays |= {"ends": ends.numpy(), "mean": model.mean().numpy(), "centres": centres().numpy()}
    return record


def _noise(n: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, 2, generator=generator, dtype=torch.float64)


def _slopes(t: float, s: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Slopes (2, d) on x_t: of x1 - x0, and of the regressed denoiser put through v = (D - x) / (1 - t)."""
    found = []
    for target in ("velocity", "data"):
        x0, data = _noise(n, generator), s.sqrt() * _noise(n, generator)
        x = (1 - t) * x0 + t * data
        wanted = data - x0 if target == "velocity" else data
        found.append((wanted * x).sum(0) / x.square().sum(0))
    found[1] = denoiser_to_velocity(found[1][None], torch.ones(1, len(s), dtype=s.dtype), t)[0]
    return torch.stack(found)


def _velocity_by_hand(x: Tensor, t: float) -> Tensor:
    """E[x1 - x0 | x_t = x] of the eight Gaussians from the joint law of (x1 - x0, x_t) in each mode."""
    mu = centres()
    variance = t**2 * SPREAD**2 + (1 - t) ** 2
    away = x[:, None] - t * mu  # (B, 8, 2)
    odds = torch.tensor(WEIGHTS, dtype=torch.float64).log() - away.square().sum(-1) / (2 * variance)
    inside = mu + (t * SPREAD**2 - (1 - t)) / variance * away
    return (odds.softmax(-1)[..., None] * inside).sum(1)


def gaussian_reflow(profile: str, seed: int, device: str) -> Record:
    """Reflow with the exact regression: no collapse, straight paths, Euler's loss, the telescoping identity."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "model-collapse", "gaussian-reflow")
    real = _covariance(generator)
    velocity = ridge_velocity(independent_moments(real), 0.0)
    x0 = torch.randn(500, 3, generator=generator, dtype=torch.float64)
    worst, straight = 0.0, []
    for number in range(11):
        found = linear_map(velocity, 3)
        worst = max(worst, float(torch.linalg.matrix_norm(found @ found.mT - real, 2) / VARIANCES[-1]))
        if number < 2:
            straight.append(straightness(velocity, x0, 200))
        velocity = ridge_velocity(generated_moments(found), 0.0)
    record = Record(claims={"03-R8a": worst, "03-R8b": straight[1] / straight[0]})
    _euler(record)
    _telescope(settings.paths, generator, record)
    return record


def _covariance(generator: torch.Generator) -> Tensor:
    """A covariance (3, 3) with the eigenvalues :data:`VARIANCES` in random directions."""
    basis = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64)).Q
    return (basis * torch.tensor(VARIANCES, dtype=torch.float64)) @ basis.T


def _euler(record: Record) -> None:
    """Gains of N Euler steps after the first and after five further exact reflows, against the product formula."""
    variances = (1.0, 4.0)
    measured = torch.zeros(2, len(variances), len(STEPS), dtype=torch.float64)
    one = torch.ones(1, 1, dtype=torch.float64)
    for i, s in enumerate(variances):
        for k, steps in enumerate(STEPS):
            velocity = ridge_velocity(independent_moments(s * one), 0.0)
            measured[0, i, k] = gain = generate(velocity, one, steps)[0, 0]
            # A flow without any variance left cannot be regressed on; one step of the first flow makes one.
            for _ in range(5 if steps > 1 else 0):
                velocity = ridge_velocity(generated_moments(gain * one), 0.0)
                gain = generate(velocity, one, steps)[0, 0]
            measured[1, i, k] = gain
    exact = torch.tensor([[theory.euler_gain(s, steps) for steps in STEPS] for s in variances], dtype=torch.float64)
    record.claims["03-R8c"] = float((measured - exact).abs().max())
    record.number("euler-loss-s1", 1 - float(measured[0, 0, -1]), "of the standard deviation", tolerance=1e-6)
    record.number("euler-loss-s4", 1 - float(measured[0, 1, -1]) / 2, "of the standard deviation", tolerance=1e-6)
    record.arrays |= {"steps": STEPS, "gains": measured.numpy(), "gains_exact": exact.numpy(), "variances": variances}


def _telescope(paths: int, generator: torch.Generator, record: Record) -> None:
    """The four terms of the telescoping identity for eight Gaussians with independent noise."""
    model = eight_gaussians()
    velocity = flow_view(model, model.mean()).velocity
    x0, x1 = _noise(paths, generator), model.sample(paths, generator)
    steps = 200
    t = (torch.rand(paths, generator=generator, dtype=torch.float64) + torch.arange(paths)) / paths  # stratified
    x_t = (1 - t[:, None]) * x0 + t[:, None] * x1
    residual = float((x1 - x0 - velocity(x_t, t)).square().sum(1).mean())
    straight, end = 0.0, x0
    for step in euler_flow(velocity, x0, flow_times(steps)):
        straight += float(step.velocity.square().sum(1).mean()) / steps
        end = step.x
    before = float((x1 - x0).square().sum(1).mean())
    after = float((end - x0).square().sum(1).mean())
    terms = [before, after, straight - after, residual]
    record.claims["03-R8d"] = abs((before - after) / (straight - after + residual) - 1)
    record.arrays["telescoping"] = terms


def ridge_law(profile: str, seed: int, device: str) -> Record:
    """Reflow of a Gaussian with a ridge: three ways to choose pairs against their laws, and the target of collapse."""
    check_device(device)
    settings = PROFILES[profile]
    generator = make_generator(seed, "model-collapse", "ridge-law")
    real = _covariance(generator)
    values, basis = torch.linalg.eigh(real)
    first = linear_map(ridge_velocity(independent_moments(real), 0.0), 3)
    laws = {
        "plain": (30, lambda s: theory.plain_law(s, RIDGE)),
        "first": (80, lambda s: theory.first_reversal_law(s, values, RIDGE, RATIO)),
        "current": (200, lambda s: theory.current_reversal_law(s, values, RIDGE, RATIO)),
    }
    record = Record(arrays={"variances": values.numpy(), "limit": _limit(values).numpy()})
    for claim, (arm, (rounds, law)) in zip(("03-R9a", "03-R9b", "03-R9c"), laws.items(), strict=True):
        measured = _spectra(first, real, arm, min(rounds, settings.law_rounds), basis)
        predicted = [values]
        for _ in measured[1:]:
            predicted.append(law(predicted[-1]))
        path = torch.stack(predicted)
        record.claims[claim] = float((measured / path - 1).abs().max())
        record.arrays |= {f"measured_{arm}": measured.numpy(), f"law_{arm}": path.numpy()}
    far = torch.from_numpy(record["measured_first"][-1])
    record.claims["03-R9b"] = max(record.claims["03-R9b"], float((far / _limit(values) - 1).abs().max()))
    away = {arm: abs(record[f"measured_{arm}"][min(10, settings.law_rounds)] - 1) for arm in ("plain", "current")}
    ratio = away["current"] / away["plain"]
    record.claims |= {"03-R9g": float(ratio[-1]), "03-R9h": float(ratio[0])}
    record.claims["03-R9d"] = float(abs(record["measured_current"][-1] - 1).max())
    _targets(first, basis, record)
    return record


def _limit(real: Tensor) -> Tensor:
    return theory.first_reversal_limit(real, RIDGE, RATIO)


def _pairs(arm: str, current: Tensor, first: Tensor, real: Tensor) -> PairMoments:
    """The moments of the pairs that an arm trains on when its flow is ``current``."""
    generated = generated_moments(current)
    if arm == "plain":
        return generated
    return generated.mix(reversed_moments(first if arm == "first" else current, real), RATIO)


def _spectra(first: Tensor, real: Tensor, arm: str, rounds: int, basis: Tensor) -> Tensor:
    """Variances (rounds + 1, d) along ``basis`` that the flows of rounds 0, 1, ... generate, by solving their ODE."""
    current, found = first, []
    for number in range(rounds + 1):
        found.append((basis.T @ current @ current.mT @ basis).diagonal())
        if number < rounds:
            current = linear_map(ridge_velocity(_pairs(arm, current, first, real), RIDGE), 3)
    return torch.stack(found)


def _targets(first: Tensor, basis: Tensor, record: Record) -> None:
    """Where plain Reflow ends when the ridge acts on the velocity, and when on the denoiser: 100 Euler steps."""
    identity = torch.eye(3, dtype=torch.float64)
    for name, parametrise in (("velocity", ridge_velocity), ("denoiser", ridge_denoiser_velocity)):
        current, found = first, []
        for number in range(61):
            found.append((basis.T @ current @ current.mT @ basis).diagonal())
            if number < 60:
                current = generate(parametrise(generated_moments(current), RIDGE), identity, 100).mT
        record.arrays[f"target_{name}"] = torch.stack(found).numpy()
    record.claims["03-R9e"] = float(record["target_denoiser"][-1].max())
    record.claims["03-R9f"] = float(record["target_velocity"][-1].min())
