"""Experiments in closed form: early stopping, iterated Tikhonov, the fixed point of purification, and norms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.papers.udig_dip.purifier import Purifier
from lowdim.papers.udig_dip.settings import PROFILES
from lowdim.papers.udig_dip.signals import TASKS, guided, operator, sequential, signal_law, signal_psnr
from lowdim.papers.udig_dip.theory import contraction, descent_error, iterated_tikhonov, purified_fixed_point
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

TAUS = (0.05, 0.1, 0.3, 1.0)
FIXED = (0.05, 0.2, 0.5)
NOISES = (0.05, 0.2)
LAMBDA = 0.1
TINY = 1e-6
"""A level of purification at which the fixed point is the posterior mean."""


def spectral_bias(profile: str, seed: int, device: str) -> Record:
    """A linearised network trained on a noisy signal: its expected error is a formula that falls and then rises to that
    of the noise (claims D1a and D1b).
    """
    settings = PROFILES[profile]
    check_device(device)
    n, noise_std = 48, 0.2
    generator = make_generator(seed, "udig-dip", "bias")
    rates = torch.logspace(0, -6, n, dtype=torch.float64)
    coefficients = rates**0.25 * torch.randn(n, generator=generator, dtype=torch.float64)
    steps = torch.logspace(0, 7.5, 120, dtype=torch.float64).round().unique()
    error = descent_error(rates, coefficients, noise_std, steps) / n
    y = coefficients + noise_std * torch.randn(settings.draws, n, generator=generator, dtype=torch.float64)
    some = steps[::20]
    simulated = torch.stack([((1 - (1 - rates) ** i) * y - coefficients).square().mean(1) for i in some])
    width = simulated.std(1) / math.sqrt(settings.draws)
    deviation = (simulated.mean(1) - error[::20]).abs() / width
    record = Record(
        claims={"08-D1a": float(deviation.max()), "08-D1b": float(10 * (error[-1] / error.min()).log10())},
        arrays={"steps": steps, "error": error, "some": some, "simulated": simulated.mean(1), "noise": noise_std**2,
                "signal": coefficients, "rates": rates},
    )  # fmt: skip
    record.number("early-stopping-worth", record.claims["08-D1b"], "dB", tolerance=0.01)
    return record


def limit(profile: str, seed: int, device: str) -> Record:
    """The sequential scheme and the purified one with pixels for a network (claims U4, U4b, U5, U6a)."""
    settings = PROFILES[profile]
    check_device(device)
    covariance, law = signal_law()
    generator = make_generator(seed, "udig-dip", "limit")
    x = law.sample(settings.signals, generator)
    purifier, noisy = (Purifier(law, by_channel=False, noise=noise) for noise in (False, True))
    annealed = torch.logspace(0, math.log10(0.03), 40, dtype=torch.float64).tolist()
    table, formula, falls, curves = [], 0.0, [], {}
    for noise_std in NOISES:
        for task in TASKS:
            a = operator(task, generator)
            y = x @ a.T + noise_std * torch.randn(len(x), len(a), generator=generator, dtype=torch.float64)
            plain = sequential(a, y, LAMBDA, settings.limit_rounds)
            for k in (1, 2, 5, 30):
                if k <= len(plain):
                    formula = max(formula, float((plain[k - 1] - iterated_tikhonov(a, y, LAMBDA, k)).abs().max()))
            runs = [guided(a, y, noise_std, [tau] * settings.limit_rounds, purifier, generator) for tau in FIXED]
            runs += [guided(a, y, noise_std, annealed, method, generator) for method in (purifier, noisy)]
            scores = [torch.stack([signal_psnr(image, x).mean() for image in run]) for run in (plain, *runs)]
            falls.append([float(score.max() - score[-1]) for score in scores])
            best = signal_psnr(
                purified_fixed_point(x.new_zeros(x.shape[1]), covariance, a, y, (noise_std / TINY) ** 2, TINY), x
            )
            table.append([float(best.mean()), float(scores[0].max()), *(float(score[-1]) for score in scores)])
            curves[f"{task}-{noise_std}"] = torch.stack(scores[:4])
    fall = torch.tensor(falls)
    values = torch.tensor(table)
    blur = TASKS.index("blur")
    record = Record(
        claims={
            "08-U4": formula,
            "08-U4b": float(fall[blur, 0]),
            "08-U6a": float(fall[:, 1:4].max()),
            "08-U6b": float((values[:, 0] - values[:, 6]).max()),
            "08-N1": float((values[:, 6] - values[:, 7]).min()),
        },
        arrays={"table": values, "tasks": list(TASKS), "noises": NOISES, "fixed": FIXED, **curves},
    )
    record.number("sequential-best-on-blur", float(values[blur, 1]), "dB", tolerance=0.1)
    record.number("sequential-last-on-blur", float(values[blur, 2]), "dB", tolerance=0.2)
    return record


def fixed_point(profile: str, seed: int, device: str) -> Record:
    """Exact proximal steps and one-step purification end at the posterior mean of a smoothed prior (claim U5)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "udig-dip", "fixed-point")
    covariance, law = signal_law()
    a = torch.randn(24, len(covariance), generator=generator, dtype=torch.float64) / len(covariance) ** 0.5
    x, noise_std = law.sample(20, generator), 0.05
    y = x @ a.T + noise_std * torch.randn(20, 24, generator=generator, dtype=torch.float64)
    eye, purifier = torch.eye(len(covariance), dtype=torch.float64), Purifier(law, by_channel=False)
    true = purified_fixed_point(x.new_zeros(len(covariance)), covariance, a, y, (noise_std / TINY) ** 2, TINY)
    errors, distances, radii = [], [], []
    for tau in TAUS:
        gain = torch.linalg.solve(a @ (covariance + tau**2 * eye) @ a.T + noise_std**2 * torch.eye(24).double(), y.T)
        posterior = ((covariance + tau**2 * eye) @ a.T @ gain).T  # Bayes' rule, written with the data's covariance
        radius = contraction(covariance, a, (noise_std / tau) ** 2, tau)
        rounds = min(math.ceil(math.log(1e-14) / math.log(radius)), 40 * settings.limit_rounds)
        end = guided(a, y, noise_std, [tau] * rounds, purifier, generator)[-1]
        errors.append(float((end - posterior).abs().max()))
        distances.append(float((posterior - true).square().mean().sqrt()))
        radii.append(radius)
    steps = torch.tensor(distances).diff()
    return Record(
        claims={"08-U5a": max(errors), "08-U5b": float(steps.min())},
        arrays={"taus": TAUS, "errors": errors, "distances": distances, "radii": radii},
    )


