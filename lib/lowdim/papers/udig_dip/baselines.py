"""What the network is compared with: pixels in its place, a diffusion sampler with the same prior, total variation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import like
from lowdim.compat import import_deepinv
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import log_sigmas
from lowdim.measurement.discrepancy import noise_level
from lowdim.measurement.problem import Problem, check_converged, check_worst
from lowdim.papers.udig_dip.methods import Start
from lowdim.papers.udig_dip.problem import ability, check_noise, for_each, pose
from lowdim.papers.udig_dip.purifier import Purifier
from lowdim.papers.udig_dip.solver import Solution, Solver, adjoint, draw

deepinv: Any = import_deepinv()

LEVELS = (0.01, 5.0)
"""The lowest and the highest level of a sampler."""
INNER = 30
"""Most iterations of conjugate gradients in a proximal step."""
ADVICE = "are there enough steps, and are y and all levels in the units of the images?"


class HalfQuadraticSplitting(Solver):
    """Plug-and-play half-quadratic splitting: uDiG-DIP with pixels in place of the network.

    ``x_k = argmin |A x - y|^2 + sigma_y^2 / tau_k^2 |x - z|^2`` by conjugate gradients, then ``z = DP_{tau_k}(x_k)``.
    The last ``x`` is returned. Raises ``ValueError`` for levels that are not above 0.
    """

    def __init__(self, purifier: Purifier, tau: Sequence[float], *, start: Start = adjoint) -> None:
        super().__init__()
        if not len(tau) or not all(0 < t < math.inf for t in tau):
            raise ValueError(f"tau: {tau!r} is not allowed; give levels > 0")
        self.purifier, self.tau, self.first = purifier, [float(t) for t in tau], start

    def solve(
        self, y: Tensor, physics: Any, generator: torch.Generator | None = None, *, worst: float | None = None
    ) -> Solution:
        """Run to the end; ``generator`` draws the purifier's noise, if it has any.

        With ``worst``, final residuals above ``worst`` times that of the noise raise
        :class:`~lowdim.measurement.problem.NotConverged`. Raises ``ValueError`` for a ``worst`` that is not finite and
        above 0, what :func:`~lowdim.measurement.problem.pose` refuses, a physics without Gaussian noise of a level
        above 0, and one without a proximal map.
        """
        check_worst(worst)
        problem = pose(y, physics, self.purifier.denoiser)
        generator = torch.default_generator if generator is None else generator
        prox = proximal_step(problem)
        z: Tensor = self.first(problem)
        x = z
        for k, tau in enumerate(self.tau):
            if k:
                z = self.purifier(x, tau, generator)
            x = prox(z, tau)
        return ended(problem, x, z, (len(self.tau) - 1) * self.purifier.evaluations, worst)


class DDS(Solver):
    """Decomposed diffusion sampling (Chung et al. 2024) in units of the image: at each level denoise, make the result
    explain the measurement, and noise it again, partly with the noise that was there.

        ``x = argmin |A x - y|^2 + sigma_y^2 / sigma^2 |x - D(u, sigma)|^2``
        ``u' = x + sigma' (eta n + sqrt(1 - eta^2) (u - D(u, sigma)) / sigma)``

    The weight of the released code is 1 at every level; the one used here is consistent with Gaussian noise. The last
    ``x`` is returned. Levels are even in ``log sigma``.
    """

    def __init__(
        self, denoiser: Denoiser, *, levels: int = 50, sigmas: tuple[float, float] = LEVELS, eta: float = 0.85
    ) -> None:
        super().__init__()
        if not 0 <= eta <= 1:
            raise ValueError(f"eta: {eta!r} is not allowed; give a number from 0 to 1")
        self.purifier, self.eta = Purifier(denoiser), eta
        self.sigmas = log_sigmas(levels, *sigmas).tolist()

    def solve(
        self, y: Tensor, physics: Any, generator: torch.Generator | None = None, *, worst: float | None = None
    ) -> Solution:
        """Run to the end; ``generator`` draws the start and the noise.

        With ``worst``, final residuals above ``worst`` times that of the noise raise
        :class:`~lowdim.measurement.problem.NotConverged`. Raises ``ValueError`` for a ``worst`` that is not finite and
        above 0, what :func:`~lowdim.measurement.problem.pose` refuses, a physics without Gaussian noise of a level
        above 0, and one without a proximal map.
        """
        check_worst(worst)
        problem = pose(y, physics, self.purifier.denoiser)
        generator = torch.default_generator if generator is None else generator
        prox = proximal_step(problem)
        like = torch.empty(problem.shape, dtype=problem.dtype, device=y.device)
        u = self.sigmas[0] * draw(like, generator)
        for sigma, following in pairwise(self.sigmas):
            clean = self.purifier(u, sigma, generator)
            x = prox(clean, sigma)
            kept = math.sqrt(1 - self.eta**2) * (u - clean) / sigma
            u = x + following * (self.eta * draw(like, generator) + kept)
        return ended(problem, x, clean, len(self.sigmas) - 1, worst)


def proximal_step(problem: Problem) -> Callable[[Tensor, float], Tensor]:
    """``(z, tau) -> argmin_x |A x - y|^2 + sigma_y^2 / tau^2 |x - z|^2``, with each measurement's own ``sigma_y``.

    Raises ``ValueError`` for a physics without proximal map, or without Gaussian noise of a level above 0.
    """
    prox = ability(problem, "prox_l2", "an image is made to explain y")
    variance = for_each(noise_level(problem.physics, problem.shape[0]).square().tolist(), problem)

    def step(z: Tensor, tau: float) -> Tensor:
        ratio = tau**2 / variance
        return prox(z, problem.y, like(ratio, z) if isinstance(ratio, Tensor) else ratio, max_iter=INNER)

    return step


def total_variation(
    problem: Problem, weight: float, start: Tensor, steps: int = 60, *, worst: float | None = None
) -> Tensor:
    """``argmin |A x - y|^2 / 2 + weight TV(x)``, each channel alone, by accelerated proximal gradients (FISTA) with
    deepinv's proximal map; ``|A| <= 1``.

    With ``worst``, final residuals above ``worst`` times that of the noise raise
    :class:`~lowdim.measurement.problem.NotConverged`. Raises ``ValueError`` for an operator without adjoint, a noise
    level that is not above 0, a weight that is negative or not finite, and a ``worst`` that is not finite and above 0.
    """
    check_worst(worst)
    check_noise(problem)
    if not 0 <= weight < math.inf:
        raise ValueError(f"weight: {weight!r} is not allowed; give a finite number >= 0")
    back_project = ability(problem, "A_adjoint", "total variation descends")
    prox = deepinv.models.TVDenoiser(n_it_max=30).to(problem.y.device)
    x = previous = start
    with torch.no_grad():
        for k in range(steps):
            point = x + k / (k + 3) * (x - previous)
            previous = x
            step = point - back_project(problem.physics.A(point) - problem.y)
            x = prox(step.flatten(0, 1)[:, None], ths=weight).reshape(step.shape)
    return ended(problem, x, x, 0, worst).estimate


def ended(problem: Problem, x: Tensor, z: Tensor, evaluations: int, worst: float | None) -> Solution:
    """The solution ``x`` of a method without a network of its own."""
    with torch.no_grad():
        misfit = problem.misfit(x)
    if worst is not None:
        check_converged(misfit, problem, worst, ADVICE)
    return Solution(x.detach(), z.detach(), misfit, 0, evaluations)
