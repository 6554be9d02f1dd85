"""Solvers of deepinv for measurements in the book's units.

deepinv's images live in [0, 1]. With ``x01 = (x + 1) / 2`` and a linear operator ``A x01 = (A x + A 1) / 2``, so the
measurement becomes ``(y + A 1) / 2`` and its noise level ``sigma_y / 2``: this module is the one place where that is
done.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from lowdim.checks import check_count, check_result
from lowdim.compat import import_deepinv
from lowdim.denoising.conversions import from_unit_range, sigma_to_unit_range
from lowdim.denoising.denoiser import Denoiser
from lowdim.denoising.views import unit_range_view
from lowdim.measurement.discrepancy import noise_level
from lowdim.measurement.level_solver import Diverged, Solution, pose
from lowdim.measurement.problem import Problem

deepinv: Any = import_deepinv()

Maker = Callable[[nn.Module, torch.device], Any]
"""From a denoiser as deepinv calls it, and the device of the measurement, to one of deepinv's reconstructors."""

FAR = 1e6
"""Pixels beyond this are those of a sampler that diverges: what a denoiser makes of them is not held against it."""


class UnitRangeDenoiser(deepinv.models.Denoiser):
    """A denoiser of the book as deepinv calls its own, ``(x01, sigma01)``, which counts what it is asked."""

    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.view = unit_range_view(denoiser)
        self.forwards = self.backwards = 0

    def forward(self, x: Tensor, sigma: float | Tensor, **kwargs: Any) -> Tensor:
        """``(D(2 x - 1, 2 sigma) + 1) / 2``. Raises ``ValueError`` when it has not the shape of ``x``, and
        :class:`~lowdim.measurement.level_solver.Diverged` when it is not finite though ``x`` is.
        """
        self.forwards += 1
        self.backwards += int(x.requires_grad and torch.is_grad_enabled())
        found = check_result("denoiser", self.view(x, sigma), x)
        if not bool(torch.isfinite(found).all()) and float(x.detach().abs().amax()) < FAR:
            raise Diverged(f"evaluation {self.forwards}: the denoiser returned NaN or infinity for a finite picture")
        return found


class DeepinvSolver(deepinv.models.Reconstructor):
    """One of deepinv's reconstructors, called and counted like the solvers of this chapter; for linear operators.

    ``make`` builds it from a denoiser, for example :func:`diffpir` or :func:`ddrm` with their settings.
    """

    def __init__(self, denoiser: Denoiser, make: Maker) -> None:
        super().__init__()
        self.denoiser, self.make = denoiser, make

    def forward(self, y: Tensor, physics: Any, generator: torch.Generator | None = None) -> Tensor:
        """The reconstruction ``(B, *event)``, in [-1, 1]."""
        return self.solve(y, physics, generator).estimate

    def solve(self, y: Tensor, physics: Any, generator: torch.Generator | None = None) -> Solution:
        """Run to the end and count what it cost.

        deepinv draws from PyTorch's global generator; it is seeded from ``generator`` for the run, and put back.

        A solver that diverges by its own settings returns NaN, as deepinv's do. Raises
        :class:`~lowdim.measurement.level_solver.Diverged` when the denoiser returns NaN or infinity, and ``ValueError``
        when it returns another shape, when the physics is not one of deepinv's ``LinearPhysics``, has no Gaussian noise
        or (but for DPS) several levels of it; for DDRM also when deepinv knows no singular value decomposition of the
        operator, or holds it in another dtype than ``y``.
        """
        if not isinstance(physics, deepinv.physics.LinearPhysics):
            raise ValueError(f"physics: {type(physics).__name__} is not linear; this solver needs a LinearPhysics")
        problem = pose(y, physics, self.denoiser)
        denoiser = UnitRangeDenoiser(self.denoiser)
        y01, physics01 = to_unit_range_problem(problem)
        seed = int(torch.randint(2**31 - 1, (), generator=generator))
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            solver = self.make(denoiser, y.device)
            _check_fit(solver, y, physics01)
            found = check_result("make", solver(y01, physics01), torch.empty(problem.shape, device="meta"))
        estimate = from_unit_range(found).to(problem.dtype).detach()
        forward, backward = (
            torch.full((len(y),), count, device=y.device) for count in (denoiser.forwards, denoiser.backwards)
        )
        with torch.no_grad():
            misfit = problem.misfit(estimate)
        return Solution(estimate, misfit, forward, backward, torch.zeros(len(y), dtype=torch.bool, device=y.device))


