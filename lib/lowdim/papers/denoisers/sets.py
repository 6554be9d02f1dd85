"""Experiments on finite sets of points and on measurements: memorisation, and the posterior of a linear measurement."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.data.digits import load_digits
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.samplers import heun, initial_noise, last
from lowdim.distributions import Distribution, Empirical, Gaussian, MoLRG
from lowdim.papers.denoisers.models import add_noise, eight_dimensions
from lowdim.papers.denoisers.settings import PROFILES
from lowdim.papers.denoisers.theory import high_noise_gap, nearest_point_bound
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

STRIP_SIGMAS = (0.25, 0.5, 1.0, 2.0)


def memorisation(profile: str, seed: int, device: str) -> Record:
    """The denoiser of a finite set tends to the nearest point, and sampling with it returns the set (D11, D12)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "denoisers", "memorisation", device=device)
    cloud = eight_dimensions(seed, device)["points"]
    assert isinstance(cloud, Empirical)
    share = 0.0
    for sigma in (0.1, 0.2, 0.4):
        x = add_noise(cloud.sample(8 * settings.points, generator), 0.3, generator)
        nearest, bound = nearest_point_bound(cloud.points, x, sigma)
        distance = (cloud.denoise(x, sigma) - nearest).norm(dim=1)
        resolved = bound > 1e-8  # below, rounding is a visible share
        share = max(share, float((distance / bound)[resolved].max()))
    train, gaussian = digit_models(settings.training_images, device)
    noise = initial_noise((settings.memorised_samples, 64), 80.0, generator, dtype=torch.float64)
    copies, imagined = (last(heun(model, noise, edm_sigmas(24))) for model in (train, gaussian))
    record = Record(
        claims={"00-D11": share, "00-D12": copied_share(copies, train.points)},
        arrays={"copies": copies[:10], "imagined": imagined[:10], "nearest": nearest_of(copies[:10], train.points)},
    )
    record.number("gaussian-copied-share", copied_share(imagined, train.points), tolerance=0.0)
    return record


def digit_models(images: int, device: str) -> tuple[Empirical, Gaussian]:
    """The first ``images`` training digits, as a set of points in R^64 and as the Gaussian with their moments."""
    points = load_digits("train", dtype=torch.float64).images[:images].flatten(1).to(device)
    return Empirical(points), Gaussian.from_samples(points)


def nearest_of(x: Tensor, points: Tensor) -> Tensor:
    """The nearest of ``points`` to each row of ``x``."""
    return points[torch.cdist(x, points).argmin(dim=1)]


def copied_share(samples: Tensor, points: Tensor, tolerance: float = 1e-3) -> float:
    """Share of ``samples`` whose every entry is within ``tolerance`` of one training point."""
    return float(((samples - nearest_of(samples, points)).abs().amax(dim=1) < tolerance).double().mean())


