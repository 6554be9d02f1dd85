"""Chapter 09: BLAST matrices (Lee et al., NeurIPS 2024, arXiv 2410.21262)."""

from __future__ import annotations

from collections.abc import Callable

from lowdim.papers.blast.comparison import budget, compression, scratch
from lowdim.papers.blast.convergence import damping, exact_rank, monotone, step_range, surplus_rank
from lowdim.papers.blast.figures import FIGURES, FILMS
from lowdim.papers.blast.settings import PROFILES, Settings
from lowdim.papers.blast.speed import speed
from lowdim.papers.blast.structure import block_ranks, costs, expressive, families
from lowdim.record import Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {
    "families": families,
    "block-ranks": block_ranks,
    "costs": costs,
    "expressive": expressive,
    "step-range": step_range,
    "monotone": monotone,
    "exact-rank": exact_rank,
    "surplus-rank": surplus_rank,
    "damping": damping,
    "budget": budget,
    "compression": compression,
    "scratch": scratch,
    "speed": speed,
}
WEIGHTS: tuple[str, ...] = ()

__all__ = ["EXPERIMENTS", "FIGURES", "FILMS", "PROFILES", "WEIGHTS", "Settings"]
