"""What is measured of an image flow in each round of Reflow."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lowdim.denoising.velocities import FlowStep, euler_flow, flow_times, generate, reverse
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
        steps = [self._carried(flow, part) for part in self.noise.split(1000)]
        images, one_step, square, move = (torch.cat(column) for column in zip(*steps, strict=True))
        found = describe(self.classifier, images)
        coverage = precision_recall(self.known[:2000], found[:2000])
        few = self.real[: min(500, len(self.real))]
        back = reverse(flow, few, self.steps, chunk=1000)
        error = generate(flow, back, self.steps, chunk=1000) - few
        quality = Quality(
            frechet=frechet_distance(self.known, found),
            frechet_pixels=_pixel_distance(self.real, images),
            frechet_one_step=frechet_distance(self.known, describe(self.classifier, one_step)),
            precision=coverage.precision,
            recall=coverage.recall,
            saturation=float(images.abs().mean()),
            pixel_mean=float(images.mean()),
            pixel_std=float(images.std()),
            straightness=float((square - move).mean()),
            reversed_noise=float(back.square().mean()),
            round_trip=float(error.square().mean().sqrt() / few.square().mean().sqrt()),
        )
        return quality, images

    @torch.no_grad()
    def _carried(self, flow: nn.Module, noise: Tensor) -> tuple[Tensor, ...]:
        """What one integration tells of ``noise``: its images, those of a single step, and for each of them the mean
        squares of the velocity along the path and of the whole move; a straight path has them equal.
        """
        steps: list[FlowStep] = list(euler_flow(flow, noise, flow_times(self.steps)))
        move = (steps[-1].x - noise).flatten(1).square().mean(1)
        square = torch.stack([step.velocity.flatten(1).square().mean(1) for step in steps]).mean(0)
        return steps[-1].x, noise + steps[0].velocity, square, move


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
