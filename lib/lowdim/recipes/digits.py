"""The digits model: a small U-Net on the 8 x 8 handwritten digits of scikit-learn."""

from __future__ import annotations

import io

import torch
from torch import Tensor

from lowdim.data.digits import TRAIN_SIZE, load_digits
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.denoising.samplers import heun, initial_noise, last
from lowdim.denoising.weights import Scores
from lowdim.distributions import Empirical, Gaussian
from lowdim.profile import Profiles
from lowdim.recipes.recipe import Recipe, Training

SIGMA_DATA = 0.75  # of all pixels of the training digits, to two digits
LEVELS = (0.1, 0.3, 0.7, 1.5, 4.0)
STEPS = 18
SHEET = 10


def build(settings: Training) -> EDMDenoiser:
    """The untrained denoiser."""
    return EDMDenoiser(small_unet(8, settings.channels, 1), SIGMA_DATA)


def load() -> Tensor:
    """The training digits ``(1500, 1, 8, 8)``."""
    return load_digits("train").images


def score(denoiser: EDMDenoiser, settings: Training, generator: torch.Generator) -> tuple[Scores, dict[str, bytes]]:
    """Errors on held-out digits beside two exact denoisers of the training digits, what two classifiers make of
    samples, and a sheet of samples.
    """
    device = next(denoiser.parameters()).device
    samples = sample(denoiser, settings.samples, generator, device).cpu()
    tables = {
        "Mean squared error a pixel on held-out digits": _errors(denoiser, generator),
        "Samples": _sample_scores(samples),
    }
    return tables, {"samples.png": _sheet(samples[: SHEET**2])}


def sample(denoiser: Denoiser, count: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """``count`` samples ``(count, 1, 8, 8)`` by Heun's method on the levels of EDM."""
    sigmas = edm_sigmas(STEPS)
    start = initial_noise((count, 1, 8, 8), float(sigmas[0]), generator)
    return last(heun(denoiser, start.to(device), sigmas)).float()


def _errors(denoiser: EDMDenoiser, generator: torch.Generator) -> list[dict[str, str | float]]:
    train, test = load_digits("train", torch.float64).images, load_digits("test").images
    device = next(denoiser.parameters()).device
    rivals: dict[str, Denoiser] = {
        "this model": lambda x, sigma: denoiser(x.to(device), sigma).cpu(),
        "Gaussian with the training mean and covariance": Gaussian.from_samples(train),
        "training digits as the exact data": Empirical(train),
    }
    rows: list[dict[str, str | float]] = []
    for sigma in LEVELS:
        noisy = test + sigma * torch.randn(test.shape, generator=generator)
        row: dict[str, str | float] = {"sigma": sigma}
        for name, rival in rivals.items():
            with torch.no_grad():
                denoised = rival(noisy if name == "this model" else noisy.double(), sigma)
            row[name] = float((denoised - test).square().mean())
        rows.append(row)
    return rows


def _sample_scores(samples: Tensor) -> list[dict[str, str | float]]:
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    train, test = load_digits("train"), load_digits("test").images
    flat = train.images.flatten(1)
    judges = [judge.fit(flat, train.labels) for judge in (SVC(), KNeighborsClassifier(3))]
    rows: list[dict[str, str | float]] = []
    for name, images in {"samples": samples, "held-out digits": test}.items():
        one, two = (torch.from_numpy(judge.predict(images.flatten(1))) for judge in judges)
        classes = torch.bincount(one, minlength=10) / len(one)
        nearest = torch.cdist(images.flatten(1), flat).min(1).values.median()
        rows.append(
            {
                "": f"{len(images)} {name}",
                "share on which an SVM and 3 nearest neighbours agree": float((one == two).double().mean()),
                "rarest class's share": float(classes.min()),
                "median distance to the nearest training digit": float(nearest),
            }
        )
    return rows


def _sheet(samples: Tensor, scale: int = 5) -> bytes:
    """The samples as a PNG, ten in a row, each pixel ``scale`` pixels wide."""
    from PIL import Image

    tiles = samples.clamp(-1, 1).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    tiles = torch.nn.functional.pad(tiles, [scale] * 4, value=0.0)
    rows = [torch.cat(list(row[:, 0]), 1) for row in tiles.split(SHEET) if len(row) == SHEET]
    file = io.BytesIO()
    Image.fromarray(((torch.cat(rows) + 1) * 127.5).round().byte().numpy()).save(file, "PNG")
    return file.getvalue()


_SHIPPED = Training(channels=(16, 32), steps=2000, batch=128, samples=1000, P_mean=-0.4, P_std=1.3, every=250)
_LARGER = Training(channels=(32, 64), steps=4000, batch=256, samples=1000, P_mean=-0.4, P_std=1.3, every=250)

RECIPE = Recipe(
    name="digits",
    description="A denoiser of 8 x 8 handwritten digits: a diffusers U-Net without attention, EDM preconditioning.",
    data=f"the first {TRAIN_SIZE} of scikit-learn's 1797 digits, grey levels as -1 to 1; the other 297 are held out",
    licence="weights: MIT; data: CC BY 4.0, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository",
    profiles=Profiles(
        smoke=Training(channels=(8, 16), steps=10, batch=16, samples=20, warm_up=2, every=4),
        quick=_SHIPPED,
        study=_LARGER,
        full=_LARGER,
    ),
    load=load,
    build=build,
    score=score,
)
