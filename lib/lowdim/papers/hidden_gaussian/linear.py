"""Experiments on the linear denoiser: the minimiser, how gradient descent finds it, and sampling with it."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lowdim.data.digits import load_digits
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.samplers import heun, initial_noise, last
from lowdim.distributions import Gaussian
from lowdim.papers.hidden_gaussian.descent import fit_by_adam, problem
from lowdim.papers.hidden_gaussian.distil import gaussian_map, weight_error
from lowdim.papers.hidden_gaussian.pictures import face_images
from lowdim.papers.hidden_gaussian.scores import noisy
from lowdim.papers.hidden_gaussian.settings import PROFILES
from lowdim.papers.hidden_gaussian.theory import active_modes, effective_dimension, euler_gains, gaussian_flow
from lowdim.profile import check_device, check_profile
from lowdim.record import Record
from lowdim.seeding import make_generator

DESCENT_SIGMA = 0.5
SHOWN_MODES = (0, 2, 7, 19, 39)
STRIP = (20.0, 5.0, 2.5, 1.25, 0.6, 0.3, 0.15, 0.05)


def best_linear(profile: str, seed: int, device: str) -> Record:
    """Theorem 1 on the digits: the minimiser, its error, gradient descent component by component, and Adam."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "best-linear")
    images = load_digits("train", torch.float64).images
    record = Record(claims={"02-G1a": _largest_error(images), "02-G2b": _step_limit(images)})
    adam = fit_by_adam(images.float(), 1.0, settings.adam_steps, generator)
    record.claims["02-G1b"] = weight_error(adam, gaussian_map(images, 1.0))
    _descent(images, generator, record)
    _risk(images, settings.risk_noises, generator, record)
    return record


def _largest_error(images: Tensor) -> float:
    """Normal equations of the population loss against the closed form, ten levels of EDM."""
    errors = []
    for sigma in edm_sigmas(10)[:-1].tolist():
        solved, closed = problem(images, sigma).solve(), gaussian_map(images, sigma)
        errors += [weight_error(solved, closed) ** 0.5, float((solved.b - closed.b).norm() / closed.b.norm())]
    return max(errors)


def _step_limit(images: Tensor) -> float:
    """Growth of the error, in orders of magnitude, just above the largest step size minus that just below."""
    task = problem(images, 1.0)
    best = torch.linalg.solve(task.H, task.target.T).T
    growth = []
    for share in (1.01, 0.99):
        errors = [float((both - best).norm()) for both in task.descend(share * task.largest_rate, 2000)]
        growth.append(math.log10(errors[-1] / errors[0]))
    return growth[0] - growth[1]


def _descent(images: Tensor, generator: torch.Generator, record: Record) -> None:
    """The error of each principal component over steps, on centred data."""
    law = Gaussian.from_samples(images)
    task = problem(images - images.mean(0), DESCENT_SIGMA)
    rate = 0.4 * task.largest_rate
    start = torch.randn(task.target.shape, generator=generator, dtype=torch.float64) / 8
    goal = task.solve().W
    errors = torch.stack([
        (law.basis.T @ (both[:, :-1] - goal) @ law.basis).diagonal() for both in task.descend(rate, 1000, start)
    ])  # fmt: skip
    sizes = errors.abs() / errors[0].abs()
    steps = (sizes > 1e-6).sum(0) - 1  # the last step at which six digits are left
    measured = 1 - sizes.gather(0, steps[None])[0] ** (1 / steps)
    predicted = 2 * rate * (law.eigenvalues + DESCENT_SIGMA**2)
    record.claims["02-G2a"] = float((measured / predicted - 1).abs().max())
    shown = [i for i in SHOWN_MODES if i < law.rank]
    record.arrays |= {
        "decay": sizes[:, shown].numpy(),
        "decay_rates": predicted[shown].numpy(),
        "decay_modes": np.array(shown),
        "rates_measured": measured.numpy(),
        "rates_predicted": predicted.numpy(),
        "eigenvalues": law.eigenvalues.numpy(),
    }
    slowest, fastest = float(predicted[-1]), float(predicted[0])
    record.number("rate-ratio", fastest / slowest, tolerance=0.01 * fastest / slowest)


