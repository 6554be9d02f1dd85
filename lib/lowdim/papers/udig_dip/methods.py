"""The siblings of the deep image prior: with a reference, guided by itself, autoencoding, and guided by a diffusion
model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from lowdim.checks import check_count, check_finite
from lowdim.measurement.discrepancy import noise_level
from lowdim.measurement.problem import Problem
from lowdim.papers.udig_dip.networks import NetFactory
from lowdim.papers.udig_dip.problem import ability, for_each
from lowdim.papers.udig_dip.purifier import Purifier
from lowdim.papers.udig_dip.solver import DeepImagePrior, adjoint, draw

Start = Callable[[Problem], Tensor]
Weight = float | Callable[[int], float]
LIMITS = (1e-3, 1.0)
"""Of ``lambda = sigma_y^2 / tau^2``."""


class ReferenceDIP(DeepImagePrior):
    """Reference-guided deep image prior: the input is ``reference (B, C, H, W)``, a similar image, and stays."""

    def __init__(self, net_factory: NetFactory, reference: Tensor, **options: Any) -> None:
        super().__init__(net_factory, **options)
        self.reference = check_finite("reference", reference)

    def start(self, problem: Problem, generator: torch.Generator) -> Tensor:
        """The reference. Raises ``ValueError`` when it has not the shape or device of the images."""
        if tuple(self.reference.shape) != problem.shape or self.reference.device != problem.y.device:
            raise ValueError(
                f"reference: {tuple(self.reference.shape)} on {self.reference.device} is not allowed; give "
                f"{problem.shape} on {problem.y.device}"
            )
        return self.reference.to(problem.dtype)


class SelfGuidedDIP(DeepImagePrior):
    """Self-guided deep image prior (Liang et al. 2025): weights and input are trained together on

        ``|A m - y|^2 + alpha |m - z|^2``,  ``m = E f(z + s n)``,

    the mean over ``draws`` draws of ``n``. ``s`` is ``noise`` times the largest ``|z|`` of the first input.

    Raises ``ValueError`` unless ``alpha`` is finite and >= 0, ``noise`` is finite and above 0, and ``draws`` is a whole
    number of at least 1.
    """

    def __init__(
        self,
        net_factory: NetFactory,
        *,
        alpha: float = 0.1,
        noise: float = 0.1,
        draws: int = 2,
        start: Start = adjoint,
        **options: Any,
    ) -> None:
        super().__init__(net_factory, **options)
        if not 0 <= alpha < float("inf"):
            raise ValueError(f"alpha: {alpha!r} is not allowed; give a finite number >= 0")
        if not 0 < noise < float("inf"):
            raise ValueError(f"noise: {noise!r} is not allowed; give a finite number > 0")
        check_count("draws", draws)
        self.alpha, self.noise, self.draws, self.first = alpha, noise, draws, start

    def start(self, problem: Problem, generator: torch.Generator) -> Tensor:
        """The adjoint image, by default."""
        return self.first(problem)

    def prepare(self, problem: Problem) -> None:
        """Fix the level of the noise."""
        self.level = self.noise * self.first(problem).abs().amax((1, 2, 3), keepdim=True)

    def trained_inputs(self, z: Tensor) -> list[Tensor]:
        """The input itself."""
        return [z.clone().requires_grad_()]

    def loss(self, k: int, problem: Problem, network: nn.Module, z: Tensor, generator: torch.Generator) -> Tensor:
        """The loss with fresh draws."""
        mean = torch.stack([network(z + self.level * draw(z, generator)) for _ in range(self.draws)]).mean(0)
        return problem.misfit(mean).sum() + self.alpha * (mean - z).square().sum()


class ASeqDIP(DeepImagePrior):
    """Autoencoding sequential deep image prior (Alkhouri et al. 2024): ``z_k = f(z_{k-1})``, and ``lambda`` pulls the
    output towards the input.

    ``lam`` is a number or a function of the round. ``input_update="dc"`` is that of the released MRI script: after the
    network the measured entries are put in, ``z = x + A^H(y - A x)``. ``squared=False`` takes norms instead of their
    squares, as the released scripts do; with ``|A| <= lam`` such a loss never leaves its input (see the page).

    Raises ``ValueError`` for a ``lam``, or a value of it, that is negative or not finite, an unknown update, and an
    operator without adjoint where one is needed.
    """

    def __init__(
        self,
        net_factory: NetFactory,
        *,
        lam: Weight = 0.1,
        start: Start = adjoint,
        input_update: Literal["net", "dc"] = "net",
        squared: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(net_factory, **options)
        if input_update not in ("net", "dc"):
            raise ValueError(f"input_update: {input_update!r} is unknown; choose net or dc")
        if not callable(lam) and not 0 <= lam < float("inf"):
            raise ValueError(f"lam: {lam!r} is not allowed; give a finite number >= 0, or a function of the round")
        self.lam, self.first, self.input_update, self.squared = lam, start, input_update, squared

    def start(self, problem: Problem, generator: torch.Generator) -> Tensor:
        """The adjoint image, by default."""
        return self.first(problem)

    def prepare(self, problem: Problem) -> None:
        """Keep the problem, for the data-consistent update."""
        self.problem = problem
        if self.input_update == "dc":
            ability(problem, "A_adjoint", "the measured entries are put in")

    def weight(self, k: int) -> float | Tensor:
        """``lambda`` of round ``k``."""
        if not callable(self.lam):
            return self.lam
        value = float(self.lam(k))
        if not 0 <= value < float("inf"):
            raise ValueError(f"lam: {value!r}, its value in round {k}, is not allowed; give a finite number >= 0")
        return value

    def loss(self, k: int, problem: Problem, network: nn.Module, z: Tensor, generator: torch.Generator) -> Tensor:
        """Squares, or norms."""
        if self.squared:
            return super().loss(k, problem, network, z, generator)
        found = network(z)
        distance = (found - z).flatten(1).norm(dim=1)
        return (problem.misfit(found).clamp_min(1e-30).sqrt() + self.weight(k) * distance).sum()

    def update(self, k: int, found: Tensor, z: Tensor, generator: torch.Generator) -> Tensor:
        """The output, with the measured entries put in if asked."""
        if self.input_update == "net":
            return found
        with torch.no_grad():
            return found + self.problem.physics.A_adjoint(self.problem.y - self.problem.physics.A(found))


class UDiGDIP(ASeqDIP):
    """(Unrolled, sequential) diffusion-guided deep image prior (Liang et al. 2025): ``z_k = DP_{tau_k}(f(z_{k-1}))``.

    ``tau`` is the level of purification, in units of the purifier's images: a number or one for each of the ``rounds``.
    Round ``k > 0`` starts with the update at ``tau_k``; ``tau_0`` enters ``lambda_0`` alone. By default ``lambda_k =
    sigma_y^2 / tau_k^2``, cut to [0.001, 1], the choice for which the fixed point is a posterior mean (the theorem of
    chapter 08); the noise level is that of the physics, for each image its own.

    ``scale`` divides the images before they are purified: the purifier's units. It is a number, or ``"data"``: the
    99.5th percentile of the first input's magnitude, for each image, computed once. ``lambda_k`` is made of ``scale``
    times ``tau_k``, the level in units of the image.

    Raises ``ValueError`` for levels that are not above 0 or of another number, and a scale that is not above 0.
    """

    def __init__(
        self,
        net_factory: NetFactory,
        purifier: Purifier,
        *,
        tau: float | Sequence[float] = 0.1,
        lam: Weight | None = None,
        scale: float | Literal["data"] = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(net_factory, lam=0.0 if lam is None else lam, **options)
        levels = [float(tau)] * self.count if isinstance(tau, int | float) else [float(t) for t in tau]
        if len(levels) != self.count or not all(0 < t < float("inf") for t in levels):
            raise ValueError(f"tau: {tau!r} is not allowed; give a level > 0, or {self.count} of them, one for a round")
        if scale != "data" and not (isinstance(scale, int | float) and 0 < scale < float("inf")):
            raise ValueError(f"scale: {scale!r} is not allowed; give a finite number > 0, or 'data'")
        self.purifier, self.tau, self.scale, self.balanced = purifier, levels, scale, lam is None
        self.denoiser, self.evaluations = purifier.denoiser, purifier.evaluations

    def prepare(self, problem: Problem) -> None:
        """Find the scale and the weights. Raises ``ValueError`` when the physics' noise level is not above 0."""
        super().prepare(problem)
        self.unit: float | Tensor = _percentile(self.first(problem)) if self.scale == "data" else float(self.scale)
        if not self.balanced:
            return
        variances = noise_level(problem.physics, problem.shape[0]).square().tolist()
        units = [self.unit] * len(variances) if isinstance(self.unit, float) else self.unit.flatten().tolist()
        of_images = list(zip(variances, units, strict=True))
        self.weights = [for_each([_balance(*image, tau) for image in of_images], problem) for tau in self.tau]

    def weight(self, k: int) -> float | Tensor:
        """``lambda`` of round ``k``."""
        return self.weights[k] if self.balanced else super().weight(k)

    def update(self, k: int, found: Tensor, z: Tensor, generator: torch.Generator) -> Tensor:
        """The purified output."""
        return self.unit * self.purifier(super().update(k, found, z, generator) / self.unit, self.tau[k], generator)


def _balance(variance: float, unit: float, t: float) -> float:
    return min(max(variance / (unit * t) ** 2, LIMITS[0]), LIMITS[1])


def _percentile(z: Tensor) -> Tensor:
    size = z.square().sum(1, keepdim=True).sqrt()
    return size.flatten(1).quantile(0.995, dim=1).reshape(-1, 1, 1, 1)
