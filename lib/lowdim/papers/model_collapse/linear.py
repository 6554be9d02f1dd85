"""Experiments on the linear denoising autoencoder: closed forms, collapse, threshold, real data, finite samples."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lowdim.papers.model_collapse import theory
from lowdim.papers.model_collapse.autoencoder import descend, self_consume
from lowdim.papers.model_collapse.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

SIGMA = 0.5
VARIANCE = 4.0
DIMENSION, SAMPLES = 8, 2000
RATIOS = (0.05, 0.1, 0.25, 0.5)
NOISES = (1.0, 1.4, 1.5, 2.0)
"""Generation noise over training noise; the threshold is at the square root of 2."""


def draw(variances: Tensor, runs: int, n: int, generator: torch.Generator) -> Tensor:
    """Gaussian samples (runs, d, n) with independent coordinates of the given variances (d,)."""
    x = torch.randn(runs, len(variances), n, generator=generator, dtype=torch.float64)
    return variances.sqrt()[:, None] * x


def gains(maps: list[Tensor]) -> Tensor:
    """Eigenvalues (rounds, runs, d) of maps (runs, d, d), largest first."""
    return torch.linalg.eigvalsh(torch.stack(maps)).flip(-1)


def linear_dae(profile: str, seed: int, device: str) -> Record:
    """The trained two-layer autoencoder against its closed form: full width, narrow, with weight decay."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "model-collapse", "linear-dae")
    s = torch.tensor([3.0, 2.0, 1.2, 0.8, 0.3, 0.15], dtype=torch.float64)
    basis = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64)).Q
    moment, sigma = (basis * s) @ basis.T, 0.7
    cases = {"03-R2a": (6, 0.0), "03-R2b": (3, 0.0), "03-R2c": (6, 0.4)}
    record, measured, predicted = Record(), [], []
    for claim, (width, decay) in cases.items():
        found = descend(moment, sigma, width, generator, settings.descent_steps, decay)
        exact = theory.dae_map(moment, sigma, width, decay)
        record.claims[claim] = float(torch.linalg.matrix_norm(found - exact, 2))
        measured.append((basis.T @ found @ basis).diagonal())
        predicted.append((basis.T @ exact @ basis).diagonal())
    record.claims["03-R2d"] = float(measured[-1][s <= 0.4].abs().max())
    record.arrays |= {
        "variances": s.numpy(),
        "measured": torch.stack(measured).numpy(),
        "predicted": torch.stack(predicted).numpy(),
    }
    return record


def collapse(profile: str, seed: int, device: str) -> Record:
    """Trained on its own output: the norm against recursion and bound, the two phases, the order of directions."""
    runs = PROFILES[profile].collapse_runs
    check_device(device)
    generator = make_generator(seed, "model-collapse", "collapse")
    equal = torch.full((DIMENSION,), VARIANCE, dtype=torch.float64)
    norms = gains([r.map for r in self_consume(draw(equal, runs, SAMPLES, generator), SIGMA, SIGMA, 30, generator)])
    norms = norms[..., 0]  # (rounds, runs)
    path = theory.collapse_path(torch.tensor(VARIANCE, dtype=torch.float64), SIGMA, SIGMA, 30)
    exact, bound = theory.dae_gain(path, SIGMA), theory.collapse_bound(VARIANCE, SIGMA, 30)
    record = Record(
        claims={
            "03-R3a": float((norms / bound[:, None]).max()),
            "03-R3b": float(norms[27].max()),
            "03-R3c": float((norms.mean(1) - exact)[:15].abs().max()),
        },
        arrays={"norms": norms.numpy(), "exact": exact.numpy(), "bound": bound.numpy()},
    )
    _phases(runs, generator, record)
    _spectrum(runs, generator, record)
    return record


