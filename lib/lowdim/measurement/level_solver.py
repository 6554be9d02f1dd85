"""Solvers of inverse problems that walk down a grid of noise levels, and yield at each: what they have in common."""

from __future__ import annotations

import copy
import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from lowdim.checks import like
from lowdim.compat import import_deepinv
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.grids import check_sigmas
from lowdim.denoising.ranges import check_range
from lowdim.measurement import problem as measured
from lowdim.measurement.discrepancy import check_noise
from lowdim.measurement.problem import Problem, check_converged, check_worst

deepinv: Any = import_deepinv()

ADVICE = "is y in the units of images in [-1, 1], is the noise level right, are there enough levels and inner steps?"


class Diverged(RuntimeError):
    """An estimate became NaN or infinite on the way."""


@dataclass(frozen=True)
class State:
    """All that the rest of a run depends on: the level to visit next, the point there, and the generator's state; and
    the grid of the run, so that no other goes on from it (empty in states stored without it).
    """

    index: int
    point: Tensor
    random: Tensor
    sigmas: tuple[float, ...] = ()


@dataclass(frozen=True)
class Visit:
    """What a solver did at one level; tensors ``(B, ...)``.

    ``denoised`` is ``D(z, sigma)`` at the incoming point ``z``, ``estimate`` the solver's estimate of the image,
    ``misfit`` its ``|A(x) - y|^2``, ``forward`` and ``backward`` the evaluations of the denoiser and of its gradient,
    ``met`` says whose residual is down to the noise, ``shift`` how far the point was moved before it was denoised
    (root mean square, in units of ``x_t``), and ``point`` is the point at the next level.
    """

    denoised: Tensor
    estimate: Tensor
    misfit: Tensor
    forward: Tensor
    backward: Tensor
    met: Tensor
    shift: Tensor
    point: Tensor


@dataclass(frozen=True)
class Level:
    """One level of a run: its place in the grid, what happened there, and where the run can be taken up again."""

    index: int
    sigma: float
    visit: Visit
    after: State


@dataclass(frozen=True)
class Solution:
    """The end of a run: the last ``estimate (B, *event)``, never the best of the run, which only the truth could tell.

    ``misfit (B,)`` is its ``|A(x) - y|^2``, ``forward`` and ``backward`` ``(B,)`` count the evaluations of the denoiser
    and of its gradient for each sample, and ``met (B,)`` says whose residual was down to the noise at the last level.
    """

    estimate: Tensor
    misfit: Tensor
    forward: Tensor
    backward: Tensor
    met: Tensor


