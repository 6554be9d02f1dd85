"""Experiments on exact denoisers of digits: high and low noise, risk, linearity score, agreement of moments."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.data.digits import load_digits
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.samplers import initial_noise
from lowdim.distributions import Empirical, Gaussian
from lowdim.papers.hidden_gaussian.distil import gaussian_map
from lowdim.papers.hidden_gaussian.distilled import pick
from lowdim.papers.hidden_gaussian.scores import (
    LinearityScore,
    centred_cosine,
    gl_score,
    in_blocks,
    linearity_score,
    noisy,
    root_mean_square,
)
from lowdim.papers.hidden_gaussian.settings import PROFILES
from lowdim.papers.hidden_gaussian.theory import (
    affine_risk,
    gaussian_flow,
    moment_cosine,
    nearest_risk,
    offset_defect,
    skewness,
)
from lowdim.profile import check_device, check_profile
from lowdim.record import Record
from lowdim.seeding import make_generator


def _digits() -> tuple[Tensor, Tensor]:
    train, test = (load_digits(split, torch.float64).images for split in ("train", "test"))
    return train, test


def _squared_error(u: Tensor, v: Tensor) -> float:
    return float((u - v).square().sum((1, 2, 3)).mean())


def high_noise(profile: str, seed: int, device: str) -> Record:
    """The denoiser of 1200 digits against the Gaussian one as the noise grows, beside the skewness of the data."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "high-noise")
    points = pick(_digits()[0], 1200, generator)
    exact, law = Empirical(points), Gaussian.from_samples(points)
    sigmas = np.array([0.3, 0.6, 1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0])
    mean, root = [], []
    for sigma in sigmas:
        y = noisy(points.repeat(settings.risk_noises, 1, 1, 1), float(sigma), generator)
        distance = root_mean_square(in_blocks(exact, y, float(sigma)), law(y, float(sigma)))
        mean.append(float(distance.mean()))
        root.append(float(distance.square().mean().sqrt()))
    line = skewness(points) / (2 * law.n) ** 0.5 / sigmas**2
    at = list(sigmas)
    return Record(
        claims={"02-G6a": mean[at.index(5.0)] / mean[at.index(10.0)], "02-G6b": root[-1] / float(line[-1])},
        arrays={"sigmas": sigmas, "rmse": np.array(mean), "root": np.array(root), "line": line},
    )


def low_noise(profile: str, seed: int, device: str) -> Record:
    """What the Gaussian denoiser of few images does to new ones as the noise vanishes: it projects on their span."""
    check_profile(profile)
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "low-noise")
    images, test = _digits()
    sizes, sigmas = (20, 50, 200, 1500), np.geomspace(0.002, 2.0, 16)
    curves, limits = np.zeros((len(sizes), len(sigmas))), []
    for i, size in enumerate(sizes):
        law = Gaussian.from_samples(pick(images, size, generator))
        for j, sigma in enumerate(sigmas):
            y = noisy(test, float(sigma), generator)
            curves[i, j] = float(root_mean_square(y, law(y, float(sigma))).mean())
        off = (test - law.mean()).flatten(1)
        off = off - off @ law.basis @ law.basis.T
        limits.append(float(off.square().mean(1).sqrt().mean()))
    return Record(
        claims={
            "02-G16a": curves[0, 0] / limits[0],
            "02-G16b": curves[1, 0] / limits[1],
            "02-G16c": curves[3, 0],
        },
        arrays={"sizes": np.array(sizes), "sigmas": sigmas, "curves": curves, "limits": np.array(limits)},
    )


