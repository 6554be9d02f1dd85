"""Chapter 02: understanding generalizability of diffusion models requires rethinking the hidden Gaussian structure
(Li, Dai and Qu, NeurIPS 2024, arXiv 2410.24060).
"""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.hidden_gaussian.distilled import distillation, molrg, smoothed
from lowdim.papers.hidden_gaussian.exact import high_noise, linearity, low_noise, moments, risk
from lowdim.papers.hidden_gaussian.faces import faces_noise, faces_size, jacobian
from lowdim.papers.hidden_gaussian.figures import FIGURES, FILMS
from lowdim.papers.hidden_gaussian.linear import best_linear, gaussian_path
from lowdim.papers.hidden_gaussian.nets_on_digits import capacity, digit_nets, noise_law
from lowdim.papers.hidden_gaussian.photographs import photographs_exact, photographs_few, photographs_halves
from lowdim.papers.hidden_gaussian.settings import PROFILES, Settings
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "best-linear": best_linear,
    "gaussian-flow": gaussian_path,
    "distillation": distillation,
    "molrg": molrg,
    "smoothed": smoothed,
    "high-noise": high_noise,
    "low-noise": low_noise,
    "risk": risk,
    "linearity": linearity,
    "moments": moments,
    "digit-nets": digit_nets,
    "capacity": capacity,
    "noise-law": noise_law,
    "faces-size": faces_size,
    "faces-noise": faces_noise,
    "jacobian": jacobian,
    "photographs-few": photographs_few,
    "photographs-halves": photographs_halves,
    "photographs-exact": photographs_exact,
}
WEIGHTS: tuple[str, ...] = (
    "faces-16-4",
    "faces-16-16",
    "faces-16-64",
    "faces-16-256",
    "faces-16-1024",
    "faces-16-4096",
    "faces-16-16-other",
    "faces-16-4096-other",
    "faces-32",
)

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
