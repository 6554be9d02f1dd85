"""Chapter 03: model collapse in rectified flow (Zhu et al., CPAL 2026, arXiv 2412.08175)."""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.model_collapse.settings import PROFILES, Settings
from lowdim.record import Plot, Record

# Names of the experiments: velocity-denoiser, linear-dae, collapse, noise-threshold, real-data, finite-sample,
# gaussian-reflow, ridge-law, trained-gaussian, plane, plane-network, digits, images-plain, images-current, images-first.
# Names of the figures: velocity-denoiser, linear-dae, collapse, spectrum, noise-threshold, real-data, finite-sample,
# euler-gains, telescoping, ridge-law, collapse-target, trained-gaussian, plane-samples, plane-drift, plane-law,
# plane-straightness, plane-reversal, plane-network, digits-samples, digits-drift, digits-spectrum, images-samples.
EXPERIMENTS: dict[str, Callable[..., Record]] = {}
FIGURES: dict[str, Plot] = {}
WEIGHTS: tuple[str, ...] = ()

__all__ = ["EXPERIMENTS", "FIGURES", "PROFILES", "WEIGHTS", "Settings"]