def risk(profile: str, seed: int, device: str) -> Record:
    """Training and held-out error of the denoiser of 300 digits and of the Gaussian one; Pythagoras (claim G7)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "risk")
    images, test = _digits()
    training = pick(images, 300, generator)
    exact, law = Empirical(training), Gaussian.from_samples(training)
    sigmas = np.array([0.05, 0.1, 0.15, 0.3, 0.6, 1.25, 2.5, 5.0, 10.0])
    curves: dict[str, list[float]] = {name: [] for name in ("exact_train", "gauss_train", "exact_test", "gauss_test")}
    distance = []
    for sigma in map(float, sigmas):
        for name, clean in (("train", training), ("test", test)):
            x = clean.repeat(settings.pythagoras_noises, 1, 1, 1)
            y = noisy(x, sigma, generator)
            both = in_blocks(exact, y, sigma), law(y, sigma)
            curves[f"exact_{name}"].append(_squared_error(both[0], x))
            curves[f"gauss_{name}"].append(_squared_error(both[1], x))
            if name == "train":
                distance.append(_squared_error(*both))
    table = {name: np.array(values) for name, values in curves.items()}
    sides = table["gauss_train"], table["exact_train"] + np.array(distance)
    middle = (sigmas >= 0.15) & (sigmas <= 0.6)
    record = Record(
        claims={
            "02-G7": float(np.abs(sides[1] / sides[0] - 1)[2:8].max()),
            "02-G7b": float((table["exact_test"] / table["gauss_test"])[middle].min()),
            "02-G23": gl_score(test, pick(images, 1200, generator)),
        },
        arrays={"sigmas": sigmas, "distance": np.array(distance), **table},
    )
    _risk_lines(training, test, law, record)
    centred = gl_score(test, pick(images, 1200, generator), images.mean(0))
    record.number("gl-of-held-out-digits-centred", centred, tolerance=0.02)
    return record


def _risk_lines(training: Tensor, test: Tensor, law: Gaussian, record: Record) -> None:
    """The closed forms behind the measured errors of the Gaussian denoiser, and how far the points are off."""
    fine = np.geomspace(0.05, 10, 60)
    maps = [gaussian_map(training, float(sigma)) for sigma in fine]
    record.arrays |= {
        "fine": fine,
        "gauss_train_line": np.array([law.mmse(float(sigma)) for sigma in fine]),
        "gauss_test_line": np.array([affine_risk(found, test) for found in maps]),
        "nearest": np.array(nearest_risk(test, training)),
    }
    lines = np.array([affine_risk(gaussian_map(training, float(sigma)), test) for sigma in record["sigmas"]])
    residual = float(np.abs(record["gauss_test"] / lines - 1).max())
    record.number("gaussian-risk-residual", residual, tolerance=0.02)


def linearity(profile: str, seed: int, device: str) -> Record:
    """Linearity scores of exact denoisers, raw and centred (claim G8)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "linearity")
    images = _digits()[0]
    law, few = Gaussian.from_samples(images), pick(images, 20, generator)
    sigmas = np.array([0.1, 0.2, 0.3, 0.5, 0.8, 1.25, 2.0, 3.5, 6.0, 10.0, 20.0, 40.0, 80.0])

    def curve(denoiser: Denoiser, data: Tensor, centre: Tensor | None) -> np.ndarray:
        scores: list[LinearityScore] = [
            linearity_score(denoiser, data, float(sigma), generator, centre=centre, pairs=settings.score_pairs)
            for sigma in sigmas
        ]
        return np.array([(score.cosine, score.nmse) for score in scores]).T

    raw, centred = curve(law, images, None), curve(law, images, law.mean())
    remembered = Empirical(few)
    raw_few, centred_few = curve(remembered, few, None), curve(remembered, few, remembered.mean())
    line = np.array([offset_defect(law, gaussian_map(images, float(sigma))) for sigma in sigmas])
    return Record(
        claims={
            "02-G8a": float(raw[1, -1]),
            "02-G8b": float(raw[0].min()),
            "02-G8c": float(max(centred[1].max(), (1 - centred[0]).max())),
            "02-G8d": float(raw_few[0].min() - centred_few[0].min()),
            "02-G8e": float(np.abs(raw[1] / line - 1).max()),
        },
        arrays={"sigmas": sigmas, "raw": raw, "centred": centred, "raw_few": raw_few, "centred_few": centred_few}
        | {"line": line},
    )


def moments(profile: str, seed: int, device: str) -> Record:
    """Gaussian samples from the same noise with the moments of disjoint sets (claim G15)."""
    settings = PROFILES[profile]
    check_device(device)
    generator = make_generator(seed, "hidden-gaussian", "moments")
    images = _digits()[0]
    centre, sizes = images.mean(0), (8, 16, 32, 64, 128, 256, 512)
    measured, predicted = np.zeros((len(sizes), settings.moment_pairs)), np.zeros((len(sizes), settings.moment_pairs))
    start = initial_noise((256, *images.shape[1:]), 80.0, generator).double()
    pictures = []
    for i, size in enumerate(sizes):
        for j in range(settings.moment_pairs):
            halves = pick(images, 2 * size, generator).split(size)
            laws = [Gaussian.from_samples(half) for half in halves]
            samples = [gaussian_flow(law, start, 80.0, 0.002) for law in laws]
            measured[i, j] = float(centred_cosine(samples[0], samples[1], centre).mean())
            predicted[i, j] = moment_cosine(laws[0], laws[1], centre)
            if j == 0 and size in (8, 32, 128, 512):
                pictures += [sample[:8] for sample in samples]
    mean = dict(zip(sizes, measured.mean(1), strict=True))
    record = Record(
        claims={
            "02-G15a": mean[16],
            "02-G15b": mean[64],
            "02-G15c": mean[512],
            "02-G15d": float(np.abs(measured.mean(1) - predicted.mean(1)).max()),
        },
        arrays={"sizes": np.array(sizes), "measured": measured, "predicted": predicted},
    )
    record.arrays["samples"] = torch.stack(pictures).float().numpy()
    return record
