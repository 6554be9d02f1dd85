"""Diffusion posterior sampling as in its paper."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lowdim.checks import check_result
from lowdim.denoising.denoiser import Denoiser
from lowdim.measurement.level_solver import LevelSolver, Visit, draw, over_batch
from lowdim.measurement.problem import Problem

TINY = 1e-30  # a residual of exactly 0 has no direction


class DPS(LevelSolver):
    """Diffusion posterior sampling (Chung et al. 2023, Algorithm 1): one gradient of the residual's norm a level.

    In variance-preserving points, with ``x0 = f(x_t)``::

        x_t' = ancestral step from x_t with x0  -  zeta grad_{x_t} |A(x0) - y|

    ``guidance`` is ``zeta``, a number or one for each sample ``(B,)``; it has to be tuned for each task and each number
    of levels. ``pixel_range`` is where the denoised image is clipped, ``None`` for nowhere.

    Raises ``ValueError`` unless ``guidance`` is finite and >= 0.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        sigmas: Tensor | Sequence[float],
        *,
        guidance: float | Tensor,
        pixel_range: tuple[float, float] | None = (-1.0, 1.0),
        progress: bool = False,
    ) -> None:
        super().__init__(denoiser, sigmas, progress=progress)
        self.guidance = torch.as_tensor(guidance, dtype=torch.float64)
        if not bool(((self.guidance >= 0) & torch.isfinite(self.guidance)).all()):
            raise ValueError(f"guidance: {guidance!r} is not allowed; give finite numbers >= 0")
        self.pixel_range = pixel_range

    def prepare(self, problem: Problem) -> None:
        """Give each sample its guidance."""
        if self.guidance.dim() > 1 or self.guidance.numel() not in (1, problem.shape[0]):
            raise ValueError(
                f"guidance: shape {tuple(self.guidance.shape)} is not allowed; give a number or ({problem.shape[0]},)"
            )
        self.weights = self.guidance.expand(problem.shape[0])

    def visit(
        self, problem: Problem, point: Tensor, sigma: float, sigma_next: float, generator: torch.Generator
    ) -> Visit:
        """One ancestral step and one gradient step."""
        with torch.enable_grad():
            z = point.detach().requires_grad_()
            denoised = check_result("denoiser", self.denoiser(z, sigma), z)
            denoised = denoised if self.pixel_range is None else denoised.clamp(*self.pixel_range)
            misfit = problem.misfit(denoised)
            (gradient,) = torch.autograd.grad(misfit.clamp_min(TINY).sqrt().sum(), z)
        estimate, misfit = denoised.detach(), misfit.detach()
        keep = (sigma_next / sigma) ** 2
        fresh = sigma_next * math.sqrt(1 - keep) * draw(point, generator)
        # x_t = z / sqrt(1 + sigma^2): once for the gradient, once to come back to z at the next level.
        units = math.sqrt((1 + sigma**2) * (1 + sigma_next**2))
        following = estimate + keep * (point - estimate) + fresh - units * over_batch(self.weights, gradient) * gradient
        if sigma_next == 0:
            with torch.no_grad():
                misfit = problem.misfit(following)
        once = torch.ones(point.shape[0], dtype=torch.long, device=point.device)
        return Visit(
            estimate, estimate, misfit, once, once, torch.zeros_like(once, dtype=torch.bool), torch.zeros_like(misfit),
            following,
        )  # fmt: skip