def digits(profile: str, seed: int, device: str) -> Record:
    """Two denoisers with the same mean and covariance on real images: a Gaussian and a memory (claims D15, D16)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "denoisers", "digits", device=device)
    memory, gaussian = digit_models(settings.training_images, device)
    held_out = load_digits("test", dtype=torch.float64).images.flatten(1).to(device)
    sigmas = torch.logspace(-1, 1.5, settings.curve_levels, dtype=torch.float64)
    errors = {
        f"{name}_{split}": [mean_error(model, x0, sigma, generator) for sigma in sigmas.tolist()]
        for name, model in (("gaussian", gaussian), ("memory", memory))
        for split, x0 in (("train", memory.points[: len(held_out)]), ("test", held_out))
    }
    high = torch.tensor([20.0, 40.0, 80.0, 160.0], dtype=torch.float64)
    gaps = torch.tensor([relative_gap(memory, gaussian, held_out, s, generator) for s in high.tolist()])
    predicted = torch.tensor([high_noise_gap(memory.points, s) for s in high.tolist()])
    low = [mean_error(model, held_out, 0.25, generator) for model in (memory, gaussian)]
    clean = held_out[[3, 11]]
    noisy = torch.stack([add_noise(clean, sigma, generator) for sigma in STRIP_SIGMAS])
    record = Record(
        claims={"00-D15": float((gaps / predicted - 1).abs().max()), "00-D16": low[0] / low[1]},
        arrays={
            "sigmas": sigmas, "high": high, "gaps": gaps, "predicted": predicted, "clean": clean, "noisy": noisy,
            "by_gaussian": torch.stack([gaussian(x, s) for x, s in zip(noisy, STRIP_SIGMAS, strict=True)]),
            "by_memory": torch.stack([memory(x, s) for x, s in zip(noisy, STRIP_SIGMAS, strict=True)]),
            "spectrum": gaussian.eigenvalues, "neighbour": nearest_error(held_out, memory.points), **errors,
        },
    )  # fmt: skip
    record.number("largest-gain-of-memory", max_gain(errors), tolerance=0.02)
    return record


def nearest_error(x: Tensor, points: Tensor) -> float:
    """Mean squared distance to the nearest point, per pixel: what a memory does to a new image without noise."""
    return float((x - nearest_of(x, points)).square().mean())


def max_gain(errors: dict[str, list[float]]) -> float:
    """Largest share by which the memory's error on new images is below the Gaussian's, over noise levels."""
    return max(1 - a / b for a, b in zip(errors["memory_test"], errors["gaussian_test"], strict=True))


def mean_error(model: Distribution, x0: Tensor, sigma: float, generator: torch.Generator) -> float:
    """Mean squared error of ``model`` on ``x0`` with fresh noise, per pixel."""
    return float((model.denoise(add_noise(x0, sigma, generator), sigma) - x0).square().mean())


def relative_gap(first: Distribution, second: Gaussian, x0: Tensor, sigma: float, generator: torch.Generator) -> float:
    """``||first - second|| / ||second - mean||`` over noisy versions of ``x0``."""
    x = add_noise(x0, sigma, generator)
    guess = second.denoise(x, sigma)
    return float((first.denoise(x, sigma) - guess).norm() / (guess - second.mean()).norm())


def measured(profile: str, seed: int, device: str) -> Record:
    """The exact posterior mean under a linear measurement against brute force on a fine grid (claim D13)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "denoisers", "measured", device=device)
    mixture = eight_dimensions(seed, device)["mixture"]
    assert isinstance(mixture, MoLRG)
    worst = 0.0
    for rows, noise_std in ((1, 0.5), (2, 0.3), (5, 0.7)):
        operator = torch.randn(rows, 8, generator=generator, dtype=torch.float64, device=device) / 8**0.5
        for x0 in mixture.sample(min(3, settings.points), generator):
            y = add_noise(operator @ x0, noise_std, generator)
            exact = mixture.posterior(y, operator, noise_std).mean()
            worst = max(worst, float((exact - grid_posterior_mean(mixture, y, operator, noise_std)).abs().max()))
    return Record(claims={"00-D13": worst})


def grid_posterior_mean(mixture: MoLRG, y: Tensor, operator: Tensor, noise_std: float, half_width: int = 40) -> Tensor:
    """``E[x0 | y]`` by summing prior times likelihood over a grid in the coordinates of each component.

    The grid has ``2 half_width + 1`` points an axis, out to eight standard deviations of the prior. For an integrand
    this smooth the plain sum is exact to rounding.
    """
    axis = torch.linspace(-8, 8, 2 * half_width + 1, dtype=y.dtype, device=y.device)
    masses, moments = [], []
    for weight, mean, basis, spectrum in zip(
        mixture.weights, mixture.means, mixture.bases, mixture.eigenvalues, strict=True
    ):
        rank = len(spectrum)
        a = torch.cartesian_prod(*[axis] * rank).reshape(-1, rank)
        x0 = mean + (a * spectrum.sqrt()) @ basis.T
        misfit = (y - x0 @ operator.T).square().sum(1) / (2 * noise_std**2)
        cell = (axis[1] - axis[0]) / (2 * torch.pi) ** 0.5
        density = weight * cell**rank * torch.exp(-a.square().sum(1) / 2 - misfit)
        masses.append(density.sum())
        moments.append(density @ x0)
    return torch.stack(moments).sum(0) / torch.stack(masses).sum()
