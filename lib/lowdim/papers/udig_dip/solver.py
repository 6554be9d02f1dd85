"""What every method of this chapter has in common: rounds of training an untrained network on one measurement.

A round is ``steps`` updates of the weights on

    |A f(z) - y|^2 + lambda_k |f(z) - z|^2

with the input ``z`` frozen; then the input is updated. The sums run over all entries. Methods differ in the first
input, in ``lambda_k``, and in the update.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from lowdim.checks import check_count, check_finite
from lowdim.compat import import_deepinv
from lowdim.measurement.problem import Problem, check_converged, check_worst
from lowdim.papers.udig_dip.networks import NetFactory, SideBySide
from lowdim.papers.udig_dip.problem import ability, pose

deepinv: Any = import_deepinv()

ADVICE = "are there enough rounds and steps, is the learning rate right, is y in the units of the images?"


class Diverged(RuntimeError):
    """The network's output became NaN or infinite on the way."""


@dataclass(frozen=True)
class State:
    """All that the rest of a run depends on: the next round, its input, the network, its optimiser, the generator; and
    the ``settings`` of the run, which the one that is taken up has to share.
    """

    index: int
    z: Tensor
    network: dict[str, Any]
    optimiser: dict[str, Any]
    random: Tensor
    settings: dict[str, Any]


@dataclass(frozen=True)
class Round:
    """One round: the input ``z (B, C, H, W)`` it was trained with, the network's output there after its updates, and
    of that output ``|A f - y|^2`` and ``|f - z|^2``, each ``(B,)``. ``updates`` counts the updates so far, ``after`` is
    where the run can be taken up again, if that was asked for.
    """

    index: int
    z: Tensor
    estimate: Tensor
    misfit: Tensor
    distance: Tensor
    updates: int
    after: State | None


@dataclass(frozen=True)
class Solution:
    """The end of a run: the last ``estimate (B, C, H, W)``, never the best, which only the truth could tell.

    ``misfit (B,)`` is its ``|A f - y|^2``, ``z`` the last input; ``updates`` counts evaluations of the network with a
    gradient for each image, ``evaluations`` those of the denoiser.
    """

    estimate: Tensor
    z: Tensor
    misfit: Tensor
    updates: int
    evaluations: int


class Solver(deepinv.models.Reconstructor):
    """A reconstructor of deepinv that also says what it did: a subclass has ``solve``, and is called for the estimate
    alone.
    """

    def forward(
        self, y: Tensor, physics: Any, generator: torch.Generator | None = None, *, worst: float | None = None
    ) -> Tensor:
        """The reconstruction ``(B, C, H, W)`` of the measurements ``y (B, ...)``; see :meth:`solve`."""
        return self.solve(y, physics, generator, worst=worst).estimate

    @abstractmethod
    def solve(
        self, y: Tensor, physics: Any, generator: torch.Generator | None = None, *, worst: float | None = None
    ) -> Solution:
        """The estimate, what it explains of ``y``, and what it cost."""


