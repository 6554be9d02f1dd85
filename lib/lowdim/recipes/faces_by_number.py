"""Models that differ in nothing but their training set: small U-Nets on 4 to 4096 cartoon faces of 16 x 16 pixels.

The first N faces of a fixed list are the training set of ``faces-16-N``; those of ``...-other`` come from a second list
that has no face in common with the first. All are trained for the same number of steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lowdim.data.faces import listed_faces, sample_faces
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.denoising.weights import save_model
from lowdim.distributions import Empirical, Gaussian
from lowdim.metrics.memorisation import nearest_ratio
from lowdim.model_store import Scores
from lowdim.profile import Profiles
from lowdim.recipes.denoisers import DenoiserTraining, loss_on_images, sample, sheet
from lowdim.recipes.recipe import Recipe
from lowdim.training.loop import LossStep

SIZE = 16
SIGMA_DATA = 0.5
NUMBERS = (4, 16, 64, 256, 1024, 4096)
OTHERS = (16, 4096)
LEVELS = (0.1, 0.3, 0.6, 1.25, 2.5, 10.0)
COPY = 1 / 3  # of the distance to the second nearest training face


@dataclass(frozen=True, kw_only=True)
class SubsetTraining(DenoiserTraining):
    """The settings of these models: also the number of training faces, and which of the two lists they are from."""

    number: int
    other: bool = False


def build(settings: SubsetTraining) -> EDMDenoiser:
    """The untrained denoiser."""
    return EDMDenoiser(small_unet(SIZE, settings.channels), SIGMA_DATA)


def loss(settings: SubsetTraining, device: torch.device) -> LossStep:
    """The loss on the training faces."""
    return loss_on_images(listed_faces(settings.number, settings.other).to(device), settings)


def score(
    denoiser: EDMDenoiser, settings: SubsetTraining, generator: torch.Generator
) -> tuple[Scores, dict[str, bytes]]:
    """Errors on new faces beside two exact denoisers of the training faces, the share of copies, a sheet of samples."""
    device = next(denoiser.parameters()).device
    training = listed_faces(settings.number, settings.other)
    fresh = sample_faces(settings.samples, generator, SIZE).images
    samples = sample(denoiser, (settings.samples, 3, SIZE, SIZE), generator, device).cpu()
    rivals = {
        "Gaussian with the training mean and covariance": Gaussian.from_samples(training.double()),
        "training faces as the exact data": Empirical(training.double()),
    }
    errors: list[dict[str, str | float]] = []
    for sigma in LEVELS:
        noisy = fresh + sigma * torch.randn(fresh.shape, generator=generator)
        with torch.no_grad():
            denoised = {"this model": denoiser(noisy.to(device), sigma).cpu()}
            denoised |= {name: rival(noisy.double(), sigma) for name, rival in rivals.items()}
        errors.append({"sigma": sigma, **{k: float((v - fresh).square().mean()) for k, v in denoised.items()}})
    copies: list[dict[str, str | float]] = [
        {"": f"{len(x)} {name}", "share of copies": float((nearest_ratio(x, training) < COPY).double().mean())}
        for name, x in {"samples": samples, "new faces": fresh}.items()
    ]
    tables: Scores = {"Mean squared error a pixel on new faces": errors, "Copies of training faces": copies}
    return tables, {"samples.png": sheet(samples[:20], scale=2, gap=2)}


def _recipe(number: int, other: bool) -> Recipe[SubsetTraining, EDMDenoiser]:
    shipped = SubsetTraining(
        number=number, other=other, channels=(16, 32), steps=2000, batch=32, samples=200, P_mean=-0.4, P_std=1.5,
        warm_up=100,
    )  # fmt: skip
    larger = SubsetTraining(
        number=number, other=other, channels=(64, 128), steps=30000, batch=128, samples=500, P_mean=-0.4, P_std=1.5,
        learning_rate=1e-3,
    )  # fmt: skip
    smoke = SubsetTraining(
        number=number, other=other, channels=(8, 8), steps=4, batch=4, samples=20, warm_up=2, every=2
    )
    return Recipe(
        name=_name(number, other),
        description=f"A denoiser that has seen {number} cartoon faces: a small diffusers U-Net, EDM preconditioning.",
        data=f"{number} cartoon faces of {SIZE} x {SIZE} pixels, the same in every epoch",
        licence="weights: MIT; the faces are drawn by this package",
        profiles=Profiles(smoke=smoke, quick=shipped, study=larger, full=larger),
        build=build,
        loss=loss,
        score=score,
        save=save_model,
        dtype=torch.float16,
    )


def _name(number: int, other: bool) -> str:
    return f"faces-16-{number}" + "-other" * other


RECIPES = {
    _name(number, other): _recipe(number, other)
    for other, numbers in ((False, NUMBERS), (True, OTHERS))
    for number in numbers
}
