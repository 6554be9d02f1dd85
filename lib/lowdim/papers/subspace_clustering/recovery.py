"""Experiments on one subspace: the step at N = d, the mean error below it, the bound under noise (Theorems 1 and 2)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lowdim.metrics.subspaces import recovery_error
from lowdim.papers.subspace_clustering.ksubspaces import top_subspace
from lowdim.papers.subspace_clustering.settings import PROFILES
from lowdim.papers.subspace_clustering.synthetic import cpu_generator, draw_problem, orthogonal_bases
from lowdim.papers.subspace_clustering.theory import mean_squared_error, recovery_bound, worst_error
from lowdim.record import Record

RANKS = tuple(range(2, 9))
SAMPLES = tuple(range(2, 16))
EXACT = 1e-6


def one_subspace(profile: str, seed: int, device: str) -> Record:
    """Recovery of one subspace by PCA over the grid of ranks and sample counts, noise-free and noisy."""
    settings = PROFILES[profile]
    generator = cpu_generator(seed, "one-subspace", device)
    tables = {n: success_table(n, settings.trials, generator) for n in (24, 48, 96)}
    step = np.array([[float(count >= rank) for count in SAMPLES] for rank in RANKS])
    record = Record(
        arrays={"success": tables[48], "step": step, "ranks": np.array(RANKS), "samples": np.array(SAMPLES)}
    )
    record.claims["01-C4"] = float((tables[48] == step).mean())
    record.claims["01-C4b"] = float(min((tables[n] == step).mean() for n in (24, 96)))
    _missing_directions(settings.mean_trials, generator, record)
    record.claims["01-C5b"] = worst_case_gap(generator)
    _noise(settings.bound_draws, generator, record)
    return record


def success_table(n: int, trials: int, generator: torch.Generator) -> np.ndarray:
    """Share of trials with recovery error below :data:`EXACT`, (ranks, sample counts), noise-free."""
    return np.array([
        [float((pca_errors(n, rank, count, trials, generator) < EXACT).double().mean()) for count in SAMPLES]
        for rank in RANKS
    ])  # fmt: skip


def pca_errors(n: int, rank: int, count: int, trials: int, generator: torch.Generator) -> Tensor:
    """Recovery errors (trials,) of PCA from ``count`` noise-free samples, missing directions completed at random."""
    problem = draw_problem(orthogonal_bases(trials, 1, n, rank, generator), count, generator)
    return recovery_error(top_subspace(problem.x, rank, generator), problem.bases[:, 0])


def _missing_directions(trials: int, generator: torch.Generator, record: Record) -> None:
    """Mean squared error for N < d against 2 (d - N)(n - d) / (n - N), in R^48."""
    cells = [(rank, count) for rank in RANKS for count in range(1, rank)]
    squares = [pca_errors(48, rank, count, trials, generator).square() for rank, count in cells]
    measured = torch.stack([square.mean() for square in squares])
    predicted = torch.tensor([mean_squared_error(rank, count, 48) for rank, count in cells], dtype=torch.float64)
    record.claims["01-C5"] = float((measured / predicted - 1).abs().max())
    record.arrays |= {
        "cells": np.array(cells),
        "mean_square": measured.numpy(),
        "spread": torch.stack([square.std() for square in squares]).numpy(),
        "predicted": predicted.numpy(),
        "worst": np.array([worst_error(rank, count, 48) ** 2 for rank, count in cells]),
    }


def worst_case_gap(generator: torch.Generator) -> float:
    r"""Largest distance of the error of the worst optimum from :math:`\sqrt{2\min\{d-N,n-d\}}`, noise-free.

    The worst optimum completes the span of the samples with directions orthogonal to the truth for as long as there
    are any.
    """
    worst = 0.0
    for n, rank, count in ((48, 6, 2), (48, 8, 7), (10, 7, 2), (6, 5, 1)):
        truth = orthogonal_bases(1, 1, n, rank, generator)[0, 0]
        seen = truth @ torch.randn(rank, count, generator=generator, dtype=truth.dtype)
        outside = torch.linalg.qr(truth, mode="complete").Q[:, rank:]
        found = torch.linalg.qr(torch.cat([seen, outside, truth], 1)).Q[:, :rank]
        worst = max(worst, abs(float(recovery_error(found, truth)) - worst_error(rank, count, n)))
    return worst


def _noise(draws: int, generator: torch.Generator, record: Record) -> None:
    """Error over the bound for random (d, N, noise), and the slope of the error against the size of the noise."""
    ratios, errors, sizes = [], [], []
    for rank in RANKS:
        for count in range(rank, 16):
            per_cell = max(2, draws // 84)
            noise = 10 ** (-3 + 2.5 * torch.rand(per_cell, generator=generator, dtype=torch.float64))
            clean = draw_problem(orthogonal_bases(per_cell, 1, 48, rank, generator), count, generator, noise=1.0)
            residual = noise[:, None, None] * clean.noise
            x = clean.x - clean.noise + residual
            error = recovery_error(top_subspace(x, rank, generator), clean.bases[:, 0])
            ratios.append(error / recovery_bound(residual, clean.coefficients))
            errors.append(error)
            sizes.append(torch.linalg.matrix_norm(residual))
    ratio = torch.cat(ratios)
    record.claims["01-C6a"] = float(ratio.max())
    record.claims["01-C6b"] = float(ratio.median())
    record.claims["01-C6c"] = noise_slope(generator)
    record.arrays |= {
        "noise_size": torch.cat(sizes).numpy(),
        "noise_error": torch.cat(errors).numpy(),
        "noise_bound": (torch.cat(errors) / ratio).numpy(),
    }


def noise_slope(generator: torch.Generator) -> float:
    """Log-log slope of the error against the size of the noise, one draw scaled over two decades, N = 2d: the slope
    furthest from 1 over the ranks.
    """
    scales = torch.logspace(-3, -1, 9, dtype=torch.float64)
    slopes = []
    for rank in RANKS:
        one = draw_problem(orthogonal_bases(20, 1, 48, rank, generator), 2 * rank, generator, noise=1.0)
        clean = one.x - one.noise
        errors = [recovery_error(top_subspace(clean + c * one.noise, rank, generator), one.bases[:, 0]) for c in scales]
        height = torch.stack(errors).log().mean(1)
        run = scales.log() - scales.log().mean()
        slopes.append(float((run * height).sum() / run.square().sum()))
    return max(slopes, key=lambda slope: abs(math.log(slope)))
