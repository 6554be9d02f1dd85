"""Chapter 08: uDiG-DIP, diffusion-guided deep image prior (Liang et al., ICASSP 2025, arXiv 2410.04482)."""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.udig_dip.comparison import levels, tasks
from lowdim.papers.udig_dip.curves import inputs, methods, overfitting
from lowdim.papers.udig_dip.exact import fixed_point, limit, norms, spectral_bias
from lowdim.papers.udig_dip.figures import FIGURES, FILMS
from lowdim.papers.udig_dip.noisy import noisy
from lowdim.papers.udig_dip.settings import PROFILES, Settings
from lowdim.papers.udig_dip.smooth import smooth
from lowdim.papers.udig_dip.vanishing import vanishing
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "spectral-bias": spectral_bias,
    "limit": limit,
    "fixed-point": fixed_point,
    "norms": norms,
    "overfitting": overfitting,
    "noisy": noisy,
    "inputs": inputs,
    "methods": methods,
    "tasks": tasks,
    "smooth": smooth,
    "levels": levels,
    "vanishing": vanishing,
}

WEIGHTS: tuple[str, ...] = ("phantoms-64",)

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
