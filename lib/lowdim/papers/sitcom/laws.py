"""Experiments on what a run samples: its law for a Gaussian prior, and its modes for a mixture."""

from __future__ import annotations

import functools
import itertools

import torch
from torch import Tensor

from lowdim.denoising.grids import vp_sigmas
from lowdim.distributions import Gaussian, MoLRG
from lowdim.papers.sitcom.comparison import input_repair
from lowdim.papers.sitcom.settings import PROFILES
from lowdim.papers.sitcom.signals import LENGTH, TASKS, Case, bent, draw_case, measure, smooth_prior, time
from lowdim.papers.sitcom.sitcom import forward_kernel
from lowdim.papers.sitcom.theory import conditional_gain, input_gain, run_law, shrinkage
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

NOISE_STD = 0.05
SIGNALS = 16
"""Signals behind the mean bias; one alone decides little."""
WEIGHTS = (0.5, 0.2, 0.3)


def consistency(profile: str, seed: int, device: str) -> Record:
    """The law of SITCOM's result with exact repairs against the posterior (claims S8a to S8c), and that law against
    simulated runs (S8d).
    """
    settings = PROFILES[profile]
    check_device(device)
    prior = smooth_prior()
    covariance, sigmas = prior.covariance(), vp_sigmas(20).tolist()
    rows: list[list[float]] = []
    arrays: dict[str, Tensor] = {}
    for task in TASKS:
        case = draw_case(prior, [task], NOISE_STD, 1, seed, f"law-{task}")
        a, y = case.matrix[0], case.y[0]
        exact = prior.posterior(y, a, NOISE_STD)
        mean, spread = exact.mean(), exact.covariance().diagonal().sqrt()
        found, law = run_law(prior.mean(), covariance, a, y, sigmas, functools.partial(_gain, a))
        right, narrow = run_law(prior.mean(), covariance, a, y, sigmas, functools.partial(_best_gain, a))
        scale = spread.square().mean().sqrt()
        rows.append([
            _bias(prior, task, covariance, sigmas, seed),
            float(law.diagonal().mean().sqrt() / scale),
            float((right - mean).square().mean().sqrt() / scale),
            float(narrow.diagonal().mean().sqrt() / scale),
        ])  # fmt: skip
        arrays |= {
            f"{task}-x": case.x[0], f"{task}-mean": mean, f"{task}-std": spread, f"{task}-found": found,
            f"{task}-found-std": law.diagonal().sqrt(),
        }  # fmt: skip
        simulated = _simulate(case, covariance, sigmas, settings.law_runs, seed)
        rows[-1].append(_score(simulated, found, law))
    table = torch.tensor(rows, dtype=torch.float64)
    record = Record(
        claims={
            "07-S8a": float(table[:, 0].max()), "07-S8b": float(table[:, 1].min()), "07-S8c": float(table[:, 2].max()),
            "07-S8d": float(table[:, 4].max()),
        },
        arrays={"tasks": list(TASKS), "table": table, **arrays},
    )  # fmt: skip
    record.number("largest-spread", float(table[:, 1].max()), tolerance=0.02)
    record.number("spread-of-exact-steps", float(table[:, 3].mean()), tolerance=0.02)
    return record


def _bias(prior: Gaussian, task: str, covariance: Tensor, sigmas: list[float], seed: int) -> float:
    """Root mean square of the bias over signals and samples, over that of the posterior's deviation."""
    case = draw_case(prior, [task], NOISE_STD, SIGNALS, seed, f"bias-{task}")
    squares, variances = [], []
    for y in case.y:
        exact = prior.posterior(y, case.matrix[0], NOISE_STD)
        found, _ = run_law(
            prior.mean(), covariance, case.matrix[0], y, sigmas, functools.partial(_gain, case.matrix[0])
        )
        squares.append((found - exact.mean()).square().mean())
        variances.append(exact.covariance().diagonal().mean())
    return float((torch.stack(squares).mean() / torch.stack(variances).mean()).sqrt())


def _gain(a: Tensor, w: Tensor, sigma: float) -> Tensor:
    return input_gain(w, a, (NOISE_STD / sigma) ** 2)


def _best_gain(a: Tensor, w: Tensor, sigma: float) -> Tensor:
    return conditional_gain(w, a, (NOISE_STD / sigma) ** 2)


def _simulate(case: Case, covariance: Tensor, sigmas: list[float], runs: int, seed: int) -> Tensor:
    """Results ``(runs, 64)`` of runs with the repair solved by linear algebra, one after another level."""
    a = case.matrix[0]
    generator = make_generator(seed, "sitcom", "law", len(a))
    z = (1 + sigmas[0] ** 2) ** 0.5 * torch.randn(runs, LENGTH, generator=generator, dtype=torch.float64)
    for sigma, following in itertools.pairwise(sigmas):
        denoised = case.prior(z, sigma)
        gain = _gain(a, shrinkage(covariance, sigma), sigma)
        estimate = denoised + (case.y - denoised @ a.T) @ gain.T
        noise = torch.randn(z.shape, generator=generator, dtype=torch.float64)
        z = forward_kernel(estimate, z, sigma, following, noise)
    return z


def _score(samples: Tensor, mean: Tensor, covariance: Tensor) -> float:
    """The largest deviation of the samples' means and variances from the law's, in standard errors."""
    variance = covariance.diagonal()
    off = (samples.mean(0) - mean).abs() / (variance / len(samples)).sqrt()
    wide = (samples.var(0) - variance).abs() / (variance * (2 / (len(samples) - 1)) ** 0.5)
    return float(torch.maximum(off, wide).max())


def modes(profile: str, seed: int, device: str) -> Record:
    """Three shapes that agree where they are measured: how often each is found, beside its posterior weight (claim
    S9).
    """
    settings = PROFILES[profile]
    check_device(device)
    prior = ambiguous_prior()
    generator = make_generator(seed, "sitcom", "modes")
    matrix = torch.eye(LENGTH, dtype=torch.float64)[: LENGTH // 2]
    x = prior.sample(1, generator)
    case = measure(prior, matrix[None], x[None], NOISE_STD, generator)
    exact = prior.posterior(case.y[0], matrix, NOISE_STD).weights
    many = case.repeat(settings.mode_runs)
    found = input_repair(many, inner_steps=settings.inner).solve(many.y, many.physics, generator).estimate
    nearest = torch.cdist(found, ambiguous_means()).argmin(1)
    shares = torch.bincount(nearest, minlength=3).double() / len(found)
    record = Record(
        claims={"07-S9": float((shares - exact).abs().sum() / 2)},
        arrays={"exact": exact, "shares": shares, "found": found[:60], "nearest": nearest[:60], "x": x[0],
                "means": ambiguous_means()},
    )  # fmt: skip
    record.number("largest-posterior-weight", float(exact.max()), tolerance=1e-6)
    return record


def ambiguous_means() -> Tensor:
    """Three signals ``(3, 64)``: the same wave on the left half, and a bump, nothing or a dip on the right."""
    bump = torch.exp(-((time() - 0.77) / 0.09).square() / 2)
    return 0.4 * torch.sin(8 * time()) + torch.tensor([0.7, 0.0, -0.7], dtype=torch.float64)[:, None] * bump


def ambiguous_prior() -> MoLRG:
    """The three signals with weights 1/2, 1/5 and 3/10, each bent by four cosines."""
    return bent(ambiguous_means(), 4, 0.08, WEIGHTS)
