"""Variance-preserving and variance-exploding form of one inner problem.

With ``v = sqrt(alpha_bar) z`` the objectives ``|A(D(z)) - y|^2 + lambda |v - x_t|^2`` and ``|A(D(z)) - y|^2 +
lambda_VE |z - z_t|^2`` are one when ``lambda_VE = alpha_bar lambda``. Adam moves each coordinate by about its step
whatever the gradient's size, so the step maps like the variable: ``gamma_VE = gamma / sqrt(alpha_bar)``. Its ``eps``
is compared with gradients, which map the other way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Coordinates(Protocol):
    """The variable ``v = scale z`` in which an inner problem is solved, ``z`` being the book's point ``x0 + sigma n``,
    and what becomes in it of quantities stated in variance-preserving units.
    """

    def scale(self, sigma: float) -> float:
        """``v / z``."""

    def step(self, step: float, sigma: float) -> float:
        """The step of Adam."""

    def eps(self, eps: float, sigma: float) -> float:
        """The ``eps`` of Adam."""

    def weight(self, weight: float, sigma: float) -> float:
        """The weight of ``|v - v_start|^2``."""


@dataclass(frozen=True)
class VP:
    """``v = x_t = z / sqrt(1 + sigma^2)``: the paper's form; everything stays as stated."""

    def scale(self, sigma: float) -> float:
        """``sqrt(alpha_bar)``."""
        return 1 / math.sqrt(1 + sigma**2)

    def step(self, step: float, sigma: float) -> float:
        """Unchanged."""
        return step

    def eps(self, eps: float, sigma: float) -> float:
        """Unchanged."""
        return eps

    def weight(self, weight: float, sigma: float) -> float:
        """Unchanged."""
        return weight


@dataclass(frozen=True)
class VE:
    """``v = z``. With ``mapped`` steps the same algorithm as :class:`VP`; without, ports of SITCOM that keep the step
    constant in these units, where nothing moves while the noise is high.
    """

    mapped: bool = True

    def scale(self, sigma: float) -> float:
        """One."""
        return 1.0

    def step(self, step: float, sigma: float) -> float:
        """``step sqrt(1 + sigma^2)``, or the step itself when not mapped."""
        return step * math.sqrt(1 + sigma**2) if self.mapped else step

    def eps(self, eps: float, sigma: float) -> float:
        """``eps / sqrt(1 + sigma^2)``, or itself when not mapped."""
        return eps / math.sqrt(1 + sigma**2) if self.mapped else eps

    def weight(self, weight: float, sigma: float) -> float:
        """``weight / (1 + sigma^2)``, or the weight itself when not mapped."""
        return weight / (1 + sigma**2) if self.mapped else weight


def posterior_closeness(noise_std: float) -> ClosenessSchedule:
    """``lambda(sigma) = sigma_y^2 / (1 - alpha_bar) = sigma_y^2 (1 + sigma^2) / sigma^2``, in VP units.

    With it the exact solution of the inner problem is the conditional mean ``E[x0 | x_t, y]`` wherever the denoiser's
    Jacobian is a projection. This schedule is not the paper's, which uses 0 for seven of its eight tasks.
    Raises ``ValueError`` unless ``noise_std > 0``.
    """
    if not 0 < noise_std < math.inf:
        raise ValueError(f"noise_std: {noise_std!r} is not allowed; give a finite number > 0")
    return ClosenessSchedule(noise_std)


@dataclass(frozen=True)
class ClosenessSchedule:
    """Made by :func:`posterior_closeness`."""

    noise_std: float

    def __call__(self, sigma: float) -> float:
        """The weight at level ``sigma``."""
        return self.noise_std**2 * (1 + sigma**2) / sigma**2