def norms(profile: str, seed: int, device: str) -> Record:
    """With norms in place of squares, ``|A| = 1`` and ``lambda = 1``, the best image is the input (claim U11)."""
    PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "udig-dip", "norms")
    a = torch.randn(24, 48, generator=generator, dtype=torch.float64)
    a = a / torch.linalg.matrix_norm(a, 2)
    z, y = (torch.randn(8, k, generator=generator, dtype=torch.float64) for k in (48, 24))
    size = z.norm(dim=1)
    start = z + torch.randn(z.shape, generator=generator, dtype=torch.float64)
    moved = {lam: float(((_least_norms(a, y, z, lam, start) - z).norm(dim=1) / size).max()) for lam in (1.0, 0.2)}
    squares = torch.linalg.solve(a.T @ a + torch.eye(48).double(), (y @ a + z).T).T
    record = Record(claims={"08-U11a": moved[1.0], "08-U11b": float(((squares - z).norm(dim=1) / size).min())})
    record.number("norms-move-with-lambda-0.2", moved[0.2], tolerance=0.01)
    return record


def _least_norms(a: Tensor, y: Tensor, z: Tensor, lam: float, x: Tensor, steps: int = 4_000) -> Tensor:
    """``argmin |A x - y| + lambda |x - z|`` by proximal gradient steps from ``x``."""
    for k in range(steps):
        residual = x @ a.T - y
        size = 0.5 / (1 + k / 100)
        moved = x - size * (residual / residual.norm(dim=1, keepdim=True)) @ a - z
        x = z + moved * (1 - size * lam / moved.norm(dim=1, keepdim=True).clamp_min(1e-30)).clamp_min(0)
    return x
