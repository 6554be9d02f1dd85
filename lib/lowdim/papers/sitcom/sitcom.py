"""SITCOM (Alkhouri et al., ICML 2025): at each noise level, repair the input of the denoiser until its output explains
the measurement, then noise that output to the next level.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_count, check_result
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import vp_sigmas
from lowdim.measurement.discrepancy import noise_level, observed_entries
from lowdim.measurement.level_solver import LevelSolver, Visit, draw
from lowdim.measurement.problem import Problem
from lowdim.papers.sitcom.coordinates import VP, Coordinates
from lowdim.papers.sitcom.descent import Adam, Fit, Optimiser, descend, root_mean_square
from lowdim.papers.sitcom.stopping import Margin, Threshold

Renoise = Callable[[Tensor, Tensor, float, float, Tensor], Tensor]
"""``(estimate, point, sigma, sigma_next, noise) -> next point``."""


def forward_kernel(estimate: Tensor, point: Tensor, sigma: float, sigma_next: float, noise: Tensor) -> Tensor:
    """``z' = x + sigma' n``: a fresh draw of the forward process from the estimate (the paper's third condition)."""
    return estimate + sigma_next * noise


def ddim(estimate: Tensor, point: Tensor, sigma: float, sigma_next: float, noise: Tensor) -> Tensor:
    """``z' = x + sigma' (z - x) / sigma``: keep the noise that is there, as DDIM does; for comparison."""
    return estimate + sigma_next / sigma * (point - estimate)


class SITCOM(LevelSolver):
    """Step-wise triple-consistent sampling, with any denoiser and any operator that PyTorch can differentiate.

    At level ``sigma`` with point ``z`` and ``x_t = sqrt(alpha_bar) z``::

        v = argmin |A(f(v)) - y|^2 + lambda |v - x_t|^2   by Adam from v = x_t     (measurement, closeness)
        x = f(v) = D(v / sqrt(alpha_bar), sigma)                                   (backward consistency)
        z' = x + sigma' n                                                          (forward consistency)

    Args:
        denoiser: ``D(x, sigma)``, differentiable in ``x``.
        sigmas: the grid; default :func:`vp_sigmas` with 20 levels, timesteps 950, 900, ..., 0 of DDPM.
        inner_steps: guesses a level, at most (``K``); each is one evaluation of the denoiser, all but the last one
            gradient.
        learning_rate: step of Adam (``gamma``), in units of ``x_t``. Moments start afresh at each level.
        closeness: ``lambda``, a finite number >= 0 or a function of ``sigma`` that returns one, in units of ``x_t``.
        stop: the threshold on ``|A(x) - y|^2`` below which a sample rests; ``None`` never stops, and asks the physics
            for no noise level.
        pixel_range: estimates are clamped to it inside the loss, as in the released code; ``None`` for data that are
            no images. Pixels that saturate carry no gradient.
        coordinates: :class:`VP` (the paper's), or :class:`VE`, the same algorithm in the book's units.
        renoise: :func:`forward_kernel`, or :func:`ddim` to see what the third condition is worth.
        optimiser: :class:`Adam`, or a class with its interface.
        progress: show a bar.

    Raises ``ValueError`` for an argument out of its range; runs raise it for a denoiser whose result has not the shape
    of its input, and for a ``closeness`` that returns a number out of its range.

    """

    def __init__(
        self,
        denoiser: Denoiser,
        sigmas: Tensor | Sequence[float] | None = None,
        *,
        inner_steps: int = 20,
        learning_rate: float = 0.01,
        closeness: float | Callable[[float], float] = 0.0,
        stop: Threshold | None = Margin(),  # noqa: B008  -- frozen
        pixel_range: tuple[float, float] | None = (-1.0, 1.0),
        coordinates: Coordinates = VP(),  # noqa: B008  -- frozen
        renoise: Renoise = forward_kernel,
        optimiser: type[Any] = Adam,
        progress: bool = False,
    ) -> None:
        super().__init__(denoiser, vp_sigmas(20) if sigmas is None else sigmas, progress=progress)
        check_count("inner_steps", inner_steps)
        if not 0 < learning_rate < math.inf:
            raise ValueError(f"learning_rate: {learning_rate!r} is not allowed; give a finite number > 0")
        if not callable(closeness) and not 0 <= closeness < math.inf:
            raise ValueError(f"closeness: {closeness!r} is not allowed; give a finite number >= 0, or a function")
        if pixel_range is not None and not pixel_range[0] < pixel_range[1]:
            raise ValueError(f"pixel_range: {pixel_range!r} is not allowed; give (low, high) with low < high, or None")
        self.inner_steps, self.learning_rate, self.closeness, self.stop = inner_steps, learning_rate, closeness, stop
        self.pixel_range, self.coordinates, self.renoise, self.optimiser = pixel_range, coordinates, renoise, optimiser

    def prepare(self, problem: Problem) -> None:
        """Fix the threshold of each sample."""
        y = problem.y
        if self.stop is None:
            self.threshold = torch.full((y.shape[0],), -1.0, dtype=problem.dtype, device=y.device)
            return
        entries = observed_entries(problem.physics, y)
        self.threshold = self.stop(noise_level(problem.physics, y.shape[0]), entries).to(y.device, problem.dtype)

    def visit(
        self, problem: Problem, point: Tensor, sigma: float, sigma_next: float, generator: torch.Generator
    ) -> Visit:
        """Repair, denoise, noise again."""
        scale = self.coordinates.scale(sigma)
        fit = self.repair(problem, point, sigma)
        following = self.renoise(fit.estimate, fit.v / scale, sigma, sigma_next, draw(point, generator))
        shift = root_mean_square(fit.v - scale * point) / (scale * math.sqrt(1 + sigma**2))
        return Visit(
            fit.first, fit.estimate, fit.misfit, fit.forward, fit.backward, fit.met, shift, following
        )  # fmt: skip

    def repair(self, problem: Problem, point: Tensor, sigma: float) -> Fit:
        """Move ``v`` until ``f(v)`` explains the measurement."""
        scale = self.coordinates.scale(sigma)

        def guess(v: Tensor) -> Tensor:
            z = v / scale
            return self.clamp(check_result("denoiser", self.denoiser(z, sigma), z))

        return self._descend(problem, scale * point, guess, sigma)

    def clamp(self, x: Tensor) -> Tensor:
        """``x`` cut to the pixel range, if there is one."""
        return x if self.pixel_range is None else x.clamp(*self.pixel_range)

    def _descend(self, problem: Problem, start: Tensor, guess: Callable[[Tensor], Tensor], sigma: float) -> Fit:
        to, weight = self.coordinates, self.closeness(sigma) if callable(self.closeness) else self.closeness
        if not 0 <= weight < math.inf:
            raise ValueError(
                f"closeness: it returned {weight!r} at sigma = {sigma:.4g}; it has to return a finite number >= 0"
            )
        optimiser: Optimiser = self.optimiser(start, to.step(self.learning_rate, sigma), to.eps(1e-8, sigma))
        return descend(
            problem,
            start,
            guess,
            optimiser,
            steps=self.inner_steps,
            weight=to.weight(weight, sigma),
            threshold=self.threshold,
        )


class OutputRepair(SITCOM):
    """The same loop with the other variable: repair what the denoiser *returns*, and leave its input alone.

    ``x`` starts at ``D(z, sigma)`` and is moved by the same Adam until ``A(x)`` explains ``y``; it need not be anything
    that the denoiser could return. One evaluation of the denoiser a level, no gradient through it; the core of methods
    such as DCDP and DAPS, and the ablation of backward consistency. Arguments are those of :class:`SITCOM`.
    """

    def repair(self, problem: Problem, point: Tensor, sigma: float) -> Fit:
        """Move ``x`` until it explains the measurement."""
        with torch.no_grad():
            denoised = self.clamp(check_result("denoiser", self.denoiser(point, sigma), point))
        return self._descend(problem, denoised, self.clamp, sigma)

    def visit(
        self, problem: Problem, point: Tensor, sigma: float, sigma_next: float, generator: torch.Generator
    ) -> Visit:
        """Denoise, repair, noise again."""
        fit = self.repair(problem, point, sigma)
        following = self.renoise(fit.estimate, point, sigma, sigma_next, draw(point, generator))
        once, none = torch.ones_like(fit.forward), torch.zeros_like(fit.forward)
        return Visit(
            fit.first, fit.estimate, fit.misfit, once, none, fit.met, torch.zeros_like(fit.misfit), following
        )  # fmt: skip
