"""Experiments on linear distillation: of the denoiser of a training set, of a mixture of subspaces, of a family."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.data.digits import load_digits
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.samplers import heun, initial_noise, last
from lowdim.distributions import Empirical, Gaussian, MoLRG
from lowdim.papers.hidden_gaussian.distil import AffineMap, distil, gaussian_map, weight_error
from lowdim.papers.hidden_gaussian.scores import noisy, root_mean_square
from lowdim.papers.hidden_gaussian.settings import PROFILES
from lowdim.papers.hidden_gaussian.smoothed import Smoothed
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

SIZES = (50, 300, 1200)
LEVELS = (0.15, 0.3, 0.6, 1.25, 2.5, 10.0)
DIAL = (0.0, 0.02, 0.1, 0.3, 0.6, 1.0)


def pick(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """``count`` of the images, drawn without replacement."""
    return images[torch.randperm(len(images), generator=generator)[:count]]


def floor(target: AffineMap, law: Gaussian, unexplained: float, pairs: int) -> float:
    """Expected weight error of a fit of a calibrated denoiser from so many independent pairs:

    ``E|D - D_G|^2 sum_i 1 / (lambda_i + sigma^2) / pairs / |W|_F^2``, the variance of least squares, residual taken
    independent of the input. ``unexplained`` is the residual's share of the variance of the denoised images.
    """
    values = torch.zeros(law.n, dtype=torch.float64)
    values[: law.rank] = law.eigenvalues
    noisy_variance = values + target.sigma**2
    residual = unexplained / max(1 - unexplained, 1e-12) * float((values.square() / noisy_variance).sum())
    return residual * float((1 / noisy_variance).sum()) / pairs / float(target.W.square().sum())


def distillation(profile: str, seed: int, device: str) -> Record:
    """The denoiser of N digits, distilled on those digits and on held-out ones (claims G4 and G5)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "distillation")
    images, test = (load_digits(split, torch.float64).images for split in ("train", "test"))
    on_set, off_set, expected, gap_on, gap_off = np.zeros((5, len(SIZES), len(LEVELS)))
    for i, size in enumerate(SIZES):
        training = pick(images, size, generator)
        exact, law = Empirical(training), Gaussian.from_samples(training)
        laws = (training, settings.pairs, "training images"), (test, settings.held_out_pairs, "held-out images")
        for j, sigma in enumerate(LEVELS):
            target = gaussian_map(training, sigma, "training images")
            fits = [
                distil(exact, data, sigma, generator, noises=-(-pairs // len(data)), inputs=name)
                for data, pairs, name in laws
            ]
            on_set[i, j], off_set[i, j] = (weight_error(fit, target) for fit in fits)
            y = noisy(test, sigma, generator)
            gaps = [root_mean_square(fit(y, sigma), target(y, sigma)) for fit in fits]
            gap_on[i, j], gap_off[i, j] = (float(gap.mean()) for gap in gaps)
            expected[i, j] = floor(target, law, fits[0].unexplained or 0.0, settings.pairs)
    at = LEVELS.index(0.3)
    record = Record(
        claims={
            "02-G4": float(on_set.max()),
            "02-G5a": float(off_set[0, at]),
            "02-G5b": float(off_set[0, at] / on_set[0, at]),
            "02-G5c": float((off_set[:-1, :3] / off_set[1:, :3]).min()),
        },
        arrays={"sizes": np.array(SIZES), "sigmas": np.array(LEVELS), "on_set": on_set, "off_set": off_set},
    )
    record.arrays |= {"floor": expected, "gap_on": gap_on, "gap_off": gap_off}
    ratio = on_set[:, :4] / expected[:, :4]
    record.number("on-set-over-floor", float(np.exp(np.log(ratio).mean())), tolerance=0.2)
    return record


def molrg(profile: str, seed: int, device: str) -> Record:
    """The exact denoiser of a mixture of three subspaces distils to the Gaussian of the average projector."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "molrg")
    law = MoLRG.random(24, (4, 4, 4), generator)
    average = sum(basis @ basis.T for basis in law.bases) / 3
    clean = law.sample(settings.molrg_points, generator)
    identity, errors = torch.eye(24, dtype=torch.float64), []
    for sigma in (0.3, 0.7, 1.5):
        fit = distil(law, clean, sigma, generator, inputs="the mixture itself")
        W = average @ torch.linalg.inv(average + sigma**2 * identity)
        errors.append(weight_error(fit, AffineMap(W, torch.zeros_like(fit.b), sigma, "")))
        if sigma == 0.7:
            shown, left = fit, fit.unexplained or 0.0
    gaussian = law.gaussian()
    sigmas = np.geomspace(0.1, 5.0, 23)
    fresh = law.sample(settings.molrg_points // 10, generator)
    exact_risk = np.array([_risk(law, fresh, float(sigma), generator) for sigma in sigmas])
    gaussian_risk = np.array([gaussian.mmse(float(sigma)) for sigma in sigmas])
    record = Record(
        claims={
            "02-G19a": max(errors),
            "02-G19b": float(sigmas[int((gaussian_risk - exact_risk).argmax())]),
        },
        arrays={"sigmas": sigmas, "exact_risk": exact_risk, "gaussian_risk": gaussian_risk},
    )
    record.number("unexplained-by-the-best-affine-map", left, tolerance=0.02)
    y, u = noisy(fresh[:400], 0.7, generator), law.bases[0][:, 0]
    record.arrays |= {
        "input": (y @ u).numpy(),
        "exact": (law(y, 0.7) @ u).numpy(),
        "slope": np.array(float(u @ shown.W @ u)),
        "slope_theory": np.array((1 / 3) / (1 / 3 + 0.7**2)),
    }
    return record


def _risk(denoiser: MoLRG, clean: Tensor, sigma: float, generator: torch.Generator) -> float:
    return float((denoiser(noisy(clean, sigma, generator), sigma) - clean).square().sum(1).mean())


def smoothed(profile: str, seed: int, device: str) -> Record:
    """The family between the denoiser of a training set and the Gaussian one: distilled, tested and sampled."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "smoothed")
    images, test = (load_digits(split, torch.float64).images for split in ("train", "test"))
    few, many = pick(images, 50, generator), pick(images, 300, generator)
    sigmas, errors, off = (0.3, 1.0), np.zeros((2, len(DIAL))), np.zeros((2, len(DIAL)))
    repeats = -(-settings.held_out_pairs // len(test))
    for j, h in enumerate(DIAL):
        member = Smoothed(few, h)
        clean = member.sample(settings.pairs, generator)
        for i, sigma in enumerate(sigmas):
            target = gaussian_map(few, sigma)
            errors[i, j] = weight_error(distil(member, clean, sigma, generator, inputs="the member's law"), target)
            off[i, j] = weight_error(distil(member, test, sigma, generator, noises=repeats), target)
    record = Record(claims={"02-G20a": float(errors.max())}, arrays={"dial": np.array(DIAL), "errors": errors})
    record.arrays["errors_off"] = off
    _dial_risk(many, test, generator, record)
    start = initial_noise((4, *few.shape[1:]), 80.0, generator).double()
    rows = [last(heun(Smoothed(few, h), start, edm_sigmas(settings.dial_steps))) for h in DIAL]
    distance = torch.cdist(torch.cat(rows).flatten(1), few.flatten(1)).min(1).values.view(len(DIAL), -1)
    record.arrays |= {"samples": torch.stack(rows, 1).float().numpy(), "distance": distance.numpy()}
    return record


def _dial_risk(training: Tensor, test: Tensor, generator: torch.Generator, record: Record) -> None:
    """Squared error on held-out and on training images over the dial."""
    dial, sigmas = np.array([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0]), (0.3, 0.6, 1.25)
    held_out, own = np.zeros((len(sigmas), len(dial))), np.zeros((len(sigmas), len(dial)))
    for i, sigma in enumerate(sigmas):
        pairs = [(x.repeat(4, 1, 1, 1), noisy(x.repeat(4, 1, 1, 1), sigma, generator)) for x in (test, training)]
        for j, h in enumerate(dial):
            member = Smoothed(training, float(h))
            held_out[i, j], own[i, j] = (float((member(y, sigma) - x).square().sum((1, 2, 3)).mean()) for x, y in pairs)
    at = sigmas.index(0.6)
    record.claims["02-G20b"] = float(held_out[at].min() / min(held_out[at, 0], held_out[at, -1]))
    record.number("best-h", float(dial[held_out[at].argmin()]), tolerance=0.2)
    record.arrays |= {"risk_dial": dial, "risk_sigmas": np.array(sigmas), "held_out": held_out, "own": own}
