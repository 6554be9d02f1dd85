"""One resumable training loop for any loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from lowdim.checks import check_count
from lowdim.training.checkpoints import load_newest, save_checkpoint
from lowdim.training.ema import EMA

MEMORY_WORDS = (  # of allocators and libraries that raise a plain RuntimeError
    "allocate memory",
    "not enough memory",
    "out of memory",
    "STATUS_ALLOC_FAILED",
)
LossStep = Callable[[nn.Module, torch.Generator], Tensor]


@dataclass(frozen=True)
class TrainStep:
    """What a step did: its number from 1, the loss before the update, the learning rate of the first group, and the
    norm of the gradient before clipping.
    """

    step: int
    loss: float
    learning_rate: float
    gradient_norm: float


def train(
    model: nn.Module,
    loss_step: LossStep,
    optimizer: torch.optim.Optimizer,
    steps: int,
    *,
    generator: torch.Generator,
    ema: EMA | None = None,
    schedule: Callable[[int], float] | None = None,
    clip: float = math.inf,
    checkpoint: Path | None = None,
    every: int = 1000,
    tag: str = "",
) -> Iterator[TrainStep]:
    """Train ``model`` in place up to ``steps`` steps, yielding a :class:`TrainStep` after each.

    ``loss_step(model, generator)`` draws a batch and returns the scalar loss, taking all its randomness from
    ``generator``. ``schedule(step)`` multiplies the learning rates that ``optimizer`` came with; ``clip`` bounds the
    gradient's norm.

    With a folder ``checkpoint`` the weights, the average, the optimiser, the generator and the step are saved
    ``every`` so many steps and at the end. Called again with the same arguments, the loop continues from the newest
    sound checkpoint and ends at the same weights: bit for bit on one CPU thread. ``tag`` names the run; a checkpoint
    with another is refused.

    Raises ``ValueError`` for arguments out of range or a checkpoint of another run, ``RuntimeError`` when the
    loss or its gradient is NaN or infinite (before the weights are touched), ``MemoryError`` saying what to set when
    memory is short.
    """
    check_count("steps", steps)
    check_count("every", every)
    if not clip > 0:
        raise ValueError(f"clip: {clip!r} is not allowed; give a norm above 0, or infinity for no clipping")
    run = _Run(model, loss_step, optimizer, generator, ema, schedule or (lambda step: 1.0), clip)
    return run.steps(steps, checkpoint, every, tag)


def warm_up_then_cosine(steps: int, warm_up: int) -> Callable[[int], float]:
    """A schedule: linear from 0 to 1 over ``warm_up`` steps, then half a cosine to 0 at ``steps``."""

    def factor(step: int) -> float:
        if step < warm_up:
            return step / warm_up
        return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))

    return factor


class _Run:
    def __init__(
        self,
        model: nn.Module,
        loss_step: LossStep,
        optimizer: torch.optim.Optimizer,
        generator: torch.Generator,
        ema: EMA | None,
        schedule: Callable[[int], float],
        clip: float,
    ) -> None:
        self.model, self.loss_step, self.optimizer, self.generator = model, loss_step, optimizer, generator
        self.ema, self.schedule, self.clip = ema, schedule, clip
        self.base_rates = [group["lr"] for group in optimizer.param_groups]

    def steps(self, steps: int, checkpoint: Path | None, every: int, tag: str) -> Iterator[TrainStep]:
        done = self.resume(checkpoint, tag) if checkpoint else 0
        self.model.train()
        for step in range(done + 1, steps + 1):
            result = self.step(step)
            if checkpoint and (step % every == 0 or step == steps):
                save_checkpoint(checkpoint, step, {"step": step, "tag": tag, **self.state()})
            yield result

    def step(self, step: int) -> TrainStep:
        factor = self.schedule(step)
        for group, rate in zip(self.optimizer.param_groups, self.base_rates, strict=True):
            group["lr"] = rate * factor
        try:
            return self.update(step)
        except (MemoryError, RuntimeError) as error:
            _explain_memory(error, step, next(self.model.parameters()).device)

    def update(self, step: int) -> TrainStep:
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss_step(self.model, self.generator)
        value = _check_number("loss", float(loss.detach()), step)
        loss.backward()
        norm = _check_number("norm of the gradient", float(clip_grad_norm_(self.model.parameters(), self.clip)), step)
        self.optimizer.step()
        if self.ema is not None:
            self.ema.update(self.model)
        return TrainStep(step, value, self.optimizer.param_groups[0]["lr"], norm)

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "ema": self.ema.state_dict() if self.ema else None,
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
        }

    def resume(self, folder: Path, tag: str) -> int:
        """Take over the newest checkpoint, if there is one, and return its step."""
        state = load_newest(folder)
        if state is None:
            return 0
        if state["tag"] != tag:
            raise ValueError(
                f"checkpoint: {folder} belongs to another run ({state['tag']!r}, not {tag!r}); "
                "give another folder or delete it"
            )
        try:
            self.model.load_state_dict(state["model"])
            if self.ema is not None:
                self.ema.load_state_dict(state["ema"])
            self.optimizer.load_state_dict(_as_optimizer_state(state["optimizer"]))
        except (RuntimeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"checkpoint: {folder} does not fit this model and optimiser ({error}); "
                "give another folder or delete it"
            ) from error
        self.generator.set_state(state["generator"])
        return int(state["step"])


def _as_optimizer_state(state: dict[str, Any]) -> dict[str, Any]:
    """The optimiser's state as it was: JSON turns whole-number keys into texts and tuples into lists."""
    groups = [
        {key: tuple(v) if isinstance(v, list) and key != "params" else v for key, v in group.items()}
        for group in state["param_groups"]
    ]
    return {"state": {int(key): value for key, value in state["state"].items()}, "param_groups": groups}


def _check_number(name: str, value: float, step: int) -> float:
    if math.isfinite(value):
        return value
    raise RuntimeError(
        f"training stopped at step {step}: the {name} is {value}. The weights were not touched. Try a lower "
        "learning rate, a longer warm-up or gradient clipping (clip=1.0), and check that the data are finite"
    )


def _explain_memory(error: BaseException, step: int, device: torch.device) -> NoReturn:
    """Pass an error on, said plainly when it is one of memory."""
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    if not known and not any(words in str(error) for words in MEMORY_WORDS):
        raise error
    raise MemoryError(
        f"memory ran out on {device} at training step {step}{_in_use(device)}: set a smaller batch (of a recipe: "
        "`batch` in the settings of the profile) with a lower learning rate, or a narrower network"
    ) from error


def _in_use(device: torch.device) -> str:
    """How full a GPU is, whoever fills it; nothing for a CPU."""
    if device.type != "cuda":
        return ""
    free, total = torch.cuda.mem_get_info(device)
    return f" ({(total - free) / 1e9:.1f} of {total / 1e9:.1f} GB in use, by all programs)"
