"""Chapter 07: SITCOM, step-wise triple-consistent diffusion sampling (Alkhouri et al., ICML 2025, arXiv 2410.04479)."""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.sitcom.comparison import comparison
from lowdim.papers.sitcom.exact import closed_form, coordinates
from lowdim.papers.sitcom.figures import FIGURES
from lowdim.papers.sitcom.larger import larger_faces, photographs
from lowdim.papers.sitcom.laws import consistency, modes
from lowdim.papers.sitcom.network import closeness, faces, gallery
from lowdim.papers.sitcom.noise import noise_levels, stopping
from lowdim.papers.sitcom.phase import phase
from lowdim.papers.sitcom.scan import scan
from lowdim.papers.sitcom.settings import PROFILES, Settings
from lowdim.papers.sitcom.tasks import all_tasks
from lowdim.record import Film, Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "closed-form": closed_form,
    "coordinates": coordinates,
    "comparison": comparison,
    "stopping": stopping,
    "noise-levels": noise_levels,
    "consistency": consistency,
    "modes": modes,
    "phase": phase,
    "scan": scan,
    "gallery": gallery,
    "faces": faces,
    "closeness": closeness,
    "all-tasks": all_tasks,
    "larger-faces": larger_faces,
    "photographs": photographs,
}

FILMS: dict[str, Film] = {}
WEIGHTS: tuple[str, ...] = ("faces-32",)

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
