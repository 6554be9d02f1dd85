"""Experiments that train the network of the theory by denoising: one subspace (Theorems 1 and 2), two (Theorems 3 and
4).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.metrics.subspaces import match_subspaces
from lowdim.papers.subspace_clustering.model import SubspaceDenoiser, fit
from lowdim.papers.subspace_clustering.recovery import SAMPLES
from lowdim.papers.subspace_clustering.settings import PROFILES
from lowdim.papers.subspace_clustering.synthetic import cpu_generator, crossing, draw_problem, orthogonal_bases
from lowdim.papers.subspace_clustering.theory import clustering_objective
from lowdim.record import Record

TRAINED = 1e-2
"""Recovery error below which training counts as a success; a missing direction costs about 1.4."""


def trained_errors(
    n: int,
    blocks: int,
    rank: int,
    copies: int,
    steps: int,
    generator: torch.Generator,
    *,
    restarts: int = 1,
    samples: tuple[int, ...] = SAMPLES,
) -> Tensor:
    """Largest recovery error (sample counts, copies) after training on each count of ``samples`` a block, noise-free.

    All runs of a row are trained side by side. With ``restarts`` the run of the best clustering objective counts,
    which needs no knowledge of the truth. float32: training stops far above rounding.
    """
    counts = torch.tensor(samples, device=generator.device)
    problem = draw_problem(orthogonal_bases(len(counts) * copies, blocks, n, rank, generator), samples[-1], generator)
    repeat = counts.repeat_interleave(copies).repeat_interleave(restarts)
    x, truth = (part.float().repeat_interleave(restarts, 0) for part in (problem.x, problem.bases))
    model = SubspaceDenoiser(n, blocks, rank, generator, runs=len(x), dtype=torch.float32)
    for _ in fit(model, x, steps, generator, batch=16 * blocks, counts=repeat * blocks):
        pass
    with torch.no_grad():
        bases = model.bases
        used = torch.arange(x.shape[1], device=x.device) < (repeat * blocks)[:, None]
        best = clustering_objective(x * used[..., None], bases).view(-1, restarts).argmax(1)
        errors = match_subspaces(bases.double(), truth.double()).errors.amax(-1).view(-1, restarts)
    return errors.gather(1, best[:, None]).view(len(counts), copies)


def trained_network(profile: str, seed: int, device: str) -> Record:
    """The network with one block, trained by denoising over the grid of ranks and sample counts, and in three
    dimensions n.
    """
    settings = PROFILES[profile]
    generator = cpu_generator(seed, "trained-network", device)
    ranks = settings.trained_ranks
    size = (settings.trained_copies, settings.trained_steps)
    errors = {rank: trained_errors(48, 1, rank, *size, generator) for rank in ranks}
    success = torch.stack([_success(errors[rank]) for rank in ranks]).numpy()  # (ranks, sample counts)
    below, ample, excess = _regions(ranks)
    record = Record(
        claims={
            "01-C7a": float(success[below].max()),
            "01-C7b": float(min(row[enough].mean() for row, enough in zip(success, ample, strict=True))),
            "01-C7c": largest_drop(success, excess),
        },
        arrays={"success": success, "ranks": np.array(ranks), "samples": np.array(SAMPLES)},
    )
    few = SAMPLES[:9]
    others = {n: trained_errors(n, 1, 4, *size, generator, samples=few) for n in (24, 96)}
    curves = torch.stack([_success(e) for e in (others[24], errors[4][: len(few)], others[96])])
    counts = torch.tensor(few, dtype=torch.float64)
    half = torch.tensor([crossing(counts, curve, 0.5) for curve in curves])
    record.claims["01-C12a"] = float(half.max() / half.min())
    record.number("success-at-n-equal-d", float(success[excess == 0].mean()), tolerance=0.1)
    record.arrays |= {"dimensions": np.array((24, 48, 96)), "by_dimension": curves.numpy(), "half": half.numpy()}
    return record


def _success(errors: Tensor) -> Tensor:
    """Share of copies below :data:`TRAINED` for errors (..., copies)."""
    return (errors < TRAINED).double().mean(-1).cpu()


def trained_clusters(profile: str, seed: int, device: str) -> Record:
    """The network with two blocks, trained by denoising; the best of several starts by its own objective."""
    settings = PROFILES[profile]
    generator = cpu_generator(seed, "trained-clusters", device)
    ranks = settings.cluster_ranks
    errors = torch.stack([
        trained_errors(
            48, 2, rank, settings.cluster_copies, settings.trained_steps, generator, restarts=settings.trained_restarts
        )
        for rank in ranks
    ])  # fmt: skip
    success = _success(errors).numpy()
    below, ample, _ = _regions(ranks)
    return Record(
        claims={"01-C9d": float(success[below].max()) if below.any() else 0.0, "01-C9f": float(success[ample].mean())},
        arrays={"success": success, "ranks": np.array(ranks), "samples": np.array(SAMPLES)},
    )


def _regions(ranks: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks over (ranks, sample counts): N < d, N >= 2d; and N - d."""
    excess = np.array(SAMPLES)[None] - np.array(ranks)[:, None]
    return excess < 0, excess >= np.array(ranks)[:, None], excess


def largest_drop(success: np.ndarray, excess: np.ndarray) -> float:
    """The largest fall of the success rate, averaged over ranks at equal N - d, when samples are added."""
    values = range(int(excess.min()), int(excess.max()) + 1)
    curve = np.array([success[excess == value].mean() for value in values])
    return float((np.maximum.accumulate(curve) - curve).max())