def _phases(runs: int, generator: torch.Generator, record: Record) -> None:
    """Loss of variance a round far above the noise, and the exponent of the decay far below it."""
    high = torch.full((DIMENSION,), 64 * SIGMA**2, dtype=torch.float64)
    moments = [r.moment for r in self_consume(draw(high, runs, SAMPLES, generator), SIGMA, SIGMA, 33, generator)]
    mean = torch.stack([moment.diagonal(dim1=-2, dim2=-1).mean() for moment in moments])
    record.claims["03-R3d"] = float((mean[0] - mean[-1]) / 32 / SIGMA**2)
    path = theory.collapse_path(torch.tensor(VARIANCE, dtype=torch.float64), SIGMA, SIGMA, 40)
    a = theory.dae_gain(path, SIGMA)
    at = int((a < 1e-3).nonzero()[0])
    record.claims["03-R3e"] = float(a[at + 1].log() / a[at].log())
    record.arrays |= {"linear_phase": mean.numpy(), "path": path.numpy()}


def _spectrum(runs: int, generator: torch.Generator, record: Record) -> None:
    """Unequal variances: how many gains are above one half, and when each falls below it."""
    variances = torch.linspace(0.5, VARIANCE, DIMENSION, dtype=torch.float64).flip(0)
    found = gains([r.map for r in self_consume(draw(variances, runs, SAMPLES, generator), SIGMA, SIGMA, 30, generator)])
    rank = (found > 0.5).sum(-1)
    record.claims["03-R4a"] = float((rank.diff(dim=0) > 0).sum(0).max())
    exact = theory.dae_gain(theory.collapse_path(variances, SIGMA, SIGMA, 30), SIGMA)
    falls = torch.stack([_crossing(found[:, run]) for run in range(runs)]).mean(0)
    predicted = _crossing(exact)
    record.claims["03-R4b"] = float((falls - predicted).abs().max())
    record.arrays |= {
        "variances": variances.numpy(),
        "spectrum": found.mean(1).numpy(),
        "spectrum_exact": exact.numpy(),
        "falls": falls.numpy(),
        "falls_exact": predicted.numpy(),
        "rank": rank.double().mean(1).numpy(),
    }


def _crossing(curves: Tensor) -> Tensor:
    """The rounds (d,), interpolated, in which falling curves (rounds, d) pass one half."""
    after = (curves < 0.5).int().argmax(0).clamp(min=1)
    low, high = curves.gather(0, after[None])[0], curves.gather(0, after[None] - 1)[0]
    return after + (high - 0.5) / (high - low)  # rounds count from 1


def noise_threshold(profile: str, seed: int, device: str) -> Record:
    """Generation noise below and above the threshold, and starts below and above the unstable point."""
    runs = PROFILES[profile].collapse_runs
    check_device(device)
    generator = make_generator(seed, "model-collapse", "noise-threshold")
    equal = torch.full((DIMENSION,), VARIANCE, dtype=torch.float64)
    norms, means, paths = [], [], []
    for ratio in NOISES:
        rounds = list(self_consume(draw(equal, runs, SAMPLES, generator), SIGMA, ratio * SIGMA, 61, generator))
        norms.append(gains([r.map for r in rounds])[..., 0])
        means.append(torch.stack([r.moment.diagonal(dim1=-2, dim2=-1).mean(-1) for r in rounds]))
        paths.append(theory.collapse_path(equal[0], SIGMA, ratio * SIGMA, 61))
    norm, mean, path = torch.stack(norms), torch.stack(means), torch.stack(paths)
    change = (mean[:, -1] - mean[:, 0]).mean(-1) / (path[:, -1] - path[:, 0])
    record = Record(
        claims={
            "03-R5a": float(norm[0, 59].max()),
            "03-R5b": float(change[1]),
            "03-R5c": float(norm[2:, 59].min()),
            "03-R5d": float((mean[3, -1] - mean[3, 0]).mean() / 60 / (2 * SIGMA**2)),
        },
        arrays={"noises": NOISES, "norms": norm.numpy(), "means": mean.numpy(), "paths": path.numpy()},
    )
    _unstable(runs, generator, record)
    return record


def _unstable(runs: int, generator: torch.Generator, record: Record) -> None:
    noise = 1.5 * SIGMA
    point = theory.unstable_point(SIGMA, noise)
    right, curves = [], []
    for factor in (0.5, 2.0):
        start = torch.full((DIMENSION,), factor * point, dtype=torch.float64)
        rounds = list(self_consume(draw(start, runs, SAMPLES, generator), SIGMA, noise, 61, generator))
        mean = torch.stack([r.moment.diagonal(dim1=-2, dim2=-1).mean(-1) for r in rounds])
        right.append((mean[-1] < mean[0]) == (factor < 1))
        curves.append(mean)
    record.claims["03-R5e"] = float(torch.stack(right).double().mean())
    record.arrays |= {"unstable": point, "around": torch.stack(curves).numpy()}


