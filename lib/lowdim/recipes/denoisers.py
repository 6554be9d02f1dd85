"""What recipes of denoisers share: their settings, the loss on a fixed set of images, sampling and sample sheets."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import edm_sigmas
from lowdim.denoising.samplers import heun, initial_noise, last
from lowdim.recipes.recipe import Training
from lowdim.training.loop import LossStep
from lowdim.training.losses import edm_loss

STEPS = 18


@dataclass(frozen=True, kw_only=True)
class DenoiserTraining(Training):
    """The settings of a denoiser's training: also the widths of the network's levels, the distribution of the noise
    level (``ln sigma ~ N(P_mean, P_std^2)``), and how many samples are drawn for the scores.
    """

    channels: tuple[int, ...]
    samples: int
    P_mean: float = -1.2
    P_std: float = 1.2


def loss_on_images(images: Tensor, settings: DenoiserTraining) -> LossStep:
    """The EDM loss of a batch drawn with replacement from ``images (N, *shape)``."""

    def loss_step(model: nn.Module, generator: torch.Generator) -> Tensor:
        picked = torch.randint(images.shape[0], (settings.batch,), generator=generator)
        x0 = images[picked.to(images.device)]
        return edm_loss(model, x0, generator, P_mean=settings.P_mean, P_std=settings.P_std)

    return loss_step


def sample(
    denoiser: Denoiser, shape: Sequence[int], generator: torch.Generator, device: torch.device, chunk: int = 250
) -> Tensor:
    """Samples of ``shape`` ``(N, *event)`` by Heun's method on 18 levels of EDM, ``chunk`` at a time."""
    sigmas = edm_sigmas(STEPS)
    start = initial_noise(tuple(shape), float(sigmas[0]), generator)
    return torch.cat([last(heun(denoiser, part.to(device), sigmas)).float() for part in start.split(chunk)])


def sheet(images: Tensor, columns: int = 10, scale: int = 5, gap: int = 5) -> bytes:
    """Images ``(N, C, H, W)`` in [-1, 1] (grey or RGB) as a PNG, ``columns`` in a row, each pixel ``scale`` wide."""
    from PIL import Image

    tiles = images.cpu().clamp(-1, 1).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    tiles = torch.nn.functional.pad(tiles, [gap] * 4, value=0.0)
    columns = min(columns, len(tiles))
    rows = [torch.cat(list(row), 2) for row in tiles.split(columns) if len(row) == columns]
    pixels = ((torch.cat(rows, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()
