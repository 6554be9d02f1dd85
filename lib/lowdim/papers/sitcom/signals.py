"""Signals of 64 samples whose prior, denoiser and posterior are formulas, and four ways to measure them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import expand_sigma, like
from lowdim.compat import import_deepinv
from lowdim.distributions import Gaussian, MoLRG
from lowdim.measurement.matrices import MatrixPhysics
from lowdim.seeding import make_generator

deepinv: Any = import_deepinv()

LENGTH = 64
TASKS = ("box", "random", "pooling", "blur")


def smooth_prior() -> Gaussian:
    """A stationary Gaussian: variance 1/4, correlated over five samples, with a white floor of variance 1e-4."""
    i = torch.arange(LENGTH, dtype=torch.float64)
    covariance = 0.25 * torch.exp(-(i[:, None] - i).square() / 50)
    return Gaussian.from_covariance(torch.zeros(LENGTH).double(), covariance + 1e-4 * torch.eye(LENGTH).double())


def subspaces_prior() -> MoLRG:
    """Six equally likely shapes, ``0.6 sin`` of different frequency and phase, each bent by five cosines of standard
    deviation 0.15: six affine subspaces of dimension five.
    """
    means = torch.stack([0.6 * torch.sin(2 * math.pi * (1 + k / 2) * time() + k) for k in range(6)])
    return bent(means, 5, 0.15)


def shapes_prior() -> Floored:
    """The signals of :func:`subspaces_prior` with a white floor of standard deviation 0.02: nearly low-dimensional."""
    return Floored(subspaces_prior(), 0.02)


@dataclass(frozen=True)
class Floored:
    """The law of ``u + floor n``: ``law`` with white noise added.

    Its denoiser needs that of ``law`` alone: with ``s^2 = sigma^2 + floor^2`` and ``d = E[u | x]``, the denoiser of
    ``law`` at level ``s``, ``E[x0 | x] = d + (floor / s)^2 (x - d)``.
    """

    law: MoLRG
    floor: float

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one signal."""
        return tuple(self.law.event_shape)

    def __call__(self, x: Tensor, sigma: float | Tensor, /) -> Tensor:
        """``E[x0 | x0 + sigma n = x]``."""
        level = (expand_sigma(sigma, x).square() + self.floor**2).sqrt()
        found = self.law(x, level)
        return found + like((self.floor / level).square(), x) * (x - found)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """``n`` signals."""
        x = self.law.sample(n, generator)
        return x + self.floor * torch.randn(x.shape, generator=generator, dtype=x.dtype)

    def posterior(self, y: Tensor, operator: Tensor, noise_std: float) -> MoLRG:
        """The exact law of a signal given its measurement."""
        return self.full.posterior(y, operator, noise_std)

    @functools.cached_property
    def full(self) -> MoLRG:
        """The same law as a mixture of Gaussians of full rank."""
        bases, values = [], []
        for basis, variances in zip(self.law.bases, self.law.eigenvalues, strict=True):
            rest = torch.linalg.svd(basis.T).Vh[basis.shape[1] :].T
            bases.append(torch.cat([basis, rest], 1))
            values.append(torch.cat([variances, variances.new_zeros(rest.shape[1])]) + self.floor**2)
        return MoLRG(bases, values, self.law.means, self.law.weights)

    def to(self, dtype: torch.dtype) -> Floored:
        """The same law with its tensors in ``dtype``."""
        return Floored(self.law.to(dtype), self.floor)


def bent(means: Tensor, rank: int, std: float, weights: Sequence[float] | None = None) -> MoLRG:
    """The signals ``means (K, 64)``, each plus cosines of 1 to ``rank`` half waves with coefficients of ``std``."""
    cosines = torch.stack([torch.cos(math.pi * k * time()) for k in range(1, rank + 1)], 1)
    # Sampled in the middle of each interval these cosines are orthogonal, of squared norm 32.
    basis, variance = cosines / cosines.norm(dim=0), std**2 * LENGTH / 2
    count = len(means)
    return MoLRG([basis] * count, [torch.full((rank,), variance, dtype=torch.float64)] * count, means, weights)


def time() -> Tensor:
    """The middles of 64 equal intervals of [0, 1]."""
    return (torch.arange(LENGTH, dtype=torch.float64) + 0.5) / LENGTH


Prior = Gaussian | MoLRG | Floored
PRIORS: Mapping[str, Callable[[], Prior]] = {
    "smooth": smooth_prior, "shapes": shapes_prior, "subspaces": subspaces_prior,
}  # fmt: skip


