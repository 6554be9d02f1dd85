"""What is measured of an image flow in each round of Reflow."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lowdim.denoising.velocities import generate, reverse, straightness
from lowdim.metrics.frechet import frechet_distance, precision_recall
from lowdim.papers.model_collapse.features import Classifier, describe


@dataclass(frozen=True)
class Quality:
    """One flow: Fréchet distances in features and in pixels, that of one Euler step, precision and recall, mean
    absolute pixel, mean and spread of pixels, straightness, mean square of reversed noise, round-trip error.
    """

    frechet: float
    frechet_pixels: float
    frechet_one_step: float
    precision: float
    recall: float
    saturation: float
    pixel_mean: float
    pixel_std: float
    straightness: float
    reversed_noise: float
    round_trip: float


class Judge:
    """Compares flows with real images, always from the same noise and in the same features."""

    def __init__(
        self, real: Tensor, classifier: Classifier, euler_steps: int, samples: int, generator: torch.Generator
    ) -> None:
        self.real, self.classifier, self.steps = real[:samples], classifier, euler_steps
        self.known = describe(classifier, self.real)
        shape = (samples, *real.shape[1:])
        self.noise = torch.randn(shape, generator=generator, dtype=real.dtype, device=generator.device).to(real.device)

    def __call__(self, flow: nn.Module) -> tuple[Quality, Tensor]:
        """The quality of a flow, and its samples."""
        images = generate(flow, self.noise, self.steps, chunk=1000)
        found = describe(self.classifier, images)
        coverage = precision_recall(self.known[:2000], found[:2000])
        few = self.real[: min(500, len(self.real))]
        back = reverse(flow, few, self.steps, chunk=1000)
        error = generate(flow, back, self.steps, chunk=1000) - few
        one_step = describe(self.classifier, generate(flow, self.noise, 1, chunk=1000))
        quality = Quality(
            frechet=frechet_distance(self.known, found),
            frechet_pixels=_pixel_distance(self.real, images),
            frechet_one_step=frechet_distance(self.known, one_step),
            precision=coverage.precision,
            recall=coverage.recall,
            saturation=float(images.abs().mean()),
            pixel_mean=float(images.mean()),
            pixel_std=float(images.std()),
            straightness=straightness(flow, self.noise[:500], self.steps) / images[0].numel(),
            reversed_noise=float(back.square().mean()),
            round_trip=float(error.square().mean().sqrt() / few.square().mean().sqrt()),
        )
        return quality, images


def as_arrays(found: list[Quality]) -> dict[str, np.ndarray]:
    """One array over the rounds for each measure."""
    rows = [asdict(quality) for quality in found]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _pixel_distance(real: Tensor, images: Tensor) -> float:
    """Fréchet distance of images, those above 16 pixels a side averaged down to 8."""
    side = real.shape[-1]
    if side > 16:
        real, images = (nn.functional.avg_pool2d(part, side // 8) for part in (real, images))
    return frechet_distance(real.flatten(1).cpu(), images.flatten(1).cpu())
