"""Chapter 06: Shallow Diffuse, robust and invisible watermarking through low-dimensional subspaces in diffusion models
(Li, Zhang and Qu, NeurIPS 2025, arXiv 2410.21088).
"""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.shallow_diffuse import ablations, exact, faces
from lowdim.papers.shallow_diffuse.figures import FIGURES, FILMS
from lowdim.papers.shallow_diffuse.large import large_faces
from lowdim.papers.shallow_diffuse.settings import PROFILES, Settings
from lowdim.papers.shallow_diffuse.spectral import gaussian_pictures
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "sphere": exact.sphere,
    "one-step": exact.one_step,
    "gains": exact.gains,
    "null-law": exact.null_law,
    "damping": exact.damping,
    "gaussian-pictures": gaussian_pictures,
    "posterior-mean": faces.posterior_mean,
    "gallery": faces.gallery,
    "where-from": faces.where_from,
    "robustness": faces.robustness,
    "false-alarms": faces.false_alarms,
    "user": faces.user,
    "level": ablations.level,
    "budget": ablations.budget,
    "patterns": ablations.patterns,
    "channels": ablations.channels,
    "several-keys": ablations.several_keys,
    "large-faces": large_faces,
}
WEIGHTS: tuple[str, ...] = ("faces-32",)

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
