"""The faces models: a U-Net on 32 x 32 cartoon faces, and a sibling that is told labels and continues from it.

Faces are drawn afresh for every batch, so nothing can be memorised. The sibling's label is dropped now and then, so
that one network is both the conditional and the unconditional model of classifier-free guidance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lowdim.data.faces import (
    ATTRIBUTES,
    LABELS,
    attribute_bounds,
    label_faces,
    render_faces,
    sample_attributes,
    sample_faces,
)
from lowdim.denoising.denoiser import bind
from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.denoising.weights import load_model, save_model
from lowdim.distributions import Gaussian
from lowdim.metrics.face_attributes import load_judge
from lowdim.model_store import Scores
from lowdim.profile import Profiles
from lowdim.recipes.denoisers import DenoiserTraining, sample, sheet
from lowdim.recipes.recipe import Recipe
from lowdim.training.loop import LossStep
from lowdim.training.losses import edm_loss

SIZE = 32
SIGMA_DATA = 0.5
LEVELS = (0.05, 0.1, 0.3, 0.7, 1.5, 4.0, 12.0)


@dataclass(frozen=True, kw_only=True)
class FacesTraining(DenoiserTraining):
    """The settings of the faces models: also the share of labels dropped (``None``: the network takes no label), and
    whether to compute in bfloat16, which is faster on a processor or GPU with instructions for it.
    """

    drop: float | None = None
    bfloat16: bool = True


def build(settings: FacesTraining) -> EDMDenoiser:
    """The untrained denoiser; with labels, one that begins with the weights of the shipped ``faces-32`` where the
    sizes agree, and a label embedding of zeros, so that it begins as the same denoiser.
    """
    classes = None if settings.drop is None else len(LABELS) + 1
    denoiser = EDMDenoiser(small_unet(SIZE, settings.channels, classes=classes), SIGMA_DATA)
    if settings.drop is not None:
        unet: Any = denoiser.network
        nn.init.zeros_(unet.class_embedding.weight)
        if settings.channels == _SHIPPED.channels:
            denoiser.load_state_dict(load_model("faces-32").state_dict(), strict=False)
    return denoiser


def loss(settings: FacesTraining, device: torch.device) -> LossStep:
    """The EDM loss on freshly drawn faces."""

    def loss_step(model: nn.Module, generator: torch.Generator) -> Tensor:
        attributes = sample_attributes(settings.batch, generator)
        images = render_faces(attributes, SIZE).to(device)
        labels = _dropped(label_faces(attributes), settings.drop, generator, device)
        with torch.autocast(device.type, torch.bfloat16, enabled=settings.bfloat16):
            return edm_loss(model, images, generator, P_mean=settings.P_mean, P_std=settings.P_std, condition=labels)

    return loss_step


def _dropped(labels: Tensor, drop: float | None, generator: torch.Generator, device: torch.device) -> Tensor | None:
    """The labels with a share ``drop`` of them replaced by the label for none."""
    if drop is None:
        return None
    return labels.where(torch.rand(labels.shape, generator=generator) >= drop, len(LABELS)).to(device)


def score(
    denoiser: EDMDenoiser, settings: FacesTraining, generator: torch.Generator
) -> tuple[Scores, dict[str, bytes]]:
    """Errors on fresh faces beside the Gaussian with their mean and covariance, and sheets of samples."""
    device = next(denoiser.parameters()).device
    shape = (settings.samples, 3, SIZE, SIZE)
    samples = sample(denoiser, shape, generator, device).cpu()
    tables: Scores = {
        "Mean squared error a pixel on fresh faces": _errors(denoiser, settings, generator),
        "Samples beside fresh faces": [
            {"": f"{len(images)} {name}", **redrawn(images)}
            for name, images in {
                "samples": samples,
                "fresh faces": sample_faces(settings.samples, generator, SIZE).images,
            }.items()
        ],
    }
    pictures = {"samples.png": sheet(samples[:100], scale=2, gap=2)}
    if settings.drop is not None:
        each = 10
        told = torch.arange(len(LABELS), device=device).repeat_interleave(each)
        rows = sample(bind(denoiser, told, 2.0), (len(told), *shape[1:]), generator, device, len(told))
        pictures["labels.png"] = sheet(rows, each, scale=2, gap=2)
    return tables, pictures


def redrawn(images: Tensor) -> dict[str, float]:
    """How far pictures ``(N, 3, 32, 32)`` are from faces: the attributes are read by the judge, the face is drawn again
    from them (cut to their ranges) and compared.

    What the judge gets wrong counts too, so read the numbers of samples beside those of fresh faces.
    """
    read = load_judge()(images)
    low, high = attribute_bounds()
    error = (render_faces(read.clamp(low, high), SIZE) - images).square().mean((1, 2, 3))
    return {
        "median squared error a pixel of the face redrawn from its attributes": float(error.median()),
        "95 % are below": float(error.quantile(0.95)),
    }


def _errors(denoiser: EDMDenoiser, settings: FacesTraining, generator: torch.Generator) -> list[dict[str, str | float]]:
    count = settings.samples
    device = next(denoiser.parameters()).device
    gaussian = Gaussian.from_samples(sample_faces(10 * count, generator, SIZE).images.double())
    faces = sample_faces(count, generator, SIZE)
    rows: list[dict[str, str | float]] = []
    for sigma in LEVELS:
        noisy = faces.images + sigma * torch.randn(faces.images.shape, generator=generator)
        with torch.no_grad():
            rivals = {
                "this model": denoiser(noisy.to(device), sigma).cpu(),
                "Gaussian with the mean and covariance of faces": gaussian(noisy.double(), sigma),
            }
            if settings.drop is not None:
                rivals["this model told the label"] = denoiser(noisy.to(device), sigma, faces.labels.to(device)).cpu()
        errors = {name: float((denoised - faces.images).square().mean()) for name, denoised in rivals.items()}
        rows.append({"sigma": sigma, **errors})
    return rows


_SHIPPED = FacesTraining(
    channels=(32, 32, 64), steps=9000, batch=64, samples=200, P_mean=-1.0, P_std=1.3, warm_up=300, every=300
)
_LARGER = FacesTraining(
    channels=(64, 128, 128), steps=30000, batch=256, samples=500, P_mean=-1.0, P_std=1.3, learning_rate=1e-3, every=1000
)
_SMOKE = FacesTraining(channels=(8, 16), steps=6, batch=4, samples=4, warm_up=2, every=3, bfloat16=False)


def _recipe(name: str, description: str, drop: float | None, steps: int, learning_rate: float) -> Recipe:
    def with_labels(settings: FacesTraining) -> FacesTraining:
        return FacesTraining(**{**vars(settings), "drop": drop})

    shipped = FacesTraining(**{**vars(_SHIPPED), "drop": drop, "steps": steps, "learning_rate": learning_rate})
    return Recipe(
        name=name,
        description=description,
        data=f"cartoon faces drawn afresh for every batch, {SIZE} x {SIZE}, {len(ATTRIBUTES)} independent attributes",
        licence="weights: MIT; the faces are drawn by this package",
        profiles=Profiles(
            smoke=with_labels(_SMOKE), quick=shipped, study=with_labels(_LARGER), full=with_labels(_LARGER)
        ),
        build=build,
        loss=loss,
        score=score,
        save=save_model,
        dtype=torch.float16,
    )


RECIPES = {
    "faces-32": _recipe(
        "faces-32",
        "A denoiser of 32 x 32 cartoon faces: a diffusers U-Net without attention, EDM preconditioning.",
        None,
        9000,
        2e-3,
    ),
    "faces-32-labels": _recipe(
        "faces-32-labels",
        "A denoiser of 32 x 32 cartoon faces that may be told a label: the U-Net of faces-32 with an embedding of "
        f"{len(LABELS)} labels and one for none, trained on from its weights.",
        0.2,
        5000,
        2e-3,
    ),
}
