"""Reflow and its variants with real data, for any velocity network: RCA Reflow, OCAR, OCAR-S.

Later versions of the paper call them RA, ORA and ORAS Reflow. All are :func:`reflow` with another source of pairs
(:mod:`lowdim.papers.model_collapse.pairs`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lowdim.checks import check_count
from lowdim.denoising.velocities import Velocity
from lowdim.papers.model_collapse.pairs import (
    Generated,
    Independent,
    Mixture,
    PairSource,
    Reversed,
    check_real,
)
from lowdim.training.checkpoints import load_newest, save_checkpoint
from lowdim.training.ema import EMA
from lowdim.training.loop import TrainStep, train, warm_up_then_cosine
from lowdim.training.losses import flow_matching_loss

Loss = Callable[[Any, Tensor, Tensor, torch.Generator], Tensor]
"""``loss(velocity, x0, x1, generator)``, a scalar."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How a round is trained: Adam with linear warm-up and a cosine to zero, started anew in each round.

    ``pool`` pairs are made at a time. With ``refresh = None`` (offline) that is once a round, by the flow of the round
    before; else every ``refresh`` steps, by the network as it is then (online). ``ema`` is the decay of the averaged
    weights that become the round's flow (``None``: the last weights), ``clip`` bounds the gradient's norm, ``every``
    is the number of steps between checkpoints.
    """

    steps: int
    batch: int = 128
    pool: int = 2_000
    refresh: int | None = None
    learning_rate: float = 1e-3
    warm_up: int = 0
    ema: float | None = None
    clip: float = 1.0
    every: int = 500

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "pool", "every"):
            check_count(name, getattr(self, name))
        if self.pool < self.batch:
            raise ValueError(f"pool: {self.pool} is not allowed; give at least a batch, {self.batch}")
        if self.refresh is not None and (self.refresh < 1 or self.every % self.refresh):
            raise ValueError(
                f"refresh: {self.refresh!r} is not allowed; give a number of steps of which every = {self.every} is a "
                "multiple, so that a resumed run makes the same pairs, or None for pairs made once a round"
            )


@dataclass(frozen=True)
class ReflowStep:
    """A training step of round ``round`` (from 1). ``flow`` is the finished flow, frozen, at a round's last step."""

    round: int
    step: int
    loss: float
    flow: nn.Module | None = None


def reflow(
    velocity: nn.Module,
    source: PairSource,
    rounds: int,
    fit: Fit,
    *,
    generator: torch.Generator,
    loss: Loss = flow_matching_loss,
    checkpoint: Path | None = None,
    tag: str = "",
) -> Iterator[ReflowStep]:
    """Train ``velocity`` in place on pairs from ``source`` for ``rounds`` rounds, each starting from the last one's
    flow, and yield a :class:`ReflowStep` after each step.

    ``velocity(x, t)`` is any network of points ``(B, *shape)`` and times ``(B,)`` that returns ``(B, *shape)``.
    With a folder ``checkpoint``, a run called again with the same arguments goes on where it stopped and ends at the
    same weights (bit for bit on one CPU thread); of a round that is finished it yields the last step again. ``tag``
    names the run; a folder of another is refused.

    Raises ``ValueError`` for less than one round, pairs or velocities of a wrong shape, a folder of another run;
    ``RuntimeError`` when a loss, a gradient or a pair is NaN or infinite.
    """
    check_count("rounds", rounds)
    return _Rounds(velocity, source, fit, generator, loss, checkpoint, tag).run(rounds)


def first_flow(velocity: nn.Module, real: Tensor, fit: Fit, **options: Any) -> Iterator[ReflowStep]:
    """The first flow ("1-RF"): one round on real data with fresh noise in every step. ``options`` as in
    :func:`reflow`.
    """
    return reflow(velocity, Independent(real), 1, replace(fit, pool=fit.batch, refresh=1), **options)


def rca_reflow(
    velocity: nn.Module,
    real: Tensor,
    rounds: int,
    fit: Fit,
    *,
    ratio: float = 0.5,
    euler_steps: int = 50,
    through: Velocity | None = None,
    **options: Any,
) -> Iterator[ReflowStep]:
    """RCA Reflow: a fraction ``ratio`` of each round's pairs are real data ``(N, *shape)`` with the noise that a flow
    finds for them, the rest are generated. ``ratio = 0`` is plain Reflow.

    Real data go backwards through the flow of the round before (the paper), or through ``through``, say a frozen copy
    of the first flow. ``options`` as in :func:`reflow`. Raises ``ValueError`` for a ratio outside [0, 1] or empty
    data, beside what :func:`reflow` raises.
    """
    check_real(real)
    backwards = Reversed(real, euler_steps, through=through)
    return reflow(velocity, Mixture(Generated(real, euler_steps), backwards, ratio), rounds, fit, **options)


