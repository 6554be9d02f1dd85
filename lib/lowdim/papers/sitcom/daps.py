"""Decoupled annealing, a solver with the same interface."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import log_sigmas
from lowdim.denoising.samplers import euler, last
from lowdim.measurement.discrepancy import noise_level
from lowdim.measurement.level_solver import LevelSolver, Visit, draw, over_batch
from lowdim.measurement.problem import Problem


class DAPS(LevelSolver):
    """Decoupled annealing (Zhang et al. 2024): solve the flow ODE to a clean image, draw from the measurement's
    likelihood around it by Langevin steps, noise again.

    At level ``sigma``, ``x0`` is the end of ``ode_steps`` Euler steps from ``z`` to 0. Then ``langevin_steps`` steps on
    ``|A(x) - y|^2 / (2 sigma_y^2) + |x - x0|^2 / (2 r^2)`` with ``r = spread sigma`` start at ``x0``, each of size
    ``step`` times the inverse of the curvature ``gain / sigma_y^2 + 1 / r^2``; ``gain`` bounds ``|dA/dx|^2``. The last
    draw is the estimate. No gradient passes through the denoiser.

    ``r`` stands for the deviation of ``x0`` given ``z``. The paper takes ``r = sigma`` and Langevin steps too few to
    spread that far; here they do, so ``spread``, a number or one for each sample ``(B,)``, is tuned instead.

    Raises ``ValueError`` for a count below 1, a ``step`` outside (0, 1] or a ``spread`` that is not above 0.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        sigmas: Tensor | Sequence[float],
        *,
        spread: float | Tensor = 1.0,
        ode_steps: int = 5,
        langevin_steps: int = 50,
        step: float = 0.5,
        gain: float = 1.0,
        progress: bool = False,
    ) -> None:
        super().__init__(denoiser, sigmas, progress=progress)
        check_count("ode_steps", ode_steps)
        check_count("langevin_steps", langevin_steps)
        if not 0 < step <= 1:
            raise ValueError(f"step: {step!r} is not allowed; give a number in (0, 1]")
        self.spread = torch.as_tensor(spread, dtype=torch.float64)
        if not bool(((self.spread > 0) & torch.isfinite(self.spread)).all()):
            raise ValueError(f"spread: {spread!r} is not allowed; give finite numbers > 0")
        self.ode_steps, self.langevin_steps, self.step, self.gain = ode_steps, langevin_steps, step, gain

    def visit(
        self, problem: Problem, point: Tensor, sigma: float, sigma_next: float, generator: torch.Generator
    ) -> Visit:
        """Flow, draw, noise again."""
        grid = log_sigmas(self.ode_steps, min(0.01, sigma / 2), sigma) if self.ode_steps > 1 else [sigma, 0.0]
        clean = last(euler(self.denoiser, point, grid))
        estimate = self._langevin(problem, clean, sigma, generator)
        with torch.no_grad():
            misfit = problem.misfit(estimate)
        count = torch.full((point.shape[0],), self.ode_steps, dtype=torch.long, device=point.device)
        return Visit(
            clean, estimate, misfit, count, torch.zeros_like(count), torch.zeros_like(count, dtype=torch.bool),
            torch.zeros_like(misfit), estimate + sigma_next * draw(point, generator),
        )  # fmt: skip

    def _langevin(self, problem: Problem, clean: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
        variance = over_batch(noise_level(problem.physics, clean.shape[0]).square(), clean)
        width = over_batch((self.spread * sigma).square().expand(clean.shape[0]), clean)
        size = self.step / (self.gain / variance + 1 / width)
        x = clean
        for _ in range(self.langevin_steps):
            with torch.enable_grad():
                leaf = x.detach().requires_grad_()
                (data,) = torch.autograd.grad(problem.misfit(leaf).sum() / 2, leaf)
            x = x - size * (data / variance + (x - clean) / width) + (2 * size).sqrt() * draw(x, generator)
        return x
