"""The one number that total variation and DPS need for each task, chosen on other phantoms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import log_sigmas
from lowdim.measurement.dps import DPS
from lowdim.measurement.problem import pose
from lowdim.papers.udig_dip.baselines import LEVELS, total_variation
from lowdim.papers.udig_dip.purifier import channelwise
from lowdim.papers.udig_dip.scans import make_scan
from lowdim.papers.udig_dip.settings import Settings
from lowdim.seeding import make_generator

WEIGHTS = (3e-4, 1e-3, 3e-3, 1e-2)
"""Of total variation."""
GUIDANCES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Of DPS."""
COUNT = 2
"""Phantoms that they are tuned on."""


@dataclass(frozen=True)
class Tuned:
    """The weight of total variation and the guidance of DPS that are best for a task."""

    weight: float
    guidance: float


def tune(task: str, settings: Settings, seed: int, denoiser: Denoiser, device: torch.device) -> Tuned:
    """The numbers with the best mean PSNR on two phantoms that no method is judged on."""
    other = make_scan(task, "phantoms", COUNT, seed + 1, device, size=settings.size)
    problem, start = pose(other.y, other.physics), other.start()

    def sample(guidance: float) -> Tensor:
        generator = make_generator(seed, "udig-dip", "tune", task)
        return guided_sampler(denoiser, settings.dps_levels, guidance)(other.y, other.physics, generator)

    def best(values: Sequence[float], run: Callable[[float], Tensor]) -> float:
        scores = [float(other.psnr(run(value)).mean()) for value in values]
        return values[scores.index(max(scores))]

    return Tuned(best(WEIGHTS, lambda weight: total_variation(problem, weight, start)), best(GUIDANCES, sample))


def guided_sampler(denoiser: Denoiser, levels: int, guidance: float) -> DPS:
    """DPS on the levels of the other sampler, with a prior for single channels."""
    return DPS(channelwise(denoiser), log_sigmas(levels, *LEVELS), guidance=guidance)