def ocar(
    velocity: nn.Module,
    real: Tensor,
    rounds: int,
    fit: Fit,
    *,
    ratio: float = 0.5,
    euler_steps: int = 50,
    refresh: int = 1,
    noise_std: float = 0.0,
    through: Velocity | None = None,
    **options: Any,
) -> Iterator[ReflowStep]:
    """OCAR: as :func:`rca_reflow`, with both kinds of pairs made anew every ``refresh`` steps by the network in
    training (real data go backwards through ``through`` where it is given). With ``noise_std > 0`` they do so
    stochastically: OCAR-S (the released code has 1e-3).
    """
    check_real(real)
    backwards = Reversed(real, euler_steps, noise_std=noise_std, through=through)
    source = Mixture(Generated(real, euler_steps), backwards, ratio)
    return reflow(velocity, source, rounds, replace(fit, refresh=refresh), **options)


def flows(steps: Iterator[ReflowStep]) -> Iterator[nn.Module]:
    """The finished flows of a run, round after round."""
    return (step.flow for step in steps if step.flow is not None)


def frozen(velocity: nn.Module) -> nn.Module:
    """A copy that is not trained any more."""
    return copy.deepcopy(velocity).eval().requires_grad_(False)


class _Rounds:
    def __init__(
        self,
        velocity: nn.Module,
        source: PairSource,
        fit: Fit,
        generator: torch.Generator,
        loss: Loss,
        folder: Path | None,
        tag: str,
    ) -> None:
        self.velocity, self.source, self.fit = velocity, source, fit
        self.generator, self.loss, self.folder = generator, loss, folder
        self.tag = json.dumps({"tag": tag, **asdict(fit)}, sort_keys=True)

    def run(self, rounds: int) -> Iterator[ReflowStep]:
        self.begin()
        for number in range(1, rounds + 1):
            done = self.load(number)
            if done is not None:
                yield ReflowStep(number, self.fit.steps, done["loss"], frozen(self.velocity))
            else:
                yield from self.round(number)

    def begin(self) -> None:
        """Keep the first weights, or check that they are those of the run in the folder."""
        mine = {name: value.clone() for name, value in self.velocity.state_dict().items()}
        if self.load(0) is None:
            self.save(0, 0.0)
            return
        kept = self.velocity.state_dict()
        if not all(torch.equal(kept[name], value) for name, value in mine.items()):
            raise ValueError(f"checkpoint: {self.folder} belongs to a run from other weights; give another folder")

    def round(self, number: int) -> Iterator[ReflowStep]:
        fit, flow = self.fit, frozen(self.velocity)
        ema = None if fit.ema is None else EMA(self.velocity, fit.ema)
        step: TrainStep | None = None
        folder = self.folder / f"round-{number:02d}" if self.folder else None
        steps = train(
            self.velocity,
            _Batches(self.source, flow, fit, self.loss, self.generator),
            torch.optim.Adam(self.velocity.parameters(), lr=fit.learning_rate, fused=True),
            fit.steps,
            generator=self.generator,
            ema=ema,
            schedule=warm_up_then_cosine(fit.steps + 1, fit.warm_up),
            clip=fit.clip,
            checkpoint=folder,
            every=fit.every,
            tag=self.tag,
        )
        for step in steps:
            if step.step < fit.steps:
                yield ReflowStep(number, step.step, step.loss)
        if ema is not None:
            self.velocity.load_state_dict(ema.module.state_dict())
        value = step.loss if step else float("nan")  # killed between the last step and here: its loss is not kept
        self.save(number, value)
        yield ReflowStep(number, fit.steps, value, frozen(self.velocity))

    def save(self, number: int, loss: float) -> None:
        if self.folder:
            state = {"flow": self.velocity.state_dict(), "generator": self.generator.get_state()}
            save_checkpoint(self.folder / f"flow-{number:02d}", number, {**state, "tag": self.tag, "loss": loss})

    def load(self, number: int) -> dict[str, Any] | None:
        """Take over the weights and the generator as they were after a round, if it is kept."""
        state = load_newest(self.folder / f"flow-{number:02d}") if self.folder else None
        if state is None:
            return None
        if state["tag"] != self.tag:
            raise ValueError(f"checkpoint: {self.folder} belongs to another run ({state['tag']}); give another folder")
        self.velocity.load_state_dict(state["flow"])
        self.generator.set_state(state["generator"])
        return state


class _Batches:
    """The loss of one step on a batch of the pool, which is made when first needed and, online, again and again."""

    def __init__(self, source: PairSource, flow: nn.Module, fit: Fit, loss: Loss, generator: torch.Generator) -> None:
        self.source, self.fit, self.loss = source, fit, loss
        self.count = 0
        # Before training takes over the generator of a checkpoint, so that a resumed round has the same pool.
        self.pool = source(flow, fit.pool, generator) if fit.refresh is None else None

    def __call__(self, model: nn.Module, generator: torch.Generator) -> Tensor:
        if self.fit.refresh is not None and self.count % self.fit.refresh == 0:
            model.eval()
            self.pool = self.source(model, self.fit.pool, generator)
            model.train()
        self.count += 1
        assert self.pool is not None
        rows = torch.randperm(self.fit.pool, generator=generator, device=generator.device)[: self.fit.batch]
        x0, x1 = (side[rows.to(side.device)] for side in self.pool)
        return self.loss(model, x0, x1, generator)
