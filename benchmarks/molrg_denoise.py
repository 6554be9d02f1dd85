"""The low-rank form of the MoLRG denoiser against the textbook form with dense covariances."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

from lowdim.distributions import MoLRG
from lowdim.distributions.reference import brute_force_denoise, dense_mixture

NAME = "MoLRG denoiser"
DESCRIPTION = "posterior mean of a mixture of low-rank Gaussians: low-rank algebra against dense n x n Bayes"


def seconds(function: Callable[[], object]) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def speedup(n: int = 512, components: int = 4, rank: int = 8, batch: int = 64, repeats: int = 5) -> float:
    """Median ratio of dense to low-rank time; the two alternate, so that both see the same machine."""
    generator = torch.Generator().manual_seed(0)
    model = MoLRG.random(n, [rank] * components, generator)
    dense = dense_mixture(model.bases, model.eigenvalues, model.means, model.weights)
    x = model.sample(batch, generator) + torch.randn(batch, n, generator=generator, dtype=torch.float64)
    model.denoise(x, 1.0), brute_force_denoise(dense, x, 1.0)
    ratios = []
    for _ in range(repeats):
        slow = seconds(lambda: brute_force_denoise(dense, x, 1.0))
        fast = seconds(lambda: model.denoise(x, 1.0))
        ratios.append(slow / fast)
    return median(ratios)


def large_batch(points: int = 10_000, n: int = 3072, components: int = 10, rank: int = 20, repeats: int = 3) -> float:
    """Median seconds to denoise image-sized points in float32."""
    generator = torch.Generator().manual_seed(0)
    model = MoLRG.random(n, [rank] * components, generator, dtype=torch.float32)
    x = model.sample(points, generator)
    x += torch.randn(x.shape, generator=generator)
    model.denoise(x[:100], 1.0)
    return median(seconds(lambda: model.denoise(x, 1.0)) for _ in range(repeats))


def run() -> dict[str, dict[str, float | str]]:
    return {
        "dense / low-rank, n = 512": {"value": speedup(), "unit": "ratio"},
        "10 000 points, n = 3072, K = 10, rank 20, float32": {"value": large_batch(), "unit": "s"},
    }
