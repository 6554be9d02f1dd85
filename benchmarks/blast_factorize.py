"""Factorising with our solver against the published iteration, to the same error."""

from __future__ import annotations

import time
from statistics import median

import torch

from lowdim.papers.blast import starts, targets
from lowdim.papers.blast.budget import rank_for_budget
from lowdim.papers.blast.factorize import factorize
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.reference import published_sweeps

NAME = "BLAST factorisation"
DESCRIPTION = "time of a sweep, and time to the error at which the published iteration ends, against ours; float64"


def compare(name: str, size: int, blocks: int, steps: int, repeats: int) -> tuple[float, float]:
    """Ratios of published to our time: of a sweep, and until our error is that of the published end."""
    generator = torch.Generator().manual_seed(0)
    matrix = targets.TARGETS[name](generator, size)
    matrix = matrix / matrix.square().mean().sqrt()
    rank = rank_for_budget(matrix.shape, 0.5, blocks)
    begin = starts.published(matrix[None], rank, (blocks, blocks), generator)
    sweep, whole = [], []
    for _ in range(repeats):
        clock = time.process_time()
        *_, last = published_sweeps(matrix, Factors(*(factor[0] for factor in begin)), steps)
        slow = time.process_time() - clock
        error = float((last.dense() - matrix).norm() / matrix.norm())
        clock = time.process_time()
        found = factorize(matrix, rank, blocks, steps=steps, until=error)
        fast = time.process_time() - clock
        if float(found.error) > error:
            raise RuntimeError(f"{name}: ours ends at {float(found.error):.4f}, above the published {error:.4f}")
        whole.append(slow / fast)
        sweep.append(slow / steps / (fast / len(found.errors)))
    return median(sweep), median(whole)


def run(size: int = 256, blocks: int = 8, steps: int = 150, repeats: int = 3) -> dict[str, dict[str, float | str]]:
    measures: dict[str, dict[str, float | str]] = {}
    for name in targets.TARGETS:
        sweep, whole = compare(name, size, blocks, steps, repeats)
        measures[f"published / ours, a sweep, {name}"] = {"value": sweep, "unit": "ratio"}
        measures[f"published / ours, to the same error, {name}"] = {"value": whole, "unit": "ratio", "at_least": 3.0}
    return measures