class LevelSolver(deepinv.models.Reconstructor):
    """A reconstructor of deepinv that walks down ``sigmas``; subclasses say what happens at a level.

    ``sigmas`` is a descending grid that ends at 0, such as ``vp_sigmas(20)``. ``progress`` shows a bar, where there is
    a terminal. Raises ``ValueError`` for another grid.
    """

    def __init__(self, denoiser: Denoiser, sigmas: Tensor | Sequence[float], *, progress: bool = False) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.sigmas: list[float] = check_sigmas(sigmas).tolist()
        if self.sigmas[-1] != 0:
            raise ValueError(f"sigmas: the last level {self.sigmas[-1]:.4g} is not allowed; the grid must end at 0")
        self.progress = progress

    def forward(
        self, y: Tensor, physics: Any, generator: torch.Generator | None = None, *, x_init: Tensor | None = None
    ) -> Tensor:
        """The reconstruction ``(B, *event)`` of the measurements ``y (B, ...)``; see :meth:`solve`."""
        return self.solve(y, physics, generator, x_init=x_init).estimate

    def solve(
        self,
        y: Tensor,
        physics: Any,
        generator: torch.Generator | None = None,
        *,
        x_init: Tensor | None = None,
        worst: float | None = None,
    ) -> Solution:
        """Run to the end and count what it cost.

        ``generator`` (PyTorch's global one by default) draws the start and all noise. ``x_init`` is an image to start
        near: the first point is ``x_init`` noised to the first level, by default noise alone. With ``worst``, samples
        whose final residual exceeds ``worst`` times that of the noise raise
        :class:`~lowdim.measurement.problem.NotConverged`. Raises ``ValueError`` at once for a ``worst`` that is not
        finite and above 0, and for what :meth:`levels` refuses.
        """
        check_worst(worst)
        visits = [level.visit for level in self.levels(y, physics, generator, x_init=x_init)]
        end = visits[-1]
        forward, backward = (torch.stack([getattr(v, name) for v in visits]).sum(0) for name in ("forward", "backward"))
        solution = Solution(end.point, end.misfit, forward, backward, end.met)
        if worst is not None:
            check_converged(solution.misfit, pose(y, physics, self.denoiser, x_init), worst, ADVICE)
        return solution

    def levels(
        self,
        y: Tensor,
        physics: Any,
        generator: torch.Generator | None = None,
        *,
        x_init: Tensor | None = None,
        resume: State | None = None,
    ) -> Iterator[Level]:
        """Visit the levels one by one; the caller may look, stop, or store ``level.after`` and ``resume`` from it.

        A resumed run sets the generator to the stored state and ends at the same bits as one that was not stopped.
        Several runs of one solver may be on their way at once: each works on a shallow copy of it.
        Raises ``ValueError`` at once for what :func:`pose` refuses, and for a state of
        another grid or other shapes.
        """
        problem = pose(y, physics, self.denoiser, x_init)
        run = copy.copy(self)  # what is prepared belongs to this run, which goes on while others are started
        run.prepare(problem)
        generator = torch.default_generator if generator is None else generator
        if resume is None:
            point, first = _start(problem, self.sigmas[0], x_init, generator), 0
        else:
            _check_state(resume, problem, self.sigmas)
            point, first = resume.point.to(problem.y.device, problem.dtype), resume.index
            generator.set_state(resume.random)
        return run._walk(problem, point, first, generator)

    def _walk(self, problem: Problem, point: Tensor, first: int, generator: torch.Generator) -> Iterator[Level]:
        pairs, grid = list(itertools.pairwise(self.sigmas)), tuple(self.sigmas)
        with tqdm(total=len(pairs), initial=first, unit="level", disable=None if self.progress else True) as bar:
            for index, (sigma, sigma_next) in list(enumerate(pairs))[first:]:
                visit = self.visit(problem, point, sigma, sigma_next, generator)
                point = visit.point
                if not bool(torch.isfinite(point).all()):
                    raise Diverged(f"level {index} (sigma = {sigma:.4g}): the next point is not finite")
                bar.update()
                yield Level(index, sigma, visit, State(index + 1, point, generator.get_state(), grid))

    def prepare(self, problem: Problem) -> None:
        """Look at the problem before the first level; for a subclass that needs to."""

    @abstractmethod
    def visit(
        self, problem: Problem, point: Tensor, sigma: float, sigma_next: float, generator: torch.Generator
    ) -> Visit:
        """From the point ``z`` at ``sigma`` to the one at ``sigma_next``; at ``sigma_next = 0`` the result."""


def pose(y: Tensor, physics: Any, denoiser: Denoiser, x_init: Tensor | None = None) -> Problem:
    """:func:`lowdim.measurement.problem.pose` for images in [-1, 1]; denoisers for pixels in [0, 1], such as those of
    deepinv, are refused too (see :func:`~lowdim.denoising.ranges.check_range`). So is Gaussian noise of a level that is
    not above 0, or of several levels but not one for each measurement, whether the solver reads it or not.
    """
    posed = measured.pose(y, physics, check_range("denoiser", denoiser), x_init)
    check_noise(physics, y.shape[0])
    return posed


def over_batch(v: Tensor, x: Tensor) -> Tensor:
    """``v (B,)`` in the dtype and on the device of ``x``, shaped to broadcast over it."""
    return like(v.to(x), x)


def draw(point: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise like ``point``, drawn on the generator's device."""
    noise = torch.randn(point.shape, generator=generator, dtype=point.dtype, device=generator.device)
    return noise.to(point.device)


def _start(problem: Problem, sigma: float, x_init: Tensor | None, generator: torch.Generator) -> Tensor:
    noise = draw(torch.empty(problem.shape, dtype=problem.dtype, device=problem.y.device), generator)
    # Without an image the law of the start is that of VP codes, x_t ~ N(0, I): noise and data of unit variance.
    return (1 + sigma**2) ** 0.5 * noise if x_init is None else x_init.to(noise) + sigma * noise


def _check_state(state: State, problem: Problem, sigmas: Sequence[float]) -> None:
    """Refuse a state that is of another run. Levels may differ in their last digits, as those of another machine do."""
    near = [math.isclose(a, b, rel_tol=1e-6) for a, b in zip(state.sigmas, sigmas, strict=False)]
    if state.sigmas and (len(state.sigmas) != len(sigmas) or not all(near)):
        raise ValueError(
            f"resume: a state of a run over {len(state.sigmas) - 1} levels from {state.sigmas[0]:.4g} is not allowed "
            f"in one over {len(sigmas) - 1} from {sigmas[0]:.4g}; give the solver the grid of the stored run"
        )
    if not 0 <= state.index < len(sigmas):
        raise ValueError(f"resume: level {state.index} is not in a grid of {len(sigmas) - 1} levels")
    if tuple(state.point.shape) != problem.shape:
        raise ValueError(
            f"resume: a point of shape {tuple(state.point.shape)} is not allowed; these measurements are of images "
            f"{problem.shape}; give those of the stored run"
        )