def _risk(images: Tensor, noises: int, generator: torch.Generator, record: Record) -> None:
    """Measured squared error of the linear denoiser beside its closed form."""
    law = Gaussian.from_samples(images)
    sigmas = np.geomspace(0.1, 20, 10)
    measured = []
    for sigma in sigmas:
        repeated = images.repeat(noises, 1, 1, 1)
        denoised = law(noisy(repeated, float(sigma), generator), float(sigma))
        measured.append(float((denoised - repeated).square().sum((1, 2, 3)).mean()))
    closed = np.array([law.mmse(float(sigma)) for sigma in sigmas])
    record.claims["02-G1c"] = float(np.abs(np.array(measured) / closed - 1).max())
    record.arrays |= {"sigmas": sigmas, "risk": np.array(measured), "risk_closed": closed}


def gaussian_path(profile: str, seed: int, device: str) -> Record:
    """Equation 7: the sampler of the Gaussian model against its closed form, and the order in which details appear."""
    check_profile(profile)
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "gaussian-flow")
    law = Gaussian.from_samples(load_digits("train", torch.float64).images)
    start = initial_noise((16, *law.event_shape), 80.0, generator, dtype=torch.float64)
    exact = gaussian_flow(law, start, 80.0, 0.002)
    size = (exact - law.mean()).flatten(1).norm(dim=1)
    counts = (100, 200, 400)
    errors = []
    for count in counts:
        found = last(heun(law, start, edm_sigmas(count + 1)[:-1]))
        errors.append(float(((found - exact).flatten(1).norm(dim=1) / size).max()))
    grid = edm_sigmas(10)
    small = torch.tensor([100.0, 1.0, 0.01], dtype=torch.float64)
    euler = euler_gains(small, grid) / (small / (small + 80.0**2)).sqrt()
    record = Record(
        claims={
            "02-G3a": errors[1],
            "02-G3b": math.log2(errors[0] / errors[2]) / 2,
            "02-G3c": float(euler[2]),
        },
        arrays={"steps": np.array(counts), "errors": np.array(errors), "euler_gains": euler.numpy()},
    )
    for name, value in zip(("100", "1", "0.01"), euler, strict=True):
        record.number(f"euler-gain-{name}", float(value), tolerance=1e-6)
    _switching(law, start, record)
    _strip(profile, seed, record)
    return record


def _switching(law: Gaussian, start: Tensor, record: Record) -> None:
    """Share of its final energy that each denoised component has along the path, and where it is one half."""
    sigmas = edm_sigmas(201)[:-1]
    path = torch.stack([(step.denoised - law.mean()).flatten(1) @ law.basis for step in heun(law, start, sigmas)])
    energy = path.square().mean(1)  # over samples: (levels, components)
    share = (energy / energy[-1]).numpy()
    levels = np.log(sigmas.numpy())
    count = 20
    half = np.array([np.exp(np.interp(0.5, share[:, i], levels)) for i in range(count)])
    ratio = half / law.eigenvalues[:count].sqrt().numpy()
    record.claims["02-G3d"] = float(np.maximum(ratio, 1 / ratio).max())
    shown = [0, 4, 19, 39]
    record.arrays |= {
        "levels": sigmas.numpy(),
        "share": share[:, shown],
        "shown": np.array(shown),
        "half": half,
        "eigenvalues": law.eigenvalues.numpy(),
        "active": active_modes(law.eigenvalues, sigmas).numpy(),
    }
    record.number("effective-dimension-digits", effective_dimension(law.eigenvalues), tolerance=1e-6)


def _strip(profile: str, seed: int, record: Record) -> None:
    """One path of the Gaussian model of faces: the noisy image, what is decided, and the count of active modes."""
    images = face_images(PROFILES[profile].face_points, seed, "gaussian-flow").double()
    law = Gaussian.from_samples(images)
    start = initial_noise((3, *law.event_shape), 80.0, make_generator(seed, "hidden-gaussian", "strip")).double()
    points = [gaussian_flow(law, start, 80.0, sigma) for sigma in STRIP]
    noisy_views = [(x / (1 + sigma**2) ** 0.5)[0] for x, sigma in zip(points, STRIP, strict=True)]
    record.arrays |= {
        "strip_levels": np.array(STRIP),
        "strip_noisy": torch.stack(noisy_views).float().numpy(),
        "strip_denoised": torch.stack([law(x, sigma) for x, sigma in zip(points, STRIP, strict=True)], 1)
        .float()
        .numpy(),
        "strip_active": active_modes(law.eigenvalues, torch.tensor(STRIP, dtype=torch.float64)).numpy(),
        "face_active": active_modes(law.eigenvalues, edm_sigmas(201)[:-1]).numpy(),
    }
    record.number("effective-dimension-faces", effective_dimension(law.eigenvalues), tolerance=1.0)
