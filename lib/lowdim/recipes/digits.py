"""The digits model: a small U-Net on the 8 x 8 handwritten digits of scikit-learn."""

from __future__ import annotations

import torch
from torch import Tensor

from lowdim.data.digits import TRAIN_SIZE, load_digits
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.denoising.weights import save_model
from lowdim.distributions import Empirical, Gaussian
from lowdim.model_store import Scores
from lowdim.profile import Profiles
from lowdim.recipes.denoisers import DenoiserTraining, loss_on_images, sample, sheet
from lowdim.recipes.recipe import Recipe
from lowdim.training.loop import LossStep

SIGMA_DATA = 0.75  # of all pixels of the training digits, to two digits
LEVELS = (0.1, 0.3, 0.7, 1.5, 4.0)


def build(settings: DenoiserTraining) -> EDMDenoiser:
    """The untrained denoiser."""
    return EDMDenoiser(small_unet(8, settings.channels, 1), SIGMA_DATA)


def loss(settings: DenoiserTraining, device: torch.device) -> LossStep:
    """The loss on the 1500 training digits."""
    return loss_on_images(load_digits("train").images.to(device), settings)


def score(
    denoiser: EDMDenoiser, settings: DenoiserTraining, generator: torch.Generator
) -> tuple[Scores, dict[str, bytes]]:
    """Errors on held-out digits beside two exact denoisers of the training digits, what two classifiers make of
    samples, and a sheet of samples.
    """
    device = next(denoiser.parameters()).device
    samples = sample(denoiser, (settings.samples, 1, 8, 8), generator, device, settings.samples).cpu()
    tables = {
        "Mean squared error a pixel on held-out digits": _errors(denoiser, generator),
        "Samples": _sample_scores(samples),
    }
    return tables, {"samples.png": sheet(samples[:100])}


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


_SHIPPED = DenoiserTraining(channels=(16, 32), steps=2000, batch=128, samples=1000, P_mean=-0.4, P_std=1.3, every=250)
_LARGER = DenoiserTraining(channels=(32, 64), steps=4000, batch=256, samples=1000, P_mean=-0.4, P_std=1.3, every=250)

DIGITS = Recipe(
    name="digits",
    description="A denoiser of 8 x 8 handwritten digits: a diffusers U-Net without attention, EDM preconditioning.",
    data=f"the first {TRAIN_SIZE} of scikit-learn's 1797 digits, grey levels as -1 to 1; the other 297 are held out",
    licence="weights: MIT; data: CC BY 4.0, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository",
    profiles=Profiles(
        smoke=DenoiserTraining(channels=(8, 16), steps=10, batch=16, samples=20, warm_up=2, every=4),
        quick=_SHIPPED,
        study=_LARGER,
        full=_LARGER,
    ),
    build=build,
    loss=loss,
    score=score,
    save=save_model,
)
RECIPES = {"digits": DIGITS}
