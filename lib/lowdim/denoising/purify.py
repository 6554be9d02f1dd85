"""Purification by diffusion: drown what does not belong to a picture in noise, and denoise again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from lowdim.checks import check_count, check_finite
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import check_sigmas
from lowdim.denoising.samplers import Step, euler, last

Sampler = Callable[[Denoiser, Tensor, Tensor], Iterable[Step]]


def purify(
    denoiser: Denoiser,
    pictures: Tensor,
    sigmas: Tensor | Sequence[float],
    generator: torch.Generator,
    *,
    sampler: Sampler = euler,
    times: int = 1,
) -> Tensor:
    """DiffPure (Nie et al. 2022): ``pictures (B, *shape)`` plus noise of level ``sigmas[0]``, sampled down the grid.

    What is small beside ``sigmas[0]`` and unlikely under the model is lost; so is some of the picture. ``times``
    repeats it with fresh noise ("rinsing"). Costs the evaluations of ``sampler``, ``times`` times. Raises
    ``ValueError`` for pictures that are not finite, a grid that is not descending, and ``times`` below 1.
    """
    check_finite("pictures", pictures)
    grid = check_sigmas(sigmas)
    check_count("times", times)
    x = pictures
    for _ in range(times):
        noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device)
        x = last(sampler(denoiser, x + float(grid[0]) * noise.to(x.device), grid))
    return x