def task_matrix(task: str, generator: torch.Generator) -> Tensor:
    """The matrix ``(m, 64)`` of one of :data:`TASKS`: all samples but 16 in the middle; 20 at random; means of 4
    neighbours; a circular blur of standard deviation 3.
    """
    eye = torch.eye(LENGTH, dtype=torch.float64)
    if task == "box":
        return torch.cat([eye[:24], eye[40:]])
    if task == "random":
        return eye[torch.randperm(LENGTH, generator=generator)[:20].sort().values]
    if task == "pooling":
        return torch.kron(torch.eye(16, dtype=torch.float64), torch.full((1, 4), 0.25, dtype=torch.float64))
    if task == "blur":
        i = torch.arange(LENGTH, dtype=torch.float64)
        kernel = torch.exp(-torch.minimum(i, LENGTH - i).square() / 18)
        return torch.stack([torch.roll(kernel / kernel.sum(), k) for k in range(LENGTH)])
    raise ValueError(f"task: {task!r} is unknown; choose one of {', '.join(TASKS)}")


@dataclass(frozen=True)
class Case:
    """Signals ``x (B, 64)`` of a prior and their measurements ``y (B, m)``.

    ``matrix (G, m, 64)`` holds the operators of ``G`` equal groups of rows, one after another, filled up to the largest
    ``m`` by rows of zeros; ``noise_std (B,)`` the noise level of each row.
    """

    prior: Prior
    matrix: Tensor
    noise_std: Tensor
    x: Tensor
    y: Tensor

    @property
    def physics(self) -> MatrixPhysics:
        """The operator of the whole batch, with its noise."""
        return MatrixPhysics(self.matrix, noise_model=deepinv.physics.GaussianNoise(self.noise_std))

    def repeat(self, times: int) -> Case:
        """The whole batch ``times`` times."""
        parts = self.matrix.repeat(times, 1, 1), self.noise_std.repeat(times), self.x.repeat(times, 1)
        return Case(self.prior, *parts, self.y.repeat(times, 1))

    def half(self) -> Case:
        """The first half of the groups."""
        groups, rows = len(self.matrix) // 2, len(self.y) // 2
        return Case(self.prior, self.matrix[:groups], self.noise_std[:rows], self.x[:rows], self.y[:rows])

    def posterior_mean(self) -> Tensor:
        """``E[x0 | y]`` of each signal, ``(B, 64)``: no estimate has a smaller mean squared error."""
        found, each = [], len(self.y) // len(self.matrix)
        for row, (level, y) in enumerate(zip(self.noise_std.tolist(), self.y, strict=True)):
            matrix = self.matrix[row // each]
            kept = (matrix != 0).any(1)
            found.append(self.prior.posterior(y[kept], matrix[kept], level).mean())
        return torch.stack(found)


def task_matrices(tasks: Sequence[str], generator: torch.Generator) -> Tensor:
    """The matrices of ``tasks``, one after another, with rows of zeros to a common ``m``: ``(T, m, 64)``."""
    return torch.nn.utils.rnn.pad_sequence([task_matrix(task, generator) for task in tasks], batch_first=True)


def measure(prior: Prior, matrices: Tensor, x: Tensor, noise_std: float | Tensor, generator: torch.Generator) -> Case:
    """Measure signals ``x (T, S, 64)`` by the matrices ``(T, m, 64)``, with fresh noise of one level or one for each
    ``(T, S)``. The case has the ``T S`` rows one after another.
    """
    count, signals = x.shape[:2]
    levels = torch.as_tensor(noise_std, dtype=x.dtype).expand(count, signals).flatten()
    physics = MatrixPhysics(matrices, noise_model=deepinv.physics.GaussianNoise(levels, rng=generator))
    return Case(prior, matrices, levels, x.flatten(0, 1), physics(x.flatten(0, 1)))


def draw_case(prior: Prior, tasks: Sequence[str], noise_std: float, signals: int, seed: int, name: str) -> Case:
    """The same ``signals`` signals through each of ``tasks``: rows ``(T, S)``, flat."""
    generator = make_generator(seed, "sitcom", "signals", name)
    matrices = task_matrices(tasks, generator)
    x = prior.sample(signals, generator).expand(len(tasks), -1, -1)
    return measure(prior, matrices, x, noise_std, generator)


def signal_psnr(estimate: Tensor, x: Tensor) -> Tensor:
    """``10 log10(2^2 / mean squared error)`` of each signal ``(B,)``: the peak is the range [-1, 1]; nothing is cut."""
    return 10 * torch.log10(4 / (estimate - x).flatten(1).square().mean(1))
