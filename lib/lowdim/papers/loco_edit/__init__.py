"""Chapter 05: exploring low-dimensional subspaces in diffusion models for controllable image editing (Chen, Zhang, Guo,
Lu, Wang and Qu, NeurIPS 2024, arXiv 2409.02374).
"""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.loco_edit.exact import bound, gaussian, mixture
from lowdim.papers.loco_edit.faces import edits, lines, locality, together, transfer
from lowdim.papers.loco_edit.figures import FIGURES, FILMS
from lowdim.papers.loco_edit.scale import larger, photographs
from lowdim.papers.loco_edit.settings import PROFILES, Settings
from lowdim.papers.loco_edit.spectra import arms, power, rank
from lowdim.papers.loco_edit.told import told
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "mixture": mixture,
    "bound": bound,
    "gaussian": gaussian,
    "rank": rank,
    "arms": arms,
    "lines": lines,
    "power": power,
    "edits": edits,
    "locality": locality,
    "transfer": transfer,
    "together": together,
    "told": told,
    "larger": larger,
    "photographs": photographs,
}
WEIGHTS: tuple[str, ...] = ("digits", "faces-16-4096", "faces-32", "faces-32-labels", "face-attributes")

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