def real_data(profile: str, seed: int, device: str) -> Record:
    """A share of real samples in every round: the level at which the norm stays, and the bound below it."""
    runs = PROFILES[profile].collapse_runs
    check_device(device)
    generator = make_generator(seed, "model-collapse", "real-data")
    real = torch.full((DIMENSION,), VARIANCE, dtype=torch.float64)
    levels, worst = [], math.inf
    for ratio in RATIOS:
        x = draw(real, runs, SAMPLES, generator)
        found = gains([r.map for r in self_consume(x, SIGMA, SIGMA, 60, generator, ratio=ratio)])
        bound = theory.mixed_bound(real[0], SIGMA, ratio)
        worst = min(worst, float((found / bound).min()))
        levels.append(found.mean(-1))
    level = torch.stack(levels)
    limits = torch.stack([theory.dae_gain(theory.mixed_limit(real[0], SIGMA, ratio), SIGMA) for ratio in RATIOS])
    error = (level[:, -10:].mean((1, 2)) / limits - 1).abs()
    return Record(
        claims={
            "03-R6a": float(error[1:].max()),
            "03-R6b": float(error[0]),
            "03-R6c": worst,
            "03-R6d": max(_contraction(ratio) for ratio in RATIOS),
        },
        arrays={
            "ratios": RATIOS,
            "levels": level.numpy(),
            "limits": limits.numpy(),
            "bounds": torch.stack([theory.mixed_bound(real[0], SIGMA, ratio) for ratio in RATIOS]).numpy(),
            "paths": torch.stack([_mixed_path(real[0], ratio, 60) for ratio in RATIOS]).numpy(),
        },
    )


def _mixed_path(start: Tensor, ratio: float, rounds: int) -> Tensor:
    """Gains (rounds, ...) of the exact recursion with real data of variance :data:`VARIANCE`."""
    m, found = start, []
    for _ in range(rounds):
        found.append(theory.dae_gain(m, SIGMA))
        m = theory.mixed_step(m, torch.tensor(VARIANCE, dtype=torch.float64), SIGMA, ratio)
    return torch.stack(found)


def _contraction(ratio: float) -> float:
    """Largest ratio of successive distances from the limit over :math:`1-\\rho`, from three starts."""
    real = torch.tensor(VARIANCE, dtype=torch.float64)
    limit, m = theory.mixed_limit(real, SIGMA, ratio), torch.tensor([0.01, 1.0, 40.0], dtype=torch.float64)
    worst = 0.0
    for _ in range(20):
        following = theory.mixed_step(m, real, SIGMA, ratio)
        far = (m - limit).abs() > 1e-6
        shrink = ((following - limit) / (m - limit)).abs()[far]
        worst = max(worst, float(shrink.max()) / (1 - ratio)) if bool(far.any()) else worst
        m = following
    return worst


def finite_sample(profile: str, seed: int, device: str) -> Record:
    """The bound for finitely many samples, drawn over its runs."""
    runs = PROFILES[profile].bound_runs
    check_device(device)
    generator = make_generator(seed, "model-collapse", "finite-sample")
    n, rounds = 200, 30
    x = draw(torch.full((DIMENSION,), 0.5, dtype=torch.float64), runs, n, generator)
    s1 = torch.linalg.matrix_norm(x, 2).square() / n
    noise = 0.9 * SIGMA**2 / (theory.bound_noise_factor(DIMENSION, n) * s1.sqrt())
    norm = gains([r.map for r in self_consume(x, SIGMA, noise, rounds, generator)])[..., 0].T
    bound = theory.finite_sample_bound(s1, SIGMA, noise, DIMENSION, n, rounds)
    return Record(
        claims={
            "03-R7a": float((norm > bound).sum()),
            "03-R7b": float((bound[:, 3] / norm[:, 3]).log10().median()),
        },
        arrays={"norms": norm.numpy(), "bounds": bound.numpy()},
    )
