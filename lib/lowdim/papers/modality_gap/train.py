"""Two towers with a temperature, and their contrastive training with any mitigation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from lowdim.papers.modality_gap.swap import Swap
from lowdim.papers.modality_gap.temperature import Temperature, optimiser_groups
from lowdim.training.contrastive import contrastive_loss
from lowdim.training.loop import TrainStep, train, warm_up_then_cosine


class Pair(Protocol):
    """What trains and is measured here: two encoders of a batch each, and a temperature."""

    temperature: Temperature

    def encode_images(self, images: Any) -> Tensor:
        """Embeddings (..., n, d) before normalisation."""

    def encode_texts(self, texts: Any) -> Tensor:
        """Embeddings (..., n, d) before normalisation."""


class TwoTowers(nn.Module):
    """An image tower, a text tower and a temperature."""

    def __init__(self, images: nn.Module, texts: nn.Module, temperature: Temperature) -> None:
        super().__init__()
        self.images, self.texts, self.temperature = images, texts, temperature

    def encode_images(self, images: Any) -> Tensor:
        """Embeddings of images, before normalisation."""
        return self.images(images)

    def encode_texts(self, texts: Any) -> Tensor:
        """Embeddings of texts, before normalisation."""
        return self.texts(texts)


@dataclass(frozen=True)
class Method:
    """A way to train: the rule of the temperature (made for a number of models side by side, or for one), swapping, and
    whether features are normalised.
    """

    temperature: Callable[[int | None], Temperature]
    swap: Swap | None = None
    normalised: bool = True


def step_loss(pair: Pair, images: Any, texts: Any, generator: torch.Generator, method: Method) -> Tensor:
    """The contrastive loss of one batch under a method, summed over models trained side by side."""
    u, v = pair.encode_images(images), pair.encode_texts(texts)
    if u.shape[-2] == 0:
        raise ValueError("texts: the caption set is empty; give at least two pairs")
    if u.shape != v.shape:
        raise ValueError(f"images, texts: embeddings {tuple(u.shape)} and {tuple(v.shape)}; give as many of each")
    # At a scale of 100 a cosine in half precision is wrong by 0.4 as a logit: from here on in full precision.
    with torch.autocast(u.device.type, enabled=False):
        u, v = (x.to(torch.promote_types(x.dtype, torch.float32)) for x in (u, v))
        if method.normalised:
            u, v = normalize(u, dim=-1), normalize(v, dim=-1)
        if method.swap is not None:
            u, v = method.swap(u, v, generator)
        return contrastive_loss(pair.temperature()[..., None, None] * (u @ v.mT)).sum()


Batches = Callable[[torch.Generator], tuple[Any, Any]]
"""Draws a batch of images and texts."""


def train_pair(
    pair: nn.Module,
    batches: Batches,
    method: Method,
    steps: int,
    generator: torch.Generator,
    *,
    learning_rate: float = 1e-3,
    weight_decay: float = 0.0,
    warm_up: int = 0,
    autocast: bool = False,
) -> Iterator[TrainStep]:
    r"""Train two towers and their temperature with AdamW and a cosine, yielding after each step.

    ``pair.temperature`` follows its schedule and is kept below its largest scale; :math:`\nu` has its own learning rate
    and no weight decay. Raises ``ValueError`` for an empty or unequal batch, and as :func:`lowdim.training.loop.train`.
    """
    temperature: Temperature = pair.temperature  # type: ignore[assignment]
    own = {id(p) for p in temperature.parameters()}
    towers = [p for p in pair.parameters() if id(p) not in own and p.requires_grad]
    groups = optimiser_groups(towers, temperature, learning_rate)
    optimiser = torch.optim.AdamW(groups, lr=learning_rate, weight_decay=weight_decay, foreach=True)
    where = next(pair.parameters()).device.type

    def loss(model: nn.Module, source: torch.Generator) -> Tensor:
        images, texts = batches(source)
        with torch.autocast(where, dtype=torch.bfloat16, enabled=autocast):
            return step_loss(model, images, texts, source, method)  # type: ignore[arg-type]

    temperature.at(0.0)
    schedule = warm_up_then_cosine(steps, warm_up)
    done = train(pair, loss, optimiser, steps, generator=generator, schedule=lambda step: schedule(step - 1))
    for step in done:
        temperature.at(min(step.step / steps, 1.0))
        temperature.project()
        yield step


def steps_to_show(steps: int, count: int = 40) -> tuple[int, ...]:
    """About ``count`` steps from 1 to ``steps``, evenly on a logarithm, to look at a training."""
    return tuple(sorted({round(math.exp(math.log(steps) * i / (count - 1))) for i in range(count)}))
