"""Signals of 64 samples with a Gaussian law, four ways to measure them, and the schemes with pixels for a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.distributions import Gaussian
from lowdim.papers.udig_dip.purifier import Purifier
from lowdim.papers.udig_dip.theory import resolvent

LENGTH = 64
TASKS = ("box", "random", "pooling", "blur")


def signal_law() -> tuple[Tensor, Gaussian]:
    """The covariance ``0.25 exp(-(i - j)^2 / 50) + 10^-4 I`` and the centred Gaussian with it."""
    place = torch.arange(LENGTH, dtype=torch.float64)
    covariance = 0.25 * (-(place - place[:, None]).square() / 50).exp() + 1e-4 * torch.eye(LENGTH, dtype=torch.float64)
    return covariance, Gaussian.from_covariance(torch.zeros(LENGTH, dtype=torch.float64), covariance)


def operator(task: str, generator: torch.Generator) -> Tensor:
    """The matrix ``(m, 64)`` of one of :data:`TASKS`: a gap of 16 samples; 20 samples at random; means of four; a
    circular blur of standard deviation 3.

    Raises ``ValueError`` for another name.
    """
    if task not in TASKS:
        raise ValueError(f"task: {task!r} is unknown; choose one of {', '.join(TASKS)}")
    eye = torch.eye(LENGTH, dtype=torch.float64)
    if task == "box":
        return eye[[i for i in range(LENGTH) if not 24 <= i < 40]]
    if task == "random":
        return eye[torch.randperm(LENGTH, generator=generator)[:20].sort().values]
    if task == "pooling":
        return eye.reshape(LENGTH // 4, 4, LENGTH).mean(1)
    distance = torch.arange(LENGTH, dtype=torch.float64)
    row = (-torch.minimum(distance, LENGTH - distance).square() / 18).exp()
    shift = (torch.arange(LENGTH)[:, None] - torch.arange(LENGTH)) % LENGTH
    return (row / row.sum())[shift]


def sequential(a: Tensor, y: Tensor, lam: float, rounds: int) -> list[Tensor]:
    """The images ``(B, 64)`` of each round of the autoencoding scheme, from ``A^T y``."""
    z, found, inverse = y @ a, [], resolvent(a, lam)
    for _ in range(rounds):
        z = (y @ a + lam * z) @ inverse
        found.append(z)
    return found


def guided(
    a: Tensor, y: Tensor, noise_std: float, taus: Sequence[float], purifier: Purifier, generator: torch.Generator
) -> list[Tensor]:
    """The images of each round of the diffusion-guided scheme from ``A^T y``, ``lambda_k = sigma_y^2 / tau_k^2``."""
    z, found = y @ a, []
    inverses = {tau: resolvent(a, (noise_std / tau) ** 2) for tau in set(taus)}
    for tau in taus:
        x = (y @ a + (noise_std / tau) ** 2 * z) @ inverses[tau]
        found.append(x)
        z = purifier(x, tau, generator)
    return found


def signal_psnr(found: Tensor, x: Tensor) -> Tensor:
    """``10 log10(2^2 / mean squared error)`` of each signal ``(B,)``: the peak is the range [-1, 1]; nothing is cut."""
    return 10 * torch.log10(4 / (found - x).square().mean(-1))
