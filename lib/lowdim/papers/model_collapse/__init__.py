"""Chapter 03: model collapse in rectified flow (Zhu et al., CPAL 2026, arXiv 2412.08175)."""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.model_collapse.figures import FIGURES, FILMS
from lowdim.papers.model_collapse.gaussian import gaussian_reflow, ridge_law, velocity_denoiser
from lowdim.papers.model_collapse.images import images_current, images_first, images_plain
from lowdim.papers.model_collapse.linear import collapse, finite_sample, linear_dae, noise_threshold, real_data
from lowdim.papers.model_collapse.networks import digits, plane_network
from lowdim.papers.model_collapse.plane import plane
from lowdim.papers.model_collapse.settings import PROFILES, Settings
from lowdim.papers.model_collapse.trained_linear import trained_gaussian
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "velocity-denoiser": velocity_denoiser,
    "linear-dae": linear_dae,
    "collapse": collapse,
    "noise-threshold": noise_threshold,
    "real-data": real_data,
    "finite-sample": finite_sample,
    "gaussian-reflow": gaussian_reflow,
    "ridge-law": ridge_law,
    "trained-gaussian": trained_gaussian,
    "plane": plane,
    "plane-network": plane_network,
    "digits": digits,
    "images-plain": images_plain,
    "images-current": images_current,
    "images-first": images_first,
}
WEIGHTS: tuple[str, ...] = ()

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
