"""Experiments on the identities that hold for every denoiser: Tweedie, second-order Tweedie, error and Pythagoras."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.jacobian import full_jacobian
from lowdim.distributions import Distribution, MoLRG
from lowdim.papers.denoisers.models import CONTINUOUS, add_noise, eight_dimensions, orthonormal
from lowdim.papers.denoisers.settings import PROFILES
from lowdim.papers.denoisers.theory import affine_mmse
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

SIGMAS = (0.05, 0.3, 1.0, 3.0)
CHUNK = 20_000


def identities(profile: str, seed: int, device: str) -> Record:
    """Tweedie's two formulas and what follows from them, on three exact denoisers in R^8 (claims D1 to D4)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "denoisers", "identities", device=device)
    models = eight_dimensions(seed, device)
    first = shape = 0.0
    for model in models.values():
        for sigma in SIGMAS:
            x = add_noise(model.sample(settings.points, generator), sigma, generator)
            first = max(first, float((model.denoise(x, sigma) - tweedie(model, x, sigma)).abs().max()))
            shape = max(shape, asymmetry_or_negative_part(full_jacobian(model, x, sigma)))
    record = Record(claims={"00-D1": first, "00-D3": shape})
    record.claims["00-D2"] = max(
        largest_deviation(models[name], sigma, settings.importance_samples, generator)
        for name in CONTINUOUS
        for sigma in (0.6, 1.5)
    )
    ratios = [error_over_trace(models["mixture"], sigma, settings.samples, generator) for sigma in SIGMAS]
    record.claims["00-D4"] = max(abs(ratio - 1) for ratio in ratios)
    for sigma, ratio in zip(SIGMAS, ratios, strict=True):
        record.number(f"mmse-ratio-{sigma:g}", ratio, tolerance=0.02)
    return record


def tweedie(model: Distribution, x: Tensor, sigma: float) -> Tensor:
    """``x + sigma^2 grad log p_sigma(x)``, the gradient by automatic differentiation of the log-density."""
    points = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.log_prob(points, sigma).sum(), points)
    return x + sigma**2 * gradient


def asymmetry_or_negative_part(jacobians: Tensor) -> float:
    """The larger of ``|J - J^T|`` and ``-lambda_min(J)`` over a batch ``(B, n, n)``, relative to the largest entry
    where that is above one.
    """
    skew = (jacobians - jacobians.mT).abs().max()
    lowest = torch.linalg.eigvalsh((jacobians + jacobians.mT) / 2).min()
    return float(torch.maximum(skew, -lowest) / jacobians.abs().max().clamp_min(1))


def importance_covariance(
    prior: Distribution, x: Tensor, sigma: float, samples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """``Cov[x0 | x0 + sigma noise = x]`` for one ``x`` ``(n,)``, from prior draws weighted by their likelihood, and the
    standard error of each entry; ``(n, n)`` both. It knows the prior only through its samples.
    """
    x0 = prior.sample(samples, generator)
    weights = torch.softmax(-(x0 - x).square().sum(1) / (2 * sigma**2), 0)
    centred = x0 - weights @ x0
    covariance = (weights[:, None] * centred).T @ centred
    squares, squared_weights = centred.square(), weights.square()
    error = (
        (squared_weights[:, None] * squares).T @ squares
        - 2 * covariance * ((squared_weights[:, None] * centred).T @ centred)
        + covariance.square() * squared_weights.sum()
    )
    return covariance, error.clamp_min(0).sqrt()


def largest_deviation(model: Distribution, sigma: float, samples: int, generator: torch.Generator) -> float:
    """Largest entry of ``|sigma^2 J - Monte Carlo covariance|`` in standard errors, at one noisy sample."""
    x = add_noise(model.sample(1, generator), sigma, generator)
    covariance, error = importance_covariance(model, x[0], sigma, samples, generator)
    return float(((sigma**2 * model.denoiser_jacobian(x, sigma)[0] - covariance).abs() / error).max())


def error_over_trace(model: Distribution, sigma: float, samples: int, generator: torch.Generator) -> float:
    """``E ||x0 - D||^2`` over ``sigma^2 E tr J``, each a mean over the same noisy samples."""
    squared = trace = 0.0
    for x0 in model.sample(samples, generator).split(CHUNK):
        x = add_noise(x0, sigma, generator)
        squared += float((x0 - model.denoise(x, sigma)).square().sum())
        trace += float(model.denoiser_jacobian(x, sigma).diagonal(dim1=1, dim2=2).sum())
    return squared / (sigma**2 * trace)


def error_curves(profile: str, seed: int, device: str) -> Record:
    """The error of the mixture's denoiser between that of the best affine one and that of an oracle who is told the
    component, over noise levels; and Pythagoras for the affine one (claims D5 and D6a).
    """
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "denoisers", "error-curves", device=device)
    components, rank = 3, 4
    frame = orthonormal(24, components * rank, make_generator(seed, "denoisers", "error-curves", "frame"))
    mixture = MoLRG(list(frame.split(rank, dim=1))).to(device=device)
    gaussian = mixture.gaussian()
    spectrum = torch.full((components * rank,), 1 / components, dtype=torch.float64)
    sigmas = torch.logspace(-1, 0.7, settings.curve_levels, dtype=torch.float64)
    rows = [paired_errors(mixture, gaussian, sigma, settings.samples, generator) for sigma in sigmas.tolist()]
    best, affine, between = torch.tensor(rows, dtype=torch.float64).T
    lmmse = torch.tensor([affine_mmse(spectrum, s) for s in sigmas.tolist()], dtype=torch.float64)
    oracle = torch.tensor([affine_mmse(torch.ones(rank), s) for s in sigmas.tolist()], dtype=torch.float64)
    exact, other, distance = paired_errors(mixture, gaussian, 0.6, settings.samples, generator)
    record = Record(
        claims={
            "00-D5": float((torch.minimum(lmmse - best, best - oracle) / lmmse).min()),
            "00-D6a": abs((other - exact) / distance - 1),
        },
        arrays={
            "sigmas": sigmas, "mmse": best, "affine": affine, "between": between, "lmmse": lmmse, "oracle": oracle
        },
    )  # fmt: skip
    record.number("largest-gain", float(((lmmse - best) / lmmse).max()), tolerance=0.02)
    return record


def paired_errors(
    exact: Distribution, other: Denoiser, sigma: float, samples: int, generator: torch.Generator
) -> tuple[float, float, float]:
    """Mean squared errors of the exact and of another denoiser on the same noisy samples of ``exact``, and the mean
    squared distance between the two.
    """
    sums = torch.zeros(3, dtype=torch.float64)
    for x0 in exact.sample(samples, generator).split(CHUNK):
        x = add_noise(x0, sigma, generator)
        best, guess = exact.denoise(x, sigma), other(x, sigma)
        pairs = ((x0, best), (x0, guess), (best, guess))
        sums += torch.tensor([float((a - b).square().sum()) for a, b in pairs], dtype=torch.float64)
    first, second, third = (sums / samples).tolist()
    return first, second, third