class DeepImagePrior(Solver):
    """Vanilla deep image prior (Ulyanov et al. 2018): ``z`` is noise, drawn once, and nothing is added to the loss.

    ``net_factory`` makes an untrained network, image to image. A batch of ``B`` measurements trains ``B`` networks side
    by side. There are ``rounds`` rounds of ``steps`` updates by Adam; for this method the division into rounds changes
    nothing. The last output is returned: there is no early stopping, unless the caller stops the loop :meth:`rounds`.

    Raises ``ValueError`` for a network in the place of its factory, counts below 1, or a learning rate that is not
    above 0.
    """

    def __init__(
        self,
        net_factory: NetFactory,
        *,
        rounds: int = 40,
        steps: int = 10,
        learning_rate: float = 2e-3,
        progress: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(net_factory, nn.Module) or not callable(net_factory):
            raise ValueError(
                f"net_factory: a {type(net_factory).__name__} is not allowed; give a function that makes an untrained "
                "network, such as lambda: UNet(2)"
            )
        self.count, self.steps = check_count("rounds", rounds), check_count("steps", steps)
        if not 0 < learning_rate < float("inf"):
            raise ValueError(f"learning_rate: {learning_rate!r} is not allowed; give a number > 0")
        self.net_factory, self.learning_rate, self.progress = net_factory, learning_rate, progress
        # Of the update of the input, for a method that has one. No class attribute: it would hide a module set later.
        self.denoiser: Any = None
        self.evaluations = 0

    def solve(
        self, y: Tensor, physics: Any, generator: torch.Generator | None = None, *, worst: float | None = None
    ) -> Solution:
        """Run to the end and count what it cost.

        ``generator`` (PyTorch's global one by default) draws the weights, the input and all noise. With ``worst``,
        final residuals above ``worst`` times that of the noise raise :class:`~lowdim.measurement.problem.NotConverged`.
        Raises ``ValueError`` at once for a ``worst`` that is not finite and above 0.
        """
        check_worst(worst)
        for last in self.rounds(y, physics, generator):  # noqa: B007
            pass
        if worst is not None:
            check_converged(last.misfit, pose(y, physics), worst, ADVICE)
        return Solution(last.estimate, last.z, last.misfit, last.updates, last.index * self.evaluations)

    def rounds(
        self,
        y: Tensor,
        physics: Any,
        generator: torch.Generator | None = None,
        *,
        resume: State | None = None,
        keep: bool = False,
    ) -> Iterator[Round]:
        """The rounds one by one; the caller may look, stop, or (with ``keep``) store ``after`` and ``resume`` from it.

        A resumed run ends at the same bits as one that was not stopped. Runs of one solver do not touch each other:
        their rounds may alternate. Raises ``ValueError`` at once for what :func:`~lowdim.measurement.problem.pose`
        refuses (NaN, shapes, devices), noise levels that are not above 0, and the state of a run with other settings;
        and :class:`Diverged` on the way.
        """
        return copy.copy(self)._begin(y, physics, generator, resume, keep)  # what prepare finds is this run's alone

    def _begin(
        self, y: Tensor, physics: Any, generator: torch.Generator | None, resume: State | None, keep: bool
    ) -> Iterator[Round]:
        problem = pose(y, physics, self.denoiser)
        if resume is not None:
            _check_state(resume, self._settings(problem))
        self.prepare(problem)
        generator = torch.default_generator if generator is None else generator
        network = SideBySide(self.net_factory, problem.shape[0], generator).to(y.device, problem.dtype)
        z = self.start(problem, generator) if resume is None else resume.z
        inputs = self.trained_inputs(z)
        optimiser = torch.optim.Adam([*network.parameters(), *inputs], lr=self.learning_rate, fused=y.is_cuda)
        if resume is not None:
            network.load_state_dict(resume.network)
            optimiser.load_state_dict(resume.optimiser)
            generator.set_state(resume.random)
        return self._walk(problem, network, optimiser, inputs[0] if inputs else z, generator, resume, keep)

    def _walk(
        self,
        problem: Problem,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        z: Tensor,
        generator: torch.Generator,
        resume: State | None,
        keep: bool,
    ) -> Iterator[Round]:
        first = 0 if resume is None else resume.index
        with tqdm(total=self.count, initial=first, unit="round", disable=None if self.progress else True) as bar:
            for k in range(first, self.count):
                if k:
                    z = self.update(k, network(z).detach(), z, generator)
                for _ in range(self.steps):
                    with torch.enable_grad():
                        loss = self.loss(k, problem, network, z, generator)
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                with torch.no_grad():
                    found = network(z)
                    misfit = problem.misfit(found)
                if not bool(torch.isfinite(misfit).all()):
                    raise Diverged(f"round {k}: the output is not finite; take a smaller learning_rate or weight")
                bar.update()
                frozen = z.detach()
                distance = (found - frozen).flatten(1).square().sum(1)
                after = _state(k + 1, frozen, network, optimiser, generator, self._settings(problem)) if keep else None
                yield Round(k, frozen.clone(), found, misfit, distance, (k + 1) * self.steps, after)

    def _settings(self, problem: Problem) -> dict[str, Any]:
        return {
            "method": type(self).__name__, "rounds": self.count, "steps": self.steps,
            "learning_rate": self.learning_rate, "images": problem.shape, "dtype": problem.dtype,
        }  # fmt: skip

    def prepare(self, problem: Problem) -> None:
        """Look at the problem before the first round; for a subclass that needs to. ``self`` is a shallow copy of the
        solver, made for one run: what is found may be kept in attributes, but no module.
        """

    def start(self, problem: Problem, generator: torch.Generator) -> Tensor:
        """The first input: standard normal noise."""
        return draw(torch.empty(problem.shape, dtype=problem.dtype, device=problem.y.device), generator)

    def trained_inputs(self, z: Tensor) -> list[Tensor]:
        """The input, if it is trained with the weights."""
        return []

    def weight(self, k: int) -> float | Tensor:
        """``lambda`` of round ``k``: a number, or one for each image ``(B,)``."""
        return 0.0

    def loss(self, k: int, problem: Problem, network: nn.Module, z: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of round ``k``, the sum over the batch."""
        found, weight = network(z), self.weight(k)
        data = problem.misfit(found).sum()
        if isinstance(weight, Tensor):
            return data + (weight * (found - z).flatten(1).square().sum(1)).sum()
        return data + weight * (found - z).square().sum() if weight else data

    def update(self, k: int, found: Tensor, z: Tensor, generator: torch.Generator) -> Tensor:
        """The input of round ``k``, from the output and the input of the round before."""
        return z


def _state(
    index: int,
    z: Tensor,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    settings: dict[str, Any],
) -> State:
    parts = copy.deepcopy((network.state_dict(), optimiser.state_dict()))
    return State(index, z.clone(), *parts, generator.get_state().clone(), settings)


def _check_state(state: State, settings: dict[str, Any]) -> None:
    """Refuse the state of a run with other settings."""
    if not isinstance(state, State):
        raise ValueError(
            f"resume: a {type(state).__name__} is not allowed; give Round.after of a run with rounds(..., keep=True)"
        )
    for name, here in settings.items():
        there = state.settings[name]
        if there != here:
            raise ValueError(
                f"resume: a state of a run with {name} {there} is not allowed; give one with {name} {here}"
            )


def draw(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise like ``x``, drawn on the generator's device."""
    return torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device).to(x.device)


def adjoint(problem: Problem) -> Tensor:
    """``c A^H y``, with the ``c (B,)`` that explains the measurement best.

    For an orthonormal transform ``c`` is near 1; projections of tomography need it, because their adjoint is a blurred
    image of another size. Raises ``ValueError`` for an operator without adjoint.
    """
    back_project = ability(problem, "A_adjoint", "the first image is made (unless start makes another)")
    with torch.no_grad():
        back = back_project(problem.y)
        seen = problem.physics.A(back)
        inner = torch.stack([(a.conj() * b).real.sum() for a, b in zip(seen, problem.y, strict=True)])
        size = torch.stack([a.abs().square().sum() for a in seen])
        return check_finite("A_adjoint(y)", back) * (inner / size.clamp_min(1e-30)).reshape(-1, 1, 1, 1)