def to_unit_range_problem(problem: Problem) -> tuple[Tensor, Any]:
    """The same problem for images in [0, 1]: ``(A 1 + y) / 2`` and the physics with half the noise."""
    physics = problem.physics.clone()
    levels = sigma_to_unit_range(noise_level(problem.physics, problem.shape[0]))
    level = levels if len(set(levels.tolist())) > 1 else levels[0]
    physics.set_noise_model(deepinv.physics.GaussianNoise(level.to(problem.y.device, problem.dtype)))
    ones = torch.ones(problem.shape, dtype=problem.dtype, device=problem.y.device)
    with torch.no_grad():
        return (problem.physics.A(ones) + problem.y) / 2, physics


def _check_fit(solver: Any, y: Tensor, physics: Any) -> None:
    """Refuse what a solver of deepinv would fail at without saying why."""
    name, sampling = type(solver).__name__, deepinv.sampling
    if isinstance(solver, sampling.DDRM | sampling.DiffPIR) and physics.noise_model.sigma.numel() > 1:
        levels = physics.noise_model.sigma.flatten()[:4].tolist()
        raise ValueError(f"physics: noise levels {levels} are not allowed; {name} of deepinv takes one for all")
    if not isinstance(solver, sampling.DDRM):
        return
    if not decomposable(physics):
        raise ValueError(
            f"physics: a {type(physics).__name__} is not allowed; DDRM needs one of deepinv's DecomposablePhysics, "
            "whose singular value decomposition is known, such as Inpainting"
        )
    held = physics.mask.abs().dtype
    if held != y.abs().dtype and not isinstance(physics, deepinv.physics.Denoising):  # whose mask it does not ask for
        raise ValueError(f"y: {y.dtype} is not allowed with a physics in {held}; move one of them with .to(...)")


def decomposable(physics: Any) -> bool:
    """Whether :func:`ddrm` can take this operator: deepinv knows its singular value decomposition."""
    return isinstance(physics, deepinv.physics.DecomposablePhysics)


def diffpir(steps: int = 100, closeness: float = 7.0, zeta: float = 0.3) -> Maker:
    """DiffPIR of deepinv (Zhu et al. 2023): ``steps`` evaluations; ``closeness`` is its ``lambda_``.

    Raises ``ValueError`` unless ``steps >= 2``, ``closeness`` is finite and above 0, and ``zeta`` is from 0 to 1.
    """
    check_count("steps", steps, 2)  # the first of deepinv's time steps only starts the run
    if not 0 < closeness < math.inf:
        raise ValueError(f"closeness: {closeness!r} is not allowed; give a finite number > 0")
    if not 0 <= zeta <= 1:
        raise ValueError(f"zeta: {zeta!r} is not allowed; give a number from 0 to 1")

    def make(denoiser: nn.Module, device: torch.device) -> Any:
        fidelity = deepinv.optim.data_fidelity.L2()
        return deepinv.sampling.DiffPIR(denoiser, fidelity, max_iter=steps, lambda_=closeness, zeta=zeta, device=device)

    return make


def ddrm(steps: int = 100, eta: float = 0.85) -> Maker:
    """DDRM of deepinv (Kawar et al. 2022): ``steps`` evaluations, levels evenly from 1 to 0 in its own units; for
    operators with a singular value decomposition, such as inpainting.

    Raises ``ValueError`` unless ``steps >= 1`` and ``eta`` is from 0 to 1.
    """
    check_count("steps", steps)
    if not 0 <= eta <= 1:
        raise ValueError(f"eta: {eta!r} is not allowed; give a number from 0 to 1")

    def make(denoiser: nn.Module, device: torch.device) -> Any:
        return deepinv.sampling.DDRM(denoiser, sigmas=torch.linspace(1, 0.01, steps).tolist(), eta=eta)

    return make


def deepinv_dps(steps: int, weight: float) -> Maker:
    """DPS of deepinv with ``steps`` time steps. Its ``weight`` enters through the score, so it is not the ``zeta`` of
    the paper. Raises ``ValueError`` unless ``steps >= 2`` and ``weight`` is finite and >= 0.
    """
    check_count("steps", steps, 2)  # the first of deepinv's time steps only starts the run
    if not 0 <= weight < math.inf:
        raise ValueError(f"weight: {weight!r} is not allowed; give a finite number >= 0")

    def make(denoiser: nn.Module, device: torch.device) -> Any:
        return deepinv.sampling.DPS(denoiser, num_steps=steps, weight=weight, device=device)

    return make
